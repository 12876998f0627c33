"""Is the perturbed regulator found? Lines of evidence against other methods on real perturbation experiments.

Three sets, the perturbed gene itself always taken out of its signature:

- corpus: 41 signatures of 17 TFs that have ChIP-seq in the corpus, among its 134 TFs; all lines;
- with background: these and 674 signatures of 247 other TFs, among all 381; lines without binding;
- miRNA: three transfections of miR-1 and miR-124, among 694 miRNAs; the line of their sites.

One score a TF counts (mean over its signatures), so that a TF with twelve experiments weighs no more than one with one.
Intervals come from a bootstrap over TFs and over GEO series; the wider one is given. A TF without a score comes last,
tied with others of that kind; a second paired difference is among the TFs that the peer scores.

Peers: a ranking that ignores the query (the mean combined score of each TF over experiments on other TFs); decoupler's
ulm and mlm on the same edges, in the interpreter named by DECODE_DECOUPLER_PYTHON; Fisher's exact test; the regression
on sites of `decode drivers`; chance. The ceiling is what other experiments on the same TF say.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from benchmarks.accuracy import DATA, WITH_MIRNA, corpus_features
from benchmarks.measure import Row, cpu_seconds
from benchmarks.recovery_data import (
    UNLICENSED,
    Corpus,
    Signatures,
    by_gene_id,
    lines_of,
    networks,
    read_background,
    read_corpus,
    read_experiments,
)
from benchmarks.recovery_peers import ceiling_scores, decoupler_scores, fisher_scores
from decode.drivers.evidence import evidence_scores
from decode.drivers.lines import Line, network_line, site_line

FOLDER = DATA / "perturbation"
TOP = 0.1  # share of the ranking that counts as found
N_BOOTSTRAP = 2000
TRANSFECTED = {
    "hsa-miR-1-3p_TargetScore_labelled_miR-17": "hsa-miR-1",
    "hsa-miR-124-3p_TargetScore_labelled_miR-1": "hsa-miR-124",
    "hsa-miR-124-3p_sangbhan_Dataset2": "hsa-miR-124",
}
Float = NDArray[np.float64]


class Panel(NamedTuple):
    """One set of signatures, the candidates, and our rank shares to pair with."""

    name: str
    signatures: Signatures
    tfs: list[str]
    scores: pd.DataFrame  # ours: signature x TF


def rank_shares(scores: pd.DataFrame, table: pd.DataFrame) -> Float:
    """Rank of the perturbed TF over the number of TFs, shape (n_signatures,); TFs without a score tie at the end.

    Parameters
    ----------
    scores : pd.DataFrame
        Signature x TF, larger is better.
    table : pd.DataFrame
        signature_id, regulator.
    """
    wide = scores.reindex(index=table["signature_id"])
    ranks = rankdata(-wide.fillna(-np.inf).to_numpy(), axis=1)
    column = [wide.columns.get_loc(name) for name in table["regulator"]]
    return np.asarray(ranks[np.arange(len(ranks)), column] / wide.shape[1])


def by_regulator(values: Float, table: pd.DataFrame) -> pd.Series:
    """Mean over the signatures of each TF."""
    return pd.Series(values).groupby(table["regulator"].to_numpy()).mean()


def interval(values: Float, table: pd.DataFrame) -> tuple[float, float]:
    """95 % bootstrap interval of the mean over TFs: TFs or GEO series drawn, whichever is wider."""
    frame = pd.DataFrame({"value": values, "tf": table["regulator"].to_numpy(), "series": table["source"].to_numpy()})
    found: list[tuple[float, float]] = []
    for unit in ("tf", "series"):
        names = frame[unit].unique()
        cell = frame.pivot_table(values="value", index=unit, columns="tf", aggfunc=["sum", "count"])
        total, count = (cell[name].loc[names].fillna(0).to_numpy(dtype=np.float64) for name in ("sum", "count"))
        drawn = np.random.default_rng(0).multinomial(len(names), np.full(len(names), 1 / len(names)), N_BOOTSTRAP)
        weight = drawn @ count
        if unit == "tf":  # a TF drawn twice counts twice
            means = (drawn @ (total.sum(1) / count.sum(1))) / len(names)
        else:
            with np.errstate(invalid="ignore"):
                means = np.nanmean(np.where(weight > 0, drawn @ total / weight, np.nan), axis=1)
        low, high = np.quantile(means, [0.025, 0.975])
        found.append((float(low), float(high)))
    return max(found, key=lambda ends: ends[1] - ends[0])


def row_of(name: str, scores: pd.DataFrame, panel: Panel, *, is_ours: bool = False, cpu_s: float | None = None) -> Row:
    """One method: by TF first, then by signature, then the paired differences to ours."""
    table = panel.signatures.table
    shares = rank_shares(scores.reindex(columns=panel.tfs), table)
    found = (shares < TOP).astype(np.float64)
    numbers = {"top_share": float(by_regulator(found, table).mean())}
    numbers["mean_rank_share"] = float(by_regulator(shares, table).mean())
    for key, values in (("top_share", found), ("mean_rank_share", shares)):
        numbers[f"{key}_low"], numbers[f"{key}_high"] = interval(values, table)
    numbers["top_share_by_signature"] = float(found.mean())
    numbers["mean_rank_share_by_signature"] = float(shares.mean())
    text = [
        f"top 10 %: {numbers['top_share']:.2f} ({numbers['top_share_low']:.2f} to {numbers['top_share_high']:.2f})",
        f"mean rank {numbers['mean_rank_share']:.3f} ({numbers['mean_rank_share_low']:.2f} to "
        f"{numbers['mean_rank_share_high']:.2f})",
        f"by signature {numbers['top_share_by_signature']:.2f}, {numbers['mean_rank_share_by_signature']:.3f}",
    ]
    if not is_ours:
        ours = rank_shares(panel.scores.reindex(columns=panel.tfs), table)
        text += _difference("ours - this", ours - shares, numbers, "", table)
        own_top = (ours < TOP).astype(np.float64)
        text += _difference("top 10 %", own_top - found, numbers, "_top", table)
        scored = [name for name in panel.tfs if name in scores.columns and scores[name].notna().any()]
        inside = table[table["regulator"].isin(scored)].reset_index(drop=True)
        if 0 < len(scored) < len(panel.tfs) and len(inside):
            pair = [rank_shares(one.reindex(columns=scored), inside) for one in (panel.scores, scores)]
            label = f"among its {len(scored)} TFs ({inside['regulator'].nunique()} perturbed)"
            text += _difference(label, pair[0] - pair[1], numbers, "_scored", inside)
    return Row(f"{panel.name}: {name}", None, ours_s=cpu_s, note="; ".join(text), numbers=numbers)


def _difference(label: str, values: Float, numbers: dict[str, float], key: str, table: pd.DataFrame) -> list[str]:
    mean, (low, high) = float(by_regulator(values, table).mean()), interval(values, table)
    numbers |= {f"difference{key}": mean, f"difference{key}_low": low, f"difference{key}_high": high}
    return [f"{label}: {mean:+.3f} ({low:+.3f} to {high:+.3f})"]


def evidence_rows(corpus: Corpus, panel_name: str, signatures: Signatures, lines: list[Line], background: Any) -> Any:
    """Rows of our method, all lines first, each line by itself last; and the panel to pair with."""
    open_lines = [line for line in lines if not any(name in line.name for name in UNLICENSED)]
    tfs = list(dict.fromkeys(name for line in lines for name in line.regulators["regulator"]))
    rows: list[Row] = []
    panel: Panel | None = None
    for name, chosen in {"lines, all": lines, "lines, without unlicensed lists": open_lines}.items():
        before = cpu_seconds()
        result = evidence_scores(
            signatures.changes,
            chosen,
            is_signature=True,
            universe=corpus.universe,
            expression=corpus.level,
            background=background,
        )
        spent = cpu_seconds() - before
        wide = _wide(result.table, "combined")
        panel = panel or Panel(panel_name, signatures, tfs, wide)
        rows.append(row_of(name, wide, panel, is_ours=panel.scores is wide, cpu_s=spent))
        if background is not None:
            rows.append(row_of(f"{name}, ranked by p", -_wide(result.table, "p_value"), panel))
            numbers = {f"share_{cut:g}": float((result.table["p_value"] < cut).mean()) for cut in (0.05, 0.01)}
            note = ", ".join(f"p < {key.removeprefix('share_')}: {share:.3f}" for key, share in numbers.items())
            rows.append(Row(f"{panel_name}: {name}, all p-values", None, note=note, numbers=numbers))
        if name == "lines, all":
            each = [(line.name, _wide(result.table, f"z_{line.name}")) for line in lines]
    assert panel is not None
    return rows + [row_of(f"line {name}", wide, panel) for name, wide in each], panel


def _wide(table: pd.DataFrame, column: str) -> pd.DataFrame:
    return table.pivot_table(values=column, index="contrast", columns="regulator", sort=False)


def static_scores(combined: pd.DataFrame, table: pd.DataFrame, wanted: pd.DataFrame) -> pd.DataFrame:
    """Mean of each TF's score over signatures of other TFs than the one perturbed: what the query does not say."""
    values = combined.reindex(index=table["signature_id"])
    rows: dict[str, pd.Series] = {}
    for tf, part in wanted.groupby("regulator"):
        mean = values[(table["regulator"] != tf).to_numpy()].mean()
        rows |= {str(signature): mean for signature in part["signature_id"]}
    return pd.DataFrame(rows).T


