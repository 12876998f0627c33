"""Read expression tables: GCT, GCTX, TSV and CSV, plain or gzip, recognised by their content."""

from __future__ import annotations

import io
import logging
from typing import NamedTuple

import h5py
import numpy as np
import pandas as pd

from decode.core.checks import check_unique, listed
from decode.core.delimited import whole_number
from decode.core.files import read_bytes
from decode.core.frames import TableSource, source_name
from decode.core.hdf5 import READ_ERRORS, check_contents, short
from decode.core.opening import HDF5_MAGIC
from decode.expression.gene_ids import clean_gene_ids
from decode.expression.table_kinds import check_is_samples, place_columns
from decode.expression.tables import (
    NumericTable,
    TableLayout,
    check_finite_cells,
    check_is_text,
    find_separator,
    first_lines,
    fit_header,
    parse_numeric,
    split_line,
)
from decode.expression.targets import GENE_ID, TRANSCRIPT_ID

logger = logging.getLogger(__name__)

# Columns that describe a row, by lower-case name: left out and logged. Any other text column raises.
DESCRIPTIONS = frozenset(
    {"description", "gene_id", "gene_name", "gene_symbol", "gene_type", "gene_biotype", "symbol", "hgnc_symbol"}
    | {"transcript_id", "transcript_id(s)", "transcript_name", "entrez_id", "entrezgene"}
)
GCT_ID_COLUMNS = (TRANSCRIPT_ID, "name", GENE_ID)  # in the order of preference; GTEx uses all three
TRANSCRIPT_COLUMNS = frozenset({TRANSCRIPT_ID, "target_id"})  # target_id: kallisto


class ExpressionTable(NamedTuple):
    """An expression table and what was counted while reading it."""

    expression: pd.DataFrame
    counts: dict[str, int]


def read_expression(path: TableSource, *, ids_as_given: bool = False) -> pd.DataFrame:
    """Read a genes x samples table of expression values in whatever unit it holds.

    The format is told by the content, not by the name: GCT (1.2 with `Name` or, as GTEx v7 medians, `gene_id`; 1.3),
    GCTX (HDF5), or delimited text (tab, comma or semicolon) whose first column holds gene ids, as R and pandas write
    it. Gzip is recognised the same way. The whole table is held in memory as float64.

    Missing values are empty cells, NA, N/A, NaN, nan, null or None. They stay NaN here and their number is logged; what
    becomes of them is the rule of the next step (`tissue_targets`, `table_targets`).

    Parameters
    ----------
    path : str, Path or DataFrame
        The file, or a pandas or polars frame whose index or first column holds the ids. Columns that describe the gene
        (Description, gene_name, ...) are left out and logged.
    ids_as_given : bool, default False
        Keep the row ids as they are written, versions and `_PAR_Y` included.

    Returns
    -------
    pd.DataFrame, shape (n_genes, n_samples), float64
        Index `gene_id` (`transcript_id` where the id column bears that name) as strings, Ensembl and RefSeq versions
        stripped, `_PAR_Y` rows left out; columns are the samples, in the order of the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is empty, damaged, ragged or of unknown content; if a cell holds text or an infinite number (row and
        column are named); if gene ids repeat once versions are stripped; if sample names repeat.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "tpm.tsv"
    ...     _ = path.write_text("gene\\tliver\\tlung\\nENSG00000000003.14\\t28.7\\tNA\\n")
    ...     expression = read_expression(path)
    >>> expression.loc["ENSG00000000003"].to_dict()
    {'liver': 28.7, 'lung': nan}
    """
    return read_expression_with_counts(path, ids_as_given=ids_as_given).expression


def read_expression_with_counts(path: TableSource, *, ids_as_given: bool = False) -> ExpressionTable:
    """As `read_expression`, with the counts that it logs.

    Parameters
    ----------
    path : str, Path or DataFrame
    ids_as_given : bool, default False

    Returns
    -------
    ExpressionTable
        expression : pd.DataFrame, shape (n_genes, n_samples)
        counts : dict with n_rows (that have an id), n_rows_without_a_name, n_versions_stripped, n_par_y_dropped,
        n_genes, n_samples, n_missing (cells),
        n_genes_with_missing.

    Raises
    ------
    FileNotFoundError, ValueError
        As `read_expression`.
    """
    name = f"expression table {source_name(path)}"
    content = read_bytes(path, "expression table")
    if content.startswith(HDF5_MAGIC):
        table = _read_gctx(content, name)
    else:
        check_is_text(content, name)
        table = _read_gct(content, name) if content.startswith(b"#1.") else _read_delimited(content, name)
    if ids_as_given:
        check_unique(f"row ids of {name}", table.ids)
        ids, keep = list(table.ids), list(range(len(table.ids)))
        counts = {"n_rows": len(ids), "n_versions_stripped": 0, "n_par_y_dropped": 0}
    else:
        ids, keep, counts = clean_gene_ids(table.ids, name)
    values = table.numbers if len(keep) == len(table.ids) else table.numbers[keep]
    id_column = TRANSCRIPT_ID if table.id_name.lower() in TRANSCRIPT_COLUMNS else GENE_ID
    frame = pd.DataFrame(values, index=pd.Index(ids, name=id_column), columns=table.columns)
    missing = np.isnan(values)
    counts |= {
        "n_rows_without_a_name": table.n_unnamed,
        "n_genes": len(ids),
        "n_samples": len(table.columns),
        "n_missing": int(missing.sum()),
        "n_genes_with_missing": int(missing.any(axis=1).sum()),
    }
    logger.info("%s: %d rows (%s) x %d samples", name, counts["n_genes"], id_column, counts["n_samples"])
    if counts["n_par_y_dropped"]:
        logger.warning("%s: %d rows of PAR_Y gene copies left out", name, counts["n_par_y_dropped"])
    if counts["n_missing"]:
        share = counts["n_missing"] / missing.size
        logger.warning(
            "%s: %d missing values (%.2f %%) in %d genes",
            *(name, counts["n_missing"], 100 * share, counts["n_genes_with_missing"]),
        )
    return ExpressionTable(frame, counts)


