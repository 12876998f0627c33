"""Differential expression tables as the common tools write them: one signed statistic a gene and contrast."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.checks import check_choice, check_share, check_unique, listed
from decode.core.choices import DeRole, Form
from decode.core.delimited import MISSING, TextTable, read_text_table
from decode.core.frames import TableSource
from decode.expression.anndata_tables import RANKED_GENES, is_anndata, ranked_genes
from decode.expression.de_columns import Columns, contrasts_of, named_columns, no_contrasts, tool_of
from decode.expression.de_columns import gene_column as find_gene_column
from decode.expression.de_statistic import no_statistic, one_sided, signed_statistic, significant_only
from decode.expression.de_table import DeTable
from decode.expression.gene_signature import is_signature, written_signature
from decode.expression.tables import NumericTable, TableLayout, check_is_text, fit_header, parse_numeric
from decode.expression.targets import MEDIAN_LEVEL

Float = NDArray[np.float64]
logger = logging.getLogger(__name__)

FORMS: tuple[Form, ...] = ("auto", "table", "matrix", "signature")


def read_de_table(
    path: TableSource,
    *,
    form: Form = "auto",
    gene_column: str | None = None,
    columns: Mapping[str, str] | None = None,
    contrast: str | None = None,
    key: str = RANKED_GENES,
) -> DeTable:
    """Read a table of DESeq2, edgeR, limma, scanpy or Seurat, a genes x contrasts matrix, or a signature.

    Parameters
    ----------
    path : str, Path, DataFrame or AnnData
        Tab-, comma- or semicolon-separated text, plain or compressed, as `write.csv`, `write.table` or
        `DataFrame.to_csv` write it; lines above the header that begin with # are left out. Or a pandas or polars frame,
        whose index may name the genes. Or an AnnData object with results of scanpy's `rank_genes_groups`.
    form : {"auto", "table", "matrix", "signature"}
        "auto": a signature has two columns, the second holding up and down; a matrix has numbers only and no column
        name of a known tool, and every column holds values below zero.
    gene_column : str, optional
        Column that names the genes. Default: the first; where that holds row numbers or probes, the first one called
        names, gene, gene_id, symbol or the like. Rows without a name are left out and counted.
    columns : mapping of role to column name, optional
        Which column is what, where the names do not tell: statistic (signed), unsigned (F, LR), p_value, adjusted_p,
        fold_change (or log2_fold_change), mean, group.
    contrast : str, optional
        Name of the contrast of a table that has one; default the file's name, of a table in memory "contrast".
    key : str
        Where an AnnData object keeps the results (uns[key]).

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
    quantile of p / 2 with that sign; the log fold change. See `decode.expression.de_statistic.signed_statistic` for
    statistics without a sign. Prefixes and suffixes make contrasts: A_log2FC with A_pval, B_log2FC with B_pval.

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
    source = ranked_genes(path, key) if is_anndata(path) else path
    written = read_text_table(source, "DE table")
    check_is_text(written.body, written.name)
    first_row = written.first_row()
    title = contrast or (Path(source).name.split(".")[0] if isinstance(source, str | Path) else "contrast")
    if form == "signature" or (form == "auto" and is_signature(written.header, first_row)):
        return written_signature(written, title)
    header, body = fit_header(written.header, written.body, written.separator)
    if len(header) < 2:
        raise ValueError(
            f"{written.name} has a header of one column ({header[0][:60]!r}); genes and at least one "
            "column of numbers, separated by tabs or commas, are wanted"
        )
    header = [column or f"column {number + 1}" for number, column in enumerate(header)]
    check_unique(f"column names of {written.name}", header)
    raw = written._replace(header=header, body=body)
    genes = find_gene_column(header, first_row, gene_column, raw.name)
    found = {"": named_columns(header, columns, raw.name)} if columns else contrasts_of(header, genes)
    is_matrix = form == "matrix" or (form == "auto" and not found)
    return _matrix(raw, genes, is_told=form == "matrix") if is_matrix else _tool_table(raw, genes, found, title)