def peer_rows(corpus: Corpus, panel: Panel, *, has_signs: bool) -> list[Row]:
    """decoupler and Fisher on the edges of the network lines."""
    names = corpus.genes.set_index("gene_id")["gene_name"].astype(str).str.upper()
    values = panel.signatures.changes.loc[corpus.universe]
    every = pd.concat(networks(is_open=False).values())
    sources = {"DoRothEA": networks(is_open=True)["dorothea"], "all networks": every}
    rows: list[Row] = []
    for label, edges in sources.items():
        edges = edges[edges["source"].isin(panel.tfs)]
        variants = {f"{label}, either sign": (values.abs(), edges.assign(weight=1.0))}
        if has_signs and label == "DoRothEA":
            variants = {f"{label}, signed": (values, edges)} | variants
        for variant, (x, net) in variants.items():
            found = decoupler_scores(x, net, names)
            if isinstance(found, str):
                rows.append(Row(f"{panel.name}: decoupler, {variant}", "decoupler", note=found))
                continue
            for method, scores in found.items():
                size = scores.abs() if variant.endswith("signed") else scores
                rows.append(row_of(f"decoupler {method}, {variant}", size, panel))
        regulators = pd.DataFrame({"kind": "TF", "regulator": panel.tfs})
        line = network_line(edges, corpus.genes, regulators, name=label)
        is_target = pd.DataFrame(line.matrix > 0, index=line.gene_ids, columns=line.regulators["regulator"])
        rows.append(row_of(f"Fisher, {label}", fisher_scores(is_target.loc[corpus.universe], values), panel))
    return rows


