"""Differential expression tables as the common tools write them: one signed statistic a gene and contrast."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from decode.core.checks import check_choice, check_unique, listed
from decode.core.choices import Form
from decode.core.files import read_bytes
from decode.expression.tables import (
    NumericTable,
    TableLayout,
    check_is_text,
    find_separator,
    first_lines,
    fit_header,
    parse_numeric,
    split_line,
)
from decode.expression.targets import MEDIAN_LEVEL

logger = logging.getLogger(__name__)

FORMS: tuple[Form, ...] = ("auto", "table", "matrix", "signature")
# Column names, in lower case, of DESeq2, edgeR, limma, scanpy and Seurat; the first that is there is taken.
SIGNED = ("stat", "t", "z", "zscore", "z.score", "z_score", "t_stat", "wald", "scores", "score", "statistic")
UNSIGNED = ("lr", "f")
P_VALUE = ("pvalue", "p.value", "pvals", "p_val", "pval", "p_value")
ADJUSTED = ("padj", "adj.p.val", "fdr", "fwer", "pvals_adj", "p_val_adj", "qvalue", "adj.p.value", "q_value")
FOLD_CHANGE = ("log2foldchange", "logfc", "logfoldchanges", "avg_log2fc", "log2fc", "lfc", "log2_fold_change", "coef")
MEAN = ("basemean", "aveexpr", "logcpm")
GROUP = ("group", "cluster", "contrast", "comparison")
GENE = ("names", "gene", "gene_id", "geneid", "id", "genes", "ensembl", "ensembl_gene_id", "symbol", "gene_name")
ROLES = {"signed": SIGNED, "unsigned": UNSIGNED, "p": P_VALUE, "adjusted": ADJUSTED, "fold_change": FOLD_CHANGE}
WANTED = "stat, t, z or scores; or F, LR or a p-value with a log fold change; or a log fold change"
UP, DOWN = {"up", "1", "+1", "+", "1.0"}, {"down", "dn", "-1", "-", "-1.0"}
LEAST_P = 1e-300  # p-values that underflow to 0 (scanpy, Seurat) stand for this one


class DeTable(NamedTuple):
    """What a differential expression table says, row by row, ids as written.

    Attributes
    ----------
    statistic : pd.DataFrame
        Index: ids; one column a contrast; positive is up. NaN where the tool gave none.
    log2_fold_change : pd.DataFrame or None
        The same layout.
    adjusted_p : pd.DataFrame or None
        The same layout.
    mean_expression : pd.Series or None
        log2 scale (AveExpr, logCPM, log2(baseMean + 1)).
    source : str
        The tool whose table it looks like, "matrix" or "signature".
    rule : str
        How the statistic came about.
    is_signature : bool
        Genes that are not in the table count as unchanged (0).
    counts : dict
        n_rows, n_rows_repeated, n_without_statistic of each contrast.
    """

    statistic: pd.DataFrame
    log2_fold_change: pd.DataFrame | None
    adjusted_p: pd.DataFrame | None
    mean_expression: pd.Series | None
    source: str
    rule: str
    is_signature: bool
    counts: dict[str, Any]

    @property
    def contrasts(self) -> list[str]:
        """Names of the contrasts."""
        return [str(name) for name in self.statistic.columns]


def read_de_table(
    path: str | Path, *, form: Form = "auto", gene_column: str | None = None, contrast: str | None = None
) -> DeTable:
    """Read a table of DESeq2, edgeR, limma, scanpy or Seurat, a genes x contrasts matrix, or a signature.

    Parameters
    ----------
    path : str or Path
        Tab- or comma-separated text, plain or gzip, as `write.csv`, `write.table` or `DataFrame.to_csv` write it.
    form : {"auto", "table", "matrix", "signature"}
        "auto": a signature has two columns, the second holding up and down; a matrix has numbers only and no column
        name of a known tool.
    gene_column : str, optional
        Column that names the genes. Default: the first; where that holds row numbers, the first one called names,
        gene, gene_id, ID, symbol or the like.
    contrast : str, optional
        Name of the contrast of a table that has one; default the file's name.

    Returns
    -------
    DeTable

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no table, has text where numbers belong, or no usable statistic; the columns found are named.

    Notes
    -----
    The statistic is the first of: a signed one (stat, t, z, scores), which sets large and certain changes above large
    and uncertain ones; the square root of F or LR (one degree of freedom) with the sign of the fold change; the normal
    quantile of p / 2 with that sign; the log fold change. DESeq2's likelihood ratio test writes its chi-square as
    `stat`: where no value is below zero and fold changes have both signs, its square root takes their sign.

    References
    ----------
    Love et al. 2014, Genome Biol 15:550 (DESeq2). Chen et al. 2016, F1000Research 5:1438 (edgeR). Ritchie et al. 2015,
    Nucleic Acids Res 43:e47 (limma). Wolf et al. 2018, Genome Biol 19:15 (scanpy).

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "limma.csv"
    ...     _ = path.write_text('"","logFC","AveExpr","t","P.Value"\\n"MYC",1.5,6.1,4.2,0.001\\n')
    ...     table = read_de_table(path)
    >>> table.source, table.rule, table.statistic.loc["MYC"].tolist()
    ('limma', 'column t', [4.2])
    """
    check_choice("form", form, FORMS)
    name = f"DE table {path}"
    content = read_bytes(path, "DE table")
    check_is_text(content, name)
    lines, _ = first_lines(content, 2, name)
    separator = find_separator(lines[0], name)
    header = split_line(lines[0], separator)
    first_row = split_line(lines[1], separator) if len(lines) > 1 else []
    title = contrast or Path(path).name.split(".")[0]
    if form == "signature" or (form == "auto" and _is_signature(header, first_row)):
        return _signature_table(content, separator, name, title)
    header, body = fit_header(header, content[content.find(b"\n") + 1 or len(content) :], separator)
    header = [column or f"column {number + 1}" for number, column in enumerate(header)]
    check_unique(f"column names of {name}", header)
    raw = _Raw(header, first_row, separator, body, name)
    gene = raw.gene_column(gene_column)
    roles = raw.roles(gene)
    is_matrix = form == "matrix" or (form == "auto" and not roles)
    return _matrix(raw, gene) if is_matrix else _tool_table(raw, gene, roles, title)


def read_signature(up: str | Path | None, down: str | Path | None, *, contrast: str = "signature") -> DeTable:
    """Read a signature from a list of up-regulated and a list of down-regulated genes, one name a line.

    Parameters
    ----------
    up, down : str or Path, optional
        At least one.
    contrast : str
        Its name.

    Returns
    -------
    DeTable

    Raises
    ------
    ValueError
        If neither is given or a list is empty.
    """
    if up is None and down is None:
        raise ValueError("a signature needs a list of up or of down genes (--up FILE, --down FILE)")
    pairs = []
    for path, sign in ((up, 1.0), (down, -1.0)):
        if path is not None:
            text = read_bytes(path, "gene list").decode("utf-8", errors="replace")
            names = [line.split("\t")[0].strip().strip('"') for line in text.splitlines()]
            pairs += [(gene, sign) for gene in names if gene and not gene.startswith("#")]
    return signature_table(pairs, contrast)


def signature_table(pairs: list[tuple[str, float]], contrast: str) -> DeTable:
    """A signature from pairs of gene and +1 or -1; genes named with both signs are left out and counted."""
    if not pairs:
        raise ValueError(f"signature {contrast} names no gene; give one name a line")
    signs: dict[str, float] = {}
    both: set[str] = set()
    for gene, sign in pairs:
        if signs.setdefault(gene, sign) != sign:
            both.add(gene)
    if both:
        logger.warning("signature %s: %d genes are both up and down, left out: %s", contrast, len(both), listed(both))
    kept = {gene: sign for gene, sign in signs.items() if gene not in both}
    if not kept:
        raise ValueError(f"signature {contrast} has no gene that is only up or only down; check the lists")
    frame = pd.DataFrame({contrast: kept}, dtype=np.float64)
    counts = {
        "n_rows": len(pairs),
        "n_rows_repeated": len(pairs) - len(signs),
        "n_up_and_down": len(both),
        "n_up": sum(sign > 0 for sign in kept.values()),
        "n_down": sum(sign < 0 for sign in kept.values()),
    }
    return DeTable(frame, None, None, None, "signature", "up = 1, down = -1, other genes 0", True, counts)


def _is_signature(header: list[str], row: list[str]) -> bool:
    """Two columns, the second saying up or down; a number alone (1, -1) could be a fold change, words cannot."""
    return len(header) == 2 and any(cells[1:2] and cells[1].lower() in ("up", "down", "dn") for cells in (header, row))


def _signature_table(content: bytes, separator: str, name: str, title: str) -> DeTable:
    pairs = []
    for number, line in enumerate(content.decode("utf-8", errors="replace").splitlines()):
        if not line.strip():
            continue
        cells = split_line(line, separator)
        direction = cells[1].lower() if len(cells) == 2 else ""
        if direction in UP | DOWN:
            pairs.append((cells[0], 1.0 if direction in UP else -1.0))
        elif number:
            raise ValueError(f"{name} line {number + 1} is {line[:60]!r}; a gene and up or down are wanted")
    return signature_table(pairs, title)


class _Raw(NamedTuple):
    """A delimited table before its columns are understood."""

    header: list[str]
    first_row: list[str]
    separator: str
    body: bytes
    name: str

    def gene_column(self, wanted: str | None) -> int:
        """Which column names the genes."""
        lower = [column.lower() for column in self.header]
        if wanted is not None:
            if wanted not in self.header:
                raise ValueError(
                    f"{self.name} has no column {wanted!r} (gene column); it has {listed(self.header, 12)}"
                )
            return self.header.index(wanted)
        # row numbers; or several rows a gene (scanpy, Seurat), whose row names are made unique
        is_other = (bool(self.first_row) and self.first_row[0].isdigit()) or not set(lower).isdisjoint(GROUP)
        named = [lower.index(column) for column in GENE if column in lower]
        return named[0] if is_other and named else 0

    def roles(self, gene: int) -> dict[str, int]:
        """Number of the column of each role that is there."""
        lower = [None if number == gene else column.lower() for number, column in enumerate(self.header)]
        found = {}
        for role, names in (*ROLES.items(), ("mean", MEAN), ("group", GROUP)):
            column = next((lower.index(name) for name in names if name in lower), None)
            if column is not None:
                found[role] = column
        return found if set(found) - {"group"} else {}

    def numbers(self, id_column: int, columns: list[int]) -> NumericTable:
        """Ids and the numbers of some columns; all others may hold text."""
        skipped = [number for number in range(len(self.header)) if number != id_column and number not in columns]
        return parse_numeric(self.body, TableLayout(self.header, self.separator, id_column, skipped), self.name)


def _matrix(raw: _Raw, gene: int) -> DeTable:
    columns = [i for i, column in enumerate(raw.header) if i != gene and column != MEDIAN_LEVEL]
    if len(columns) < len(raw.header) - 1:
        logger.info("%s: the column %s is no contrast and left out", raw.name, MEDIAN_LEVEL)
    if not columns:
        raise _no_statistic(raw)
    try:
        table = raw.numbers(gene, columns)
    except ValueError as error:
        if "text where a number belongs" in str(error):
            raise ValueError(f"{_no_statistic(raw)}; as a matrix of contrasts it fails too: {error}") from error
        raise
    frame = pd.DataFrame(table.numbers, index=table.ids, columns=table.columns)
    counts = _counts(frame)
    return DeTable(frame, None, None, None, "matrix", "values as given", False, counts)


def _no_statistic(raw: _Raw) -> ValueError:
    return ValueError(
        f"{raw.name} has no usable statistic: columns found are {listed(raw.header, 12)}; wanted are {WANTED}"
    )


def _tool_table(raw: _Raw, gene: int, roles: dict[str, int], title: str) -> DeTable:
    if not roles:
        raise _no_statistic(raw)
    group = roles.get("group")
    numeric = {role: column for role, column in roles.items() if role != "group"}
    columns = sorted(set(numeric.values()))
    table = raw.numbers(gene, columns)
    values = {role: table.numbers[:, columns.index(column)] for role, column in numeric.items()}
    named = {role: raw.header[column] for role, column in numeric.items()}
    statistic, rule = _statistic(values, named, raw)
    labels = [title] * len(table.ids) if group is None else raw.numbers(group, columns[:1]).ids
    row_of, ids = pd.factorize(np.array(table.ids, dtype=object))
    column_of, contrasts = pd.factorize(np.array(labels, dtype=object))
    rows = pd.MultiIndex.from_arrays([row_of, column_of])
    is_first = ~rows.duplicated()
    if not is_first.all():
        is_first = _best_rows(rows, values.get("mean"))
        logger.warning("%s: %d rows repeat a gene; one row of each is kept", raw.name, int((~is_first).sum()))

    def wide(column: NDArray[np.float64] | None) -> pd.DataFrame | None:
        if column is None:
            return None
        cells = np.full((len(ids), len(contrasts)), np.nan)
        cells[row_of[is_first], column_of[is_first]] = column[is_first]
        return pd.DataFrame(cells, index=ids, columns=contrasts)

    frame = wide(statistic)
    assert frame is not None
    mean = None
    if "mean" in values:
        scaled = np.log2(np.maximum(values["mean"], 0) + 1) if named["mean"].lower() == "basemean" else values["mean"]
        mean = pd.Series(scaled, index=table.ids).groupby(level=0).max().reindex(frame.index)
    counts = _counts(frame) | {"n_rows": len(table.ids), "n_rows_repeated": int((~is_first).sum())}
    source = _source({column.lower() for column in raw.header})
    change, adjusted = wide(values.get("fold_change")), wide(values.get("adjusted"))
    return DeTable(frame, change, adjusted, mean, source, rule, False, counts)


def _best_rows(rows: pd.MultiIndex, mean: NDArray[np.float64] | None) -> NDArray[np.bool_]:
    """Of rows of one gene the one of the highest mean expression, or the first."""
    order = np.arange(len(rows)) if mean is None else np.argsort(-np.nan_to_num(mean, nan=-np.inf), kind="stable")
    kept = np.zeros(len(rows), dtype=bool)
    kept[order[~rows[order].duplicated()]] = True
    return kept


def _statistic(
    values: dict[str, NDArray[np.float64]], named: dict[str, str], raw: _Raw
) -> tuple[NDArray[np.float64], str]:
    change = values.get("fold_change")
    has_signs = change is not None and bool((change > 0).any() and (change < 0).any())
    if "signed" in values:
        signed = values["signed"]
        is_chi_square = len(signed) > 1 and has_signs and not (signed < 0).any()
        if not is_chi_square:
            return signed, f"column {named['signed']}"
        values, named = values | {"unsigned": signed}, named | {"unsigned": named["signed"]}
    if change is None:
        raise _no_statistic(raw)
    sign = np.sign(change)
    by = f"with the sign of {named['fold_change']}"
    if "unsigned" in values:
        return sign * np.sqrt(np.maximum(values["unsigned"], 0)), f"square root of {named['unsigned']} {by}"
    if "p" in values:
        p_value = values["p"]
        if ((p_value < 0) | (p_value > 1)).any():
            raise ValueError(f"{raw.name} has p-values outside 0 to 1 in column {named['p']}; check the column")
        return sign * norm.isf(np.maximum(p_value, LEAST_P) / 2), f"normal quantile of {named['p']} / 2 {by}"
    return change, f"column {named['fold_change']}"


def _source(lower: set[str]) -> str:
    signs = {
        "DESeq2": {"basemean"},
        "limma": {"aveexpr"},
        "edgeR": {"logcpm"},
        "scanpy": {"logfoldchanges"},
        "Seurat": {"avg_log2fc"},
    }
    if "scores" in lower and "names" in lower:
        return "scanpy"
    return next((tool for tool, columns in signs.items() if columns <= lower), "table")


def _counts(frame: pd.DataFrame) -> dict[str, Any]:
    missing = frame.isna().sum()
    repeated = [name for name, n in Counter(frame.index).items() if n > 1]
    return {
        "n_rows": len(frame),
        "n_rows_repeated": len(frame) - len(set(frame.index)) if repeated else 0,
        "n_without_statistic": {str(contrast): int(n) for contrast, n in missing.items()},
    }