def _numbers(raw: TextTable, genes: int, columns: list[int], *, is_finite: bool) -> NumericTable:
    """Ids and the numbers of some columns; all others may hold text, rows without a name are left out."""
    skipped = [number for number in range(len(raw.header)) if number != genes and number not in columns]
    layout = TableLayout(raw.header, raw.separator, genes, skipped, raw.first_line)
    return parse_numeric(raw.body, layout, raw.name, is_finite=is_finite)


def _matrix(raw: TextTable, genes: int, *, is_told: bool) -> DeTable:
    columns = [i for i, column in enumerate(raw.header) if i != genes and column != MEDIAN_LEVEL]
    if len(columns) < len(raw.header) - 1:
        logger.info("%s: the column %s is no contrast and left out", raw.name, MEDIAN_LEVEL)
    if not columns:
        raise no_statistic(raw.name, raw.header)
    try:
        table = _numbers(raw, genes, columns, is_finite=True)
    except ValueError as error:
        if "text where a number belongs" in str(error):
            error_of_columns = no_statistic(raw.name, raw.header)
            raise ValueError(f"{error_of_columns}; as a matrix of contrasts it fails too: {error}") from error
        raise
    strange = no_contrasts(table.columns, table.numbers)
    if strange and not is_told:
        raise ValueError(
            f"{raw.name}: the columns {listed(strange)} are no contrasts (by name, or no value below zero); name the "
            "one that is (--column statistic=NAME), or take all as they are (--form matrix)"
        )
    if strange:
        logger.warning("%s: the columns %s do not look like contrasts", raw.name, listed(strange))
    frame = pd.DataFrame(table.numbers, index=table.ids, columns=table.columns)
    return _with_caveats(
        DeTable(frame, None, None, None, "matrix", "values as given", False, _counts(frame, table.n_unnamed)), raw.name
    )


def _tool_table(raw: TextTable, genes: int, found: dict[str, Columns], title: str) -> DeTable:
    """One contrast a prefix, or a value of the column of groups."""
    columns = sorted({column for roles in found.values() for role, column in roles.items() if role != "group"})
    if not columns:
        raise no_statistic(raw.name, raw.header)
    table = _numbers(raw, genes, columns, is_finite=False)
    rows = _rows_by_gene(raw, genes, table, found, title)
    wide: dict[str, dict[str, Float]] = {"statistic": {}, "fold_change": {}, "adjusted_p": {}}
    rules, n_without_p, n_infinite = [], 0, 0
    mean: pd.Series | None = None
    for name, roles in found.items():
        values: dict[DeRole, Float] = {
            role: table.numbers[:, columns.index(column)] for role, column in roles.items() if role != "group"
        }
        named: dict[DeRole, str] = {role: raw.header[column] for role, column in roles.items() if role != "group"}
        if "adjusted_p" in values:  # those of p_value are checked with the statistic
            adjusted = pd.Series(values["adjusted_p"], index=table.ids)
            check_share(adjusted, f"{raw.name}: adjusted p-values (column {named['adjusted_p']})")
        statistic = signed_statistic(values, named, raw.name, raw.header)
        _check_used(statistic.signed, table.ids, raw.name, statistic.rule)
        rules.append(statistic.rule)
        n_without_p += statistic.n_without_p
        parts = {"statistic": statistic.signed} | {
            role: values[role] for role in ("fold_change", "adjusted_p") if role in values
        }
        for role, column in parts.items():
            is_infinite = np.isinf(column)
            n_infinite += int(is_infinite.sum())
            wide[role] |= rows.spread(np.where(is_infinite, np.nan, column), name or None)
        if "mean" in values and mean is None:
            is_count = named["mean"].lower() == "basemean"
            level = np.log2(np.maximum(values["mean"], 0) + 1) if is_count else values["mean"]
            mean = pd.Series(level, index=table.ids).groupby(level=0).max().reindex(rows.ids)
    frames = {role: pd.DataFrame(by_name, index=rows.ids) for role, by_name in wide.items() if by_name}
    counts = _counts(frames["statistic"], table.n_unnamed) | {
        "n_rows": len(table.ids) + table.n_unnamed, "n_rows_repeated": rows.n_repeated, "n_without_p": n_without_p,
        "n_infinite": n_infinite,
    }  # fmt: skip
    logger.info("%s: statistic: %s", raw.name, "; ".join(dict.fromkeys(rules)))
    if n_without_p:
        logger.warning("%s: %d rows without a p-value (outliers) have no statistic", raw.name, n_without_p)
    found_table = DeTable(
        frames["statistic"], frames.get("fold_change"), frames.get("adjusted_p"), mean,
        tool_of(raw.header), "; ".join(dict.fromkeys(rules)), False, counts,
    )  # fmt: skip
    return _with_caveats(found_table, raw.name)


