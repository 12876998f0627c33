"""What the columns of a differential expression table are: genes, statistics, p-values, fold changes of contrasts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from decode.core.checks import listed
from decode.core.choices import DeRole

Columns = dict[DeRole, int]  # number of the column of each role

# Column names, in lower case, of DESeq2, edgeR, limma, scanpy, Seurat, presto and `decode differential`; the first
# that is there is taken.
NAMES: dict[DeRole, tuple[str, ...]] = {
    "statistic": ("stat", "t", "z", "zscore", "z.score", "z_score", "t_stat", "wald", "scores", "score", "statistic"),
    "unsigned": ("lr", "f"),
    "p_value": ("pvalue", "p.value", "pvals", "p_val", "pval", "p_value"),
    "adjusted_p": (
        "padj", "adj.p.val", "fdr", "fwer", "pvals_adj", "p_val_adj", "qvalue", "qval", "adj.p.value", "q_value",
        "adj.p.val.",
    ),
    "fold_change": (
        "log2foldchange", "logfc", "logfoldchanges", "avg_log2fc", "avg_logfc", "log2fc", "lfc", "log2_fold_change",
        "coef",
    ),
    "mean": ("basemean", "aveexpr", "logcpm", "average_level"),
    "group": ("group", "cluster", "contrast", "comparison", "term"),
}  # fmt: skip
GENES = (
    "names", "gene", "gene_id", "geneid", "genes", "ensembl", "ensembl_gene_id", "symbol", "gene_name", "gene_symbol",
    "gene.symbol", "genesymbol", "hgnc_symbol", "row", "row.names", "rowname", "feature", "primerid", "ensembl_id",
    "id",
)  # fmt: skip
_SEPARATORS = "_.-: "
# Row numbers and probes of arrays are no genes: 12, 200007_at, ILMN_1343291, A_23_P117082
_NO_GENE = re.compile(r"^\d+$|_[a-z]?_?at$|^ILMN_\d+$|^A_\d+_P\d+$|^TC\d+", re.IGNORECASE)
# Words in the name of a column that is no contrast, whatever its numbers are.
_NEVER = re.compile(
    r"(^|[^a-z])(p|pval|pvalue|p_val|p_value|padj|fdr|qval|qvalue|pct|percent|mean|avg|average|median|sd|std|se|lfcse|"
    r"prob|proba|proportions?|auc|rank|ranking|count|counts|length|bayes|scale)\d*([^a-z]|$)"
)


def gene_column(header: Sequence[str], first_row: Sequence[str], wanted: str | None, name: str) -> int:
    """Which column names the genes.

    Parameters
    ----------
    header : sequence of str
    first_row : sequence of str
        Cells of the first row.
    wanted : str, optional
        Its name, where the user says it.
    name : str
        The file, for messages.

    Returns
    -------
    int
        The first column; where that holds row numbers or probes, or several rows of a gene have names that were made
        unique (a column group or cluster), the first one called as genes usually are.

    Raises
    ------
    ValueError
        If there is no such column.

    Examples
    --------
    >>> gene_column(["ID", "logFC", "Gene.symbol"], ["200007_at", "1.5", "MYC"], None, "demo")
    2
    """
    if wanted is not None:
        if wanted not in header:
            raise ValueError(f"{name} has no column {wanted!r} (gene column); it has {listed(list(header), 12)}")
        return list(header).index(wanted)
    lower = [column.lower() for column in header]
    is_other = bool(first_row and _NO_GENE.search(first_row[0])) or not set(lower).isdisjoint(NAMES["group"])
    named = [lower.index(column) for column in GENES if column in lower[1:]]
    return named[0] if is_other and named else 0


def contrasts_of(header: Sequence[str], genes: int) -> dict[str, Columns]:
    """Columns of every contrast by role, as the names say.

    Parameters
    ----------
    header : sequence of str
    genes : int
        Number of the column that names the genes.

    Returns
    -------
    dict of contrast to columns
        One contrast called "" where the names are those of a tool. Else one for each prefix or suffix that a fold
        change shares with a p-value or statistic, or that fold changes alone bear (Seurat's FindConservedMarkers:
        CTRL_avg_log2FC, CTRL_p_val). Empty where no name tells.

    Examples
    --------
    >>> contrasts_of(["gene", "A_log2FC", "A_pval", "B_log2FC", "B_pval", "max_pval"], 0)
    {'A': {'fold_change': 1, 'p_value': 2}, 'B': {'fold_change': 3, 'p_value': 4}}
    """
    lower = [None if number == genes else column.lower() for number, column in enumerate(header)]
    plain: Columns = {}
    for role, names in NAMES.items():
        place = next((lower.index(name) for name in names if name in lower), None)
        if place is not None:
            plain[role] = place
    if {"statistic", "unsigned", "p_value", "fold_change", "adjusted_p"} & set(plain):
        return {"": plain}
    found: dict[str, Columns] = {}
    for number, column in enumerate(header):
        split = None if number == genes else _affix(column)
        if split is not None and not _NEVER.search(split[0].lower()):  # lfc_std is no contrast called std
            found.setdefault(split[0], {}).setdefault(split[1], number)
    told = {name: roles for name, roles in found.items() if _tells(roles)}
    shared: Columns = {role: plain[role] for role in ("mean",) if role in plain}
    return {name: shared | roles for name, roles in told.items()} or ({"": plain} if plain else {})


def _tells(roles: Columns) -> bool:
    """Whether columns that share an affix say how genes change: a fold change, or a statistic beside a p-value."""
    return "fold_change" in roles or ("statistic" in roles and bool({"p_value", "adjusted_p"} & set(roles)))


def _affix(column: str) -> tuple[str, DeRole] | None:
    """What stands before or after the name of a role, and the role; the longest name wins."""
    lower = column.lower()
    best: tuple[str, DeRole] | None = None
    longest = 0
    for role, names in NAMES.items():
        for name in names:
            if role == "group" or len(name) <= longest or len(lower) < len(name) + 2:
                continue
            if lower.endswith(name) and lower[-len(name) - 1] in _SEPARATORS:
                best, longest = (column[: -len(name) - 1], role), len(name)
            elif lower.startswith(name) and lower[len(name)] in _SEPARATORS:
                best, longest = (column[len(name) + 1 :], role), len(name)
    return best


def named_columns(header: Sequence[str], columns: Mapping[str, str], name: str) -> Columns:
    """Number of the column of each role that the user names.

    Raises
    ------
    ValueError
        If a role or a column is unknown.

    Examples
    --------
    >>> named_columns(["", "lfc_mean", "proba_de"], {"fold_change": "lfc_mean"}, "demo")
    {'fold_change': 1}
    """
    columns = {"fold_change" if role == "log2_fold_change" else role: column for role, column in columns.items()}
    unknown = [role for role in columns if role not in NAMES]
    if unknown:
        raise ValueError(f"role(s) {listed(unknown)} of columns are unknown; choose from {listed(get_args(DeRole), 9)}")
    absent = [column for column in columns.values() if column not in header]
    if absent:
        raise ValueError(f"{name} has no column {listed(absent)}; it has {listed(list(header), 12)}")
    return {role: list(header).index(columns[role]) for role in NAMES if role in columns}


def no_contrasts(columns: Sequence[str], numbers: NDArray[np.float64]) -> list[str]:
    """Columns of a matrix that cannot be contrasts: by their name, or because no value lies below zero.

    Parameters
    ----------
    columns : sequence of str
    numbers : array, shape (n_rows, n_columns)

    Returns
    -------
    list of str

    Examples
    --------
    >>> no_contrasts(["KO", "ctrl_mean", "level"], np.array([[1.0, -2.0, 3.0], [-1.0, 2.0, 0.5]]))
    ['ctrl_mean', 'level']
    """
    lowest = np.nanmin(numbers, axis=0, initial=np.inf) if len(numbers) else np.zeros(len(columns))
    is_many = len(numbers) > 1  # of one gene nothing can be said
    return [
        column
        for column, least in zip(columns, lowest, strict=True)
        if _NEVER.search(column.lower()) or (is_many and 0 <= least < np.inf)
    ]


def tool_of(header: Sequence[str]) -> str:
    """The tool whose table it looks like, else "table".

    Examples
    --------
    >>> tool_of(["", "baseMean", "log2FoldChange"]), tool_of(["gene", "lfc"])
    ('DESeq2', 'table')
    """
    lower = {column.lower() for column in header}
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