def promoter_fisher(corpus: Corpus, panel: Panel) -> Row:
    """Fisher's test on promoters with a site of the TF in any cell line."""
    tracks, totals = corpus.features.tracks, corpus.features.totals("promoter")
    own = tracks.loc[tracks["region"] == "promoter", "regulator"].astype(str).to_numpy()
    bound = {tf: (totals[:, own == tf] > 0).any(axis=1) for tf in panel.tfs}
    is_target = pd.DataFrame(bound, index=corpus.features.ids).loc[corpus.universe]
    return row_of("Fisher, promoter binding", fisher_scores(is_target, panel.signatures.changes), panel)


def ridge_on_sites(corpus: Corpus, panel: Panel) -> Row:
    """The regression on sites alone, with the median expression as covariate."""
    from decode.drivers.engine import DriversConfig
    from decode.drivers.find import find_drivers
    from decode.expression.de_table import DeTable

    rule = "up = 1, down = -1, other genes 0"
    table = DeTable(panel.signatures.changes, None, None, None, "signature", rule, True, {})
    sites = corpus.features.select(track_ids=[name for name in corpus.features.track_ids if "potential|" not in name])
    before = cpu_seconds()
    config = DriversConfig(n_null=100, n_top=1, n_targets=1)
    drivers = find_drivers(table, sites, config=config, mean_expression=corpus.level).drivers
    tf = drivers[drivers["kind"] == "TF"]
    return row_of("decode drivers, sites alone", _wide(tf, "strength"), panel, cpu_s=cpu_seconds() - before)


def chance_row(panel: Panel) -> Row:
    """What a ranking at random is expected to give."""
    n = len(panel.tfs)
    top = float((np.arange(1, n + 1) / n < TOP).mean())
    return Row(
        f"{panel.name}: chance",
        None,
        note=f"top 10 %: {top:.2f}; mean rank {(n + 1) / 2 / n:.3f}",
        numbers={"top_share": top, "mean_rank_share": (n + 1) / 2 / n},
    )