def _check_used(statistic: Float, ids: list[str], name: str, rule: str) -> None:
    if np.isinf(statistic).any():
        shown = [ids[row] for row in np.flatnonzero(np.isinf(statistic))]
        raise ValueError(f"{name} holds infinite statistics ({rule}) of {listed(shown)}; correct these cells")


class _Rows(NamedTuple):
    """Rows of a long table by gene and contrast, one of each."""

    ids: list[str]
    row_of: NDArray[np.intp]
    column_of: NDArray[np.intp]
    contrasts: list[str]
    is_kept: NDArray[np.bool_]

    @property
    def n_repeated(self) -> int:
        return int((~self.is_kept).sum())

    def spread(self, column: Float, name: str | None) -> dict[str, Float]:
        """The column of each contrast, genes in the order of `ids`."""
        cells = np.full((len(self.ids), len(self.contrasts)), np.nan)
        cells[self.row_of[self.is_kept], self.column_of[self.is_kept]] = column[self.is_kept]
        return {name or contrast: cells[:, number] for number, contrast in enumerate(self.contrasts)}


def _rows_by_gene(raw: TextTable, genes: int, table: NumericTable, found: dict[str, Columns], title: str) -> _Rows:
    roles = next(iter(found.values()))
    labels = [title] * len(table.ids)
    if "group" in roles:
        strings = raw.strings({roles["group"]: "group", genes: "gene"})
        labels = strings.loc[~strings["gene"].isin(MISSING), "group"].tolist()
    row_of, ids = pd.factorize(np.array(table.ids, dtype=object))
    column_of, contrasts = pd.factorize(np.array(labels, dtype=object))
    rows = pd.MultiIndex.from_arrays([row_of, column_of])
    is_kept = ~rows.duplicated()
    if not is_kept.all():
        numbers = sorted({column for own in found.values() for role, column in own.items() if role != "group"})
        mean = table.numbers[:, numbers.index(roles["mean"])] if "mean" in roles else None
        is_kept = _best_rows(rows, mean)
        logger.warning("%s: %d rows repeat a gene; one row of each is kept", raw.name, int((~is_kept).sum()))
    return _Rows(list(ids), row_of, column_of, [str(name) for name in contrasts], is_kept)


def _best_rows(rows: pd.MultiIndex, mean: NDArray[np.float64] | None) -> NDArray[np.bool_]:
    """Of rows of one gene the one of the highest mean expression, or the first."""
    order = np.arange(len(rows)) if mean is None else np.argsort(-np.nan_to_num(mean, nan=-np.inf), kind="stable")
    kept = np.zeros(len(rows), dtype=bool)
    kept[order[~rows[order].duplicated()]] = True
    return kept


def _with_caveats(table: DeTable, name: str) -> DeTable:
    """The table with what is wrong with its contrasts, which is also said in the log."""
    caveats: dict[str, str] = {}
    sided = []
    for contrast in table.contrasts:
        direction = one_sided(table.statistic[contrast].to_numpy())
        cut = significant_only(None if table.adjusted_p is None else table.adjusted_p[contrast].to_numpy())
        if direction:
            sided.append(contrast)
        if direction or cut:
            caveats[contrast] = "; ".join(filter(None, (direction, cut)))
            logger.warning(
                "%s, contrast %s: %s; give the whole table of all genes tested", name, contrast, caveats[contrast]
            )
    return table._replace(caveats=caveats, one_sided=tuple(sided))


def _counts(frame: pd.DataFrame, n_unnamed: int) -> dict[str, Any]:
    return {
        "n_rows": len(frame) + n_unnamed,
        "n_rows_repeated": int(frame.index.duplicated().sum()),
        "n_rows_without_a_name": n_unnamed,
        "n_without_statistic": {str(contrast): int(n) for contrast, n in frame.isna().sum().items()},
    }
