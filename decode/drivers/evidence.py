"""Which regulator was at work? The sum of standardised lines of evidence, each of which never saw the query."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from decode.core.checks import check_known, check_unique, listed
from decode.drivers.lines import Float, Line
from decode.statistics.ranks import normal_scores

logger = logging.getLogger(__name__)

OWN_CHANGE = "own_change"
MIN_REGULATORS = 5  # ours: of a kind that a line must know, to be standardised over them
MIN_GENES = 100  # ours, as for the regression on sites
LEAST_SHARE = 1e-9  # of a column's variance that must be left once the covariates are out
CAVEAT = "a high score can also mean: a factor of these cells, whatever was done to them"


class EvidenceResult(NamedTuple):
    """Scores of all regulators in all contrasts.

    Attributes
    ----------
    table : pd.DataFrame
        One row a contrast and regulator: contrast, kind, regulator, n_lines (lines that know it), combined, rank (1 is
        best; among the regulators of its kind that a line knows), one z_LINE a line (standardised over the kind; NaN
        where the line does not know it), p_value (NaN without background contrasts), own_change (the statistic of the
        regulator's own gene, of several the largest; NaN where unknown).
    lines : pd.DataFrame
        One row a contrast, line and kind: n_regulators, mean and sd of the raw z over them; raw z = mean + sd z_LINE.
    counts : dict
        Genes of each contrast, lines with their rules and counts, background contrasts, covariates.
    """

    table: pd.DataFrame
    lines: pd.DataFrame
    counts: dict[str, Any]


def evidence_scores(
    queries: pd.DataFrame,
    lines: Sequence[Line],
    *,
    is_signature: bool = False,
    universe: Collection[str] | None = None,
    expression: pd.Series | None = None,
    background: pd.DataFrame | None = None,
    own_genes: Mapping[tuple[str, str], Sequence[str]] | None = None,
    with_own_change: bool = False,
) -> EvidenceResult:
    """Score every regulator in every contrast by how the lines of evidence agree with the genes that change.

    Parameters
    ----------
    queries : pd.DataFrame, shape (n_genes, n_contrasts)
        Signed statistics, or 1, -1 and 0 of signatures. Index: gene ids, those of the lines in their order. NaN: not
        measured, outside this contrast.
    lines : sequence of Line
        From `decode.drivers.lines`, all on the same genes.
    is_signature : bool
        Queries hold signatures: sizes are taken as they are. Otherwise the normal scores of the sizes, so that a few
        extreme genes weigh no more than others.
    universe : collection of str, optional
        Gene ids that could have changed: for signatures the genes that are expressed somewhere. Default all.
    expression : pd.Series, optional
        log2 level by gene id: with its square the covariates of lines and queries; genes without one count as the
        median. Without it there are no covariates.
    background : pd.DataFrame, optional
        Contrasts in which other regulators were perturbed, of the same make as `queries`: signatures for signatures,
        statistics for statistics.
    own_genes : mapping of (kind, regulator) to gene ids, optional
        From `decode.regulators.genes.regulator_genes`, for the column own_change.
    with_own_change : bool
        Count the size of the regulator's own change as one more line. It is no evidence where the regulator's gene
        was changed on purpose or in many contrasts anyway, hence the option.

    Returns
    -------
    EvidenceResult

    Raises
    ------
    ValueError
        If there is no line, genes of lines and queries differ, a contrast has fewer than 100 genes or no change, the
        background holds signatures and the queries do not, or own changes are to be counted without `own_genes`.
    KeyError
        If a gene of the universe is unknown.

    Notes
    -----
    For line X, regulator t and a contrast with y_g the size of the change of gene g (either sign: a lost regulator lets
    some targets rise and others fall),

        z_t = sqrt(n) corr(X_t - P X_t, y - P y),   P = projection on 1, E, E^2,

    over the n genes of the contrast, E the expression level. Under exchange of genes z has SD 1; over real contrasts it
    has 1.5 to 5, so it is no test. z is standardised over the regulators of the same kind that the line knows (TFs,
    RBPs and miRNAs have lines of different makes, so that they are no scale for one another), and

        combined_t = sum over lines of (z_t - mean) / SD,   0 where a line does not know t.

    p_t = (1 + number of background contrasts whose combined_t is at least as large) / (1 + number of them): how often
    this regulator scores as high when other regulators were perturbed. It holds for queries of the same make as the
    background only: against a background of perturbation signatures, tables between random halves of a cohort have 13 %
    of p below 0.05, and the signatures of their 505 most changed genes 11 %.

    References
    ----------
    Phipson & Smyth 2010, Stat Appl Genet Mol Biol 9:39 (1 + of p-values by sampling). Keenan et al. 2019, Nucleic Acids
    Res 47:W212 (ChEA3: ranks of several libraries combined).
    """
    gene_ids = _check(queries, lines, own_genes if with_own_change else {})
    inside = np.ones(len(gene_ids), dtype=bool)
    if universe is not None:
        check_known("gene(s) of the universe", universe, gene_ids.tolist(), "the lines")
        inside = np.isin(gene_ids, list(universe))
    level = None if expression is None else _level(expression, gene_ids)
    regulators = _regulators(lines)
    values = queries.to_numpy(dtype=np.float64)
    own = _own_change(values, gene_ids, regulators, own_genes or {})
    scorer = _Scorer(lines, regulators, level, inside)
    extra = {OWN_CHANGE: _own_sizes(own)} if with_own_change else {}
    scored = scorer.scores(values, is_signature, queries.columns.tolist(), extra)
    p_value = np.full(scored.combined.shape, np.nan)
    n_background = 0
    if background is not None:
        others = _background(background, queries, is_signature)
        n_background = others.shape[1]
        theirs = {}
        if with_own_change:
            theirs = {OWN_CHANGE: _own_sizes(_own_change(others, gene_ids, regulators, own_genes or {}))}
        p_value = background_p(
            scored.combined, scorer.scores(others, is_signature, background.columns.tolist(), theirs).combined
        )
    counts = {
        "n_genes": {str(name): int(n) for name, n in zip(queries.columns, scored.n_genes, strict=True)},
        "lines": {line.name: {"rule": line.rule} | line.counts for line in lines},
        "n_background_contrasts": n_background,
        "covariates": [] if level is None else ["mean expression", "mean expression squared"],
        "with_own_change": with_own_change,
        "note": CAVEAT,
    }
    return EvidenceResult(_table(queries, regulators, scored, p_value, own), scored.lines, counts)


def line_scores(sizes: Float, lines: Sequence[Line], *, expression: pd.Series | None = None) -> Float:
    """Combined scores of sizes of change that are taken as they are.

    Parameters
    ----------
    sizes : float64 array, shape (n_genes, n_targets)
        On the genes of the lines; NaN: not measured.
    lines : sequence of Line
    expression : pd.Series, optional

    Returns
    -------
    float64 array, shape (n_targets, n_regulators)
        Regulators in the order of `EvidenceResult.table`.
    """
    gene_ids = lines[0].gene_ids
    level = None if expression is None else _level(expression, gene_ids)
    scorer = _Scorer(lines, _regulators(lines), level, np.ones(len(gene_ids), dtype=bool))
    return scorer.scores(sizes, True, [str(number) for number in range(sizes.shape[1])], {}).combined


def background_p(combined: Float, background: Float) -> Float:
    """Share of background contrasts in which the same regulator scores at least as high.

    Parameters
    ----------
    combined : float64 array, shape (n_contrasts, n_regulators)
    background : float64 array, shape (n_background, n_regulators)

    Returns
    -------
    float64 array, shape (n_contrasts, n_regulators)
        (1 + #) / (1 + n_background); NaN where there is no score.

    Examples
    --------
    >>> background_p(np.array([[2.0]]), np.array([[1.0], [3.0], [2.0]])).tolist()
    [[0.75]]
    """
    ordered = np.sort(background, axis=0)
    n = len(ordered)
    p_value = np.full(combined.shape, np.nan)
    for column in range(combined.shape[1]):
        is_known = np.isfinite(combined[:, column])
        above = n - np.searchsorted(ordered[:, column], combined[is_known, column], "left")
        p_value[is_known, column] = (1 + above) / (1 + n)
    return p_value


class _Scores(NamedTuple):
    """z of each line (contrast x regulator, standardised), their sum, and what they were standardised by."""

    z: dict[str, Float]
    combined: Float
    lines: pd.DataFrame
    n_genes: NDArray[np.int64]


class _Scorer:
    """Lines and covariates; of a set of measured genes the parts that do not depend on the query are made once."""

    def __init__(
        self, lines: Sequence[Line], regulators: pd.DataFrame, level: Float | None, inside: NDArray[np.bool_]
    ) -> None:
        self.lines, self.level, self.inside = lines, level, inside
        self.kind = regulators["kind"].to_numpy(dtype=object)
        index = pd.MultiIndex.from_frame(regulators)
        self.columns = {line.name: index.get_indexer(pd.MultiIndex.from_frame(line.regulators)) for line in lines}

    def scores(self, queries: Float, is_signature: bool, names: list[str], extra: Mapping[str, Float]) -> _Scores:
        """Queries (gene x contrast) and further lines (contrast x regulator) to scores."""
        n_contrasts, n_regulators = queries.shape[1], len(self.kind)
        raw = {line.name: np.full((n_contrasts, n_regulators), np.nan) for line in self.lines} | dict(extra)
        measured = np.isfinite(queries) & self.inside[:, None]
        groups: dict[bytes, list[int]] = {}
        for number in range(n_contrasts):
            groups.setdefault(measured[:, number].tobytes(), []).append(number)
        for members in groups.values():
            numbers = np.array(members, dtype=np.int64)
            rows = measured[:, members[0]]
            size = np.abs(queries[rows][:, numbers])
            _check_sizes(size, [names[number] for number in members])
            if not is_signature:
                size = normal_scores(size)
            for name, found_z in self._raw(rows, size).items():
                raw[name][np.ix_(numbers, self.columns[name])] = found_z
        z: dict[str, Float] = {}
        records = []
        for name, scores in raw.items():
            z[name], found = _standardised_by_kind(scores, self.kind)
            records += [{"contrast": names[number], "line": name} | row for number, row in found]
        combined = np.stack([np.nan_to_num(one) for one in z.values()]).sum(axis=0)
        combined[np.all([np.isnan(one) for one in z.values()], axis=0)] = np.nan
        columns = ["contrast", "line", "kind", "n_regulators", "mean", "sd"]
        return _Scores(z, combined, pd.DataFrame(records, columns=columns), measured.sum(axis=0))

    def _raw(self, rows: NDArray[np.bool_], size: Float) -> dict[str, Float]:
        """sqrt(n) times the partial correlation, contrast x regulators of the line; NaN for constant columns."""
        n = int(rows.sum())
        basis = np.ones((n, 1))
        if self.level is not None:
            centred = self.level[rows] - self.level[rows].mean()
            basis = np.column_stack([basis, centred, centred**2])
        q, _ = np.linalg.qr(basis)
        y = size - q @ (q.T @ size)
        y /= np.linalg.norm(y, axis=0)
        found = {}
        for line in self.lines:
            x = line.matrix if rows.all() else line.matrix[rows]
            explained = q.T @ x
            square = np.einsum("ij,ij->j", x, x)
            left = square - (explained**2).sum(axis=0)  # of the residuals: no copy of the line is made
            left[left <= LEAST_SHARE * square] = np.nan
            found[line.name] = np.sqrt(n) * (y.T @ x) / np.sqrt(left)
        return found


def _standardised_by_kind(raw: Float, kind: NDArray[np.object_]) -> tuple[Float, list[tuple[int, dict[str, Any]]]]:
    """z over the regulators of each kind; NaN for a kind of which the line knows too few or cannot tell any apart."""
    z = np.full(raw.shape, np.nan)
    records: list[tuple[int, dict[str, Any]]] = []
    for name in dict.fromkeys(kind.tolist()):
        of_kind = kind == name
        part = raw[:, of_kind]
        n_known = np.isfinite(part).sum(axis=1)
        usable = np.flatnonzero(n_known >= MIN_REGULATORS)
        mean, sd = np.nanmean(part[usable], axis=1), np.nanstd(part[usable], axis=1)
        sd[sd <= 0] = np.nan
        block = np.full(part.shape, np.nan)
        block[usable] = (part[usable] - mean[:, None]) / sd[:, None]
        z[:, of_kind] = block
        records += [
            (int(row), {"kind": name, "n_regulators": int(n_known[row]), "mean": mean[i], "sd": sd[i]})
            for i, row in enumerate(usable)
        ]
    return z, records


def _check(
    queries: pd.DataFrame, lines: Sequence[Line], own_genes: Mapping[tuple[str, str], Sequence[str]] | None
) -> NDArray[np.str_]:
    if not lines:
        raise ValueError("no line of evidence is given; give features, --coexpression or --network")
    check_unique("names of lines", [line.name for line in lines])
    check_unique("contrasts", queries.columns)
    gene_ids = lines[0].gene_ids
    for name, other in [(f"line {line.name}", line.gene_ids) for line in lines[1:]] + [
        ("queries", queries.index.to_numpy(dtype=str))
    ]:
        if len(other) != len(gene_ids) or (other != gene_ids).any():
            raise ValueError(
                f"{name}: {len(other)} genes are not the {len(gene_ids)} genes of line {lines[0].name} in their order; "
                "make all from one gene table"
            )
    if own_genes is None:
        raise ValueError("own changes are to be counted, but own_genes is missing; give them from regulator_genes")
    return gene_ids


def _check_sizes(size: Float, names: list[str]) -> None:
    if len(size) < MIN_GENES:
        raise ValueError(f"contrast(s) {listed(names)}: {len(size)} genes are left; at least {MIN_GENES} are wanted")
    flat = [name for name, spread in zip(names, np.ptp(size, axis=0), strict=True) if not spread > 0]
    if flat:
        raise ValueError(
            f"contrast(s) {listed(flat)}: all genes change alike (or none does); give contrasts in which genes differ"
        )


def _regulators(lines: Sequence[Line]) -> pd.DataFrame:
    """All regulators that any line knows, in order of first appearance."""
    frame = pd.concat([line.regulators[["kind", "regulator"]] for line in lines], ignore_index=True)
    return frame.drop_duplicates().reset_index(drop=True)


def _background(background: pd.DataFrame, queries: pd.DataFrame, is_signature: bool) -> Float:
    """The background on the genes of the queries: genes that a signature does not name have not changed."""
    others = background.reindex(queries.index).to_numpy(dtype=np.float64)
    if not is_signature and bool((np.isin(others, [-1.0, 0.0, 1.0]) | np.isnan(others)).all()):
        raise ValueError(
            "the background holds signatures (1, -1, 0) and the queries hold statistics: their scores are not alike; "
            "give background statistics, or queries as signatures"
        )
    return np.nan_to_num(others) if is_signature else others


def _level(expression: pd.Series, gene_ids: NDArray[np.str_]) -> Float:
    found = expression.reindex(gene_ids).to_numpy(dtype=np.float64, copy=True)
    is_known = np.isfinite(found)
    if not is_known.any():
        raise ValueError("expression names none of the genes of the lines; give it by gene id")
    found[~is_known] = np.median(found[is_known])
    return found


def _own_change(
    values: Float,
    gene_ids: NDArray[np.str_],
    regulators: pd.DataFrame,
    own_genes: Mapping[tuple[str, str], Sequence[str]],
) -> Float:
    """Statistic of the own gene, contrast x regulator; of several genes the one that changes most."""
    row = {gene: number for number, gene in enumerate(gene_ids.tolist())}
    own = np.full((values.shape[1], len(regulators)), np.nan)
    for number, pair in enumerate(zip(regulators["kind"], regulators["regulator"], strict=True)):
        rows = [row[gene] for gene in own_genes.get(pair, ()) if gene in row]
        if rows:
            part = values[rows]
            best = np.nan_to_num(np.abs(part), nan=-1.0).argmax(axis=0)
            own[:, number] = part[best, np.arange(part.shape[1])]
    return own


def _own_sizes(own: Float) -> Float:
    """Sizes of own changes as normal scores over the regulators of each contrast."""
    return normal_scores(np.abs(own).T).T


def _table(
    queries: pd.DataFrame, regulators: pd.DataFrame, scored: _Scores, p_value: Float, own: Float
) -> pd.DataFrame:
    n_contrasts, n_regulators = scored.combined.shape
    kind = regulators["kind"].to_numpy(dtype=object)
    rank = np.full(scored.combined.shape, np.nan)
    for name in dict.fromkeys(kind.tolist()):
        of_kind = kind == name
        part = -scored.combined[:, of_kind]
        found = rankdata(part, axis=1, method="min", nan_policy="omit")
        rank[:, of_kind] = np.where(np.isnan(part), np.nan, found)
    n_lines = np.sum([np.isfinite(one) for one in scored.z.values()], axis=0)
    columns = {
        "contrast": np.repeat(queries.columns.to_numpy(dtype=object), n_regulators),
        "kind": np.tile(kind, n_contrasts),
        "regulator": np.tile(regulators["regulator"].to_numpy(dtype=object), n_contrasts),
        "n_lines": n_lines.ravel(),
        "combined": scored.combined.ravel(),
        "rank": pd.array(rank.ravel(), dtype="Int64"),
    }
    columns |= {f"z_{name}": one.ravel() for name, one in scored.z.items()}
    return pd.DataFrame(columns | {"p_value": p_value.ravel(), "own_change": own.ravel()})