def ceiling_row(corpus: Corpus, panel: Panel) -> Row:
    """Other experiments on the same TF, for the signatures whose TF has another series; among TFs with experiments."""
    table = panel.signatures.table
    scores = ceiling_scores(panel.signatures.changes.loc[corpus.universe], table, corpus.level)
    is_judged = [
        bool(np.isfinite(scores.loc[signature, tf]))
        for signature, tf in zip(table["signature_id"], table["regulator"], strict=True)
    ]
    judged = table[is_judged].reset_index(drop=True)
    values = panel.signatures.changes[judged["signature_id"].tolist()]
    part = panel._replace(
        name=f"{panel.name}, {len(judged)} signatures of {judged['regulator'].nunique()} TFs with a second series",
        signatures=Signatures(judged, values),
        tfs=scores.columns.tolist(),
    )
    return row_of("other experiments on the same TF (ceiling)", scores, part)


def mirna_rows() -> list[Row]:
    """Rank of the transfected miRNA among all miRNAs with sites."""
    features = corpus_features(WITH_MIRNA)
    table = pd.read_csv(FOLDER / "mirna_logfc.tsv.gz", sep="\t")
    wide = table.pivot_table(index="gene", columns="signature_id", values="logFC")
    genes = features.genes[["gene_id", "gene_name"]]
    line = site_line(features, kinds=["miRNA"])
    assert line is not None
    measured = by_gene_id(wide.notna().astype(np.float64), genes) > 0
    found = evidence_scores(by_gene_id(wide, genes).where(measured), [line]).table
    rows = []
    for contrast, name in TRANSFECTED.items():
        part = found[found["contrast"] == contrast].set_index("regulator")
        rank, n = int(part["rank"].to_dict()[name]), int(part["rank"].notna().sum())
        first = part["rank"].nsmallest(4).index
        note = f"{name} is {rank} of {n}; first: {', '.join(first)}"
        rows.append(Row(f"miRNA: {contrast}", None, note=note, numbers={"rank": rank, "n": n}))
    return rows


def joined(first: Signatures, second: Signatures) -> Signatures:
    """Both sets of signatures, sizes only."""
    values = pd.concat([first.changes.abs(), second.changes.abs()], axis=1)
    return Signatures(pd.concat([first.table, second.table], ignore_index=True), values)


def run(scale: float | None = None) -> list[Row]:
    """All methods on the three sets; the scale plays no part.

    Parameters
    ----------
    scale : float or None

    Returns
    -------
    list of Row
        `numbers` holds the figures, `note` the same as text.
    """
    if not FOLDER.is_dir():
        return [Row("recovery", None, note=f"did not run: {FOLDER} is absent")]
    corpus = read_corpus()
    experiments, background = read_experiments(corpus.genes), read_background(corpus.genes)
    every = joined(experiments, background)
    tracks = corpus.features.tracks
    bound = pd.DataFrame({"kind": "TF", "regulator": sorted(set(tracks.loc[tracks["kind"] == "TF", "regulator"]))})
    lines = lines_of(corpus, bound, with_binding=True)
    rows, panel = evidence_rows(corpus, "corpus", experiments, lines, background.changes)
    below = evidence_scores(
        background.changes,
        lines,
        is_signature=True,
        universe=corpus.universe,
        expression=corpus.level,
    )
    static = static_scores(_wide(below.table, "combined"), background.table, experiments.table)
    rows.append(row_of("no query (static)", static, panel))
    rows += [ridge_on_sites(corpus, panel), promoter_fisher(corpus, panel)]
    rows += [*peer_rows(corpus, panel, has_signs=True), chance_row(panel)]

    names = sorted(set(bound["regulator"]) | set(every.table["regulator"]))
    lines = lines_of(corpus, pd.DataFrame({"kind": "TF", "regulator": names}), with_binding=False)
    more, panel = evidence_rows(corpus, "with background", every, lines, None)
    rows += more
    rows.append(row_of("no query (static)", static_scores(panel.scores, every.table, every.table), panel))
    rows += [*peer_rows(corpus, panel, has_signs=False), chance_row(panel), ceiling_row(corpus, panel)]
    return rows + mirna_rows()