def _read_delimited(content: bytes, name: str) -> NumericTable:
    n_comments = 0  # lines above the header, as featureCounts and GEO write them
    while content.startswith((b"# ", b"##", b"!")):
        content = content.partition(b"\n")[2]
        n_comments += 1
    lines, start = first_lines(content, 1, name)
    if not lines:
        raise ValueError(f"{name} holds comments and no table; fetch or write it again")
    separator = find_separator(lines[0], name)
    header = split_line(lines[0].removeprefix("#"), separator)
    header, body = fit_header(header, content[start:], separator)
    check_is_samples(header, name)
    skipped = [i for i in range(1, len(header)) if header[i].lower() in DESCRIPTIONS]
    skipped += [i for i in place_columns(header) if i not in skipped]
    _log_skipped(name, [header[i] for i in skipped])
    return parse_numeric(body, TableLayout(header, separator, 0, skipped, n_comments + 2), name)


def _read_gct(content: bytes, name: str) -> NumericTable:
    lines, start = first_lines(content, 3, name)
    version, sizes = lines[0].strip(), lines[1].split() if len(lines) > 1 else []
    n_sizes = {"#1.2": 2, "#1.3": 4}.get(version)
    if n_sizes is None:
        raise ValueError(f"{name} is GCT version {version[1:]!r}; 1.2 and 1.3 are read")
    if len(lines) < 3 or len(sizes) != n_sizes or not all(whole_number(size) for size in sizes[:2]):
        raise ValueError(f"{name} is a GCT file whose line 2 gives no sizes ({n_sizes} whole numbers); fetch it again")
    n_rows, n_samples, _, n_sample_rows = [*map(int, sizes), 0, 0][:4]
    header = split_line(lines[2], "\t", None)
    n_leading = len(header) - n_samples
    if n_leading < 1:
        raise ValueError(f"{name}: line 2 gives {n_samples} samples, the header has {len(header)} columns")
    if n_sizes == 2 and n_leading not in (2, 3):  # GTEx by tissue: id, Name, Description
        raise ValueError(
            f"{name}: line 2 gives {n_samples} samples, the header has {len(header)} columns (Name, Description and "
            "one a sample are wanted); correct line 2"
        )
    leading = [column.lower() for column in header[:n_leading]]
    id_column = next((leading.index(column) for column in GCT_ID_COLUMNS if column in leading), 0)
    for _ in range(n_sample_rows):  # GCT 1.3: rows that describe the samples
        start = content.find(b"\n", start) + 1 or len(content)
    skipped = [i for i in range(n_leading) if i != id_column]
    _log_skipped(name, [header[i] for i in skipped])
    table = parse_numeric(
        content[start:], TableLayout(header, "\t", id_column, skipped, 4 + n_sample_rows, quote=None), name
    )
    if len(table.ids) != n_rows:
        raise ValueError(f"{name}: line 2 gives {n_rows} rows, the file has {len(table.ids)}; it may be cut off")
    return table


def _read_gctx(content: bytes, name: str) -> NumericTable:
    try:
        with h5py.File(io.BytesIO(content), "r") as handle:
            check_contents(handle, name, len(content), "fetch or write it again")
            row_ids, column_ids = (
                [item.decode() if isinstance(item, bytes) else str(item) for item in handle[f"/0/META/{axis}/id"][:]]
                for axis in ("ROW", "COL")
            )
            matrix = handle["/0/DATA/0/matrix"][:].astype(np.float64)
    except READ_ERRORS as error:
        if str(error).startswith(name):
            raise
        raise ValueError(
            f"{name} is no readable GCTX file ({short(error)}); /0/DATA/0/matrix, /0/META/ROW/id and /0/META/COL/id "
            "are wanted"
        ) from error
    # the format stores samples x genes (cmapPy transposes at reading and writing), whatever its name ROW suggests
    if matrix.shape == (len(column_ids), len(row_ids)):
        matrix = matrix.T
    elif matrix.shape == (len(row_ids), len(column_ids)):
        logger.warning("%s: the matrix is stored genes x samples, against the GCTX convention; taken as it is", name)
    else:
        raise ValueError(
            f"{name}: the matrix has shape {matrix.shape}, the file lists {len(row_ids)} genes and "
            f"{len(column_ids)} samples"
        )
    if not matrix.size:
        raise ValueError(
            f"{name} has {len(row_ids)} genes and {len(column_ids)} samples; at least one of each is wanted"
        )
    check_unique(f"sample names of {name}", column_ids)
    values = np.ascontiguousarray(matrix)
    check_finite_cells(values, row_ids, column_ids, name)
    return NumericTable(row_ids, column_ids, values)


def _log_skipped(name: str, columns: list[str]) -> None:
    if columns:
        logger.info("%s: columns that describe a row are left out: %s", name, listed(columns))
