"""Many signatures in one file: the genes that rise or fall in each of many experiments."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from decode.core.checks import listed, shortened
from decode.core.delimited import TextTable, read_text_table
from decode.core.files import open_text
from decode.expression.de_table import DeTable
from decode.expression.gene_signature import DOWN, UP

logger = logging.getLogger(__name__)

SIGNATURE = ("signature_id", "signature", "contrast", "set")
GENE = ("gene", "symbol", "gene_name", "gene_id", "target")
CHANGE = ("change", "direction", "sign")
# How collections of gene sets mark the two halves of a signature (MSigDB _UP and _DN, Enrichr "up" and "down")
_HALF = re.compile(r"^(?P<name>.+?)[\s_\-.:]+(?P<half>up|dn|down)$", re.IGNORECASE)


def read_signatures(path: str | Path) -> DeTable:
    """Read signatures, one contrast each: a table of signature_id, gene and change, or gene sets (GMT).

    Parameters
    ----------
    path : str or Path
        Plain or gzip. Tab- or comma-separated with a header: signature_id (signature, contrast, set), gene (symbol,
        gene_name, gene_id, target) and change (direction, sign: up or down, 1 or -1); other columns are left out and
        logged. Without a column of changes all genes count as changed, without a sign. Or a GMT file: two sets whose
        names differ only in their last word, up and down (dn), are one signature; any other set is one without signs.

    Returns
    -------
    DeTable
        One contrast a signature: 1 up, -1 down, 0 every other gene that some signature names; genes that no signature
        names count as 0 too. Genes both up and down in a signature are 0 there and counted.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is neither, a change is neither up nor down, or a signature has no gene left.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "signatures.tsv"
    ...     _ = path.write_text("signature_id\\tgene\\tchange\\nMYC_KD\\tTERT\\tdown\\nTP53_KO\\tCDKN1A\\tdown\\n")
    ...     table = read_signatures(path)
    >>> table.contrasts, table.statistic.loc["TERT"].tolist()
    (['MYC_KD', 'TP53_KO'], [-1.0, 0.0])
    """
    written = read_text_table(path, "signatures")
    header = [name.lower() for name in written.header]
    chosen = {
        role: next((header.index(name) for name in names if name in header), None)
        for role, names in (("signature", SIGNATURE), ("gene", GENE), ("change", CHANGE))
    }
    if chosen["signature"] is not None and chosen["gene"] is not None:
        return _table(_rows(path, written, chosen), path, has_signs=chosen["change"] is not None)
    if written.separator == "\t" and len(header) > 2:
        return _from_sets(path)
    raise ValueError(
        f"signatures {path} has the columns {listed(header, 8)}; signature_id, gene and change (up or down) are "
        "wanted, or a GMT file (name, description, genes)"
    )


def _rows(path: str | Path, written: TextTable, chosen: dict[str, int | None]) -> pd.DataFrame:
    columns = {number: role for role, number in chosen.items() if number is not None}
    left_out = [name for number, name in enumerate(written.header) if number not in columns]
    if left_out:
        logger.info("signatures %s: columns left out: %s", path, listed(left_out))
    rows = written.strings(columns)
    empty = np.flatnonzero((rows["signature"] == "") | (rows["gene"] == ""))
    if len(empty):
        raise ValueError(
            f"signatures {path} line {rows.index[empty[0]]} lacks the signature or the gene; complete the row"
        )
    if "change" not in rows.columns:
        return rows.assign(sign=1.0)
    change = rows["change"].str.strip().str.lower()
    rows["sign"] = np.where(change.isin(UP), 1.0, np.where(change.isin(DOWN), -1.0, np.nan))
    wrong = np.flatnonzero(rows["sign"].isna())
    if len(wrong):
        raise ValueError(
            f"signatures {path} line {rows.index[wrong[0]]}: the change is "
            f"{shortened(rows['change'].iloc[wrong[0]])!r}; up or down is wanted"
        )
    return rows


def _from_sets(path: str | Path) -> DeTable:
    with open_text(path, "signatures") as handle:
        lines = [line.rstrip("\r\n").split("\t") for line in handle if line.strip()]
    short = [number for number, cells in enumerate(lines, 1) if len(cells) < 3]
    if short:
        raise ValueError(f"signatures {path} line {short[0]} is no name, description and genes; give a GMT file")
    names = [cells[0].strip() for cells in lines]
    halves = [_HALF.match(name) for name in names]
    rows = []
    for name, half, cells in zip(names, halves, lines, strict=True):
        signature, sign = name, 1.0
        if half is not None:
            signature, sign = half["name"], 1.0 if half["half"].lower() == "up" else -1.0
        rows += [(signature, gene.split(",")[0].strip(), sign) for gene in cells[2:] if gene.strip()]
    frame = pd.DataFrame(rows, columns=["signature", "gene", "sign"])
    hollow = [name for name, cells in zip(names, lines, strict=True) if not any(gene.strip() for gene in cells[2:])]
    if hollow:
        logger.warning("signatures %s: %d sets have no gene and are left out: %s", path, len(hollow), listed(hollow))
    return _table(frame, path, has_signs=any(half is not None for half in halves))


def _table(rows: pd.DataFrame, path: str | Path, *, has_signs: bool) -> DeTable:
    """The gene x signature matrix, genes and signatures in order of first appearance."""
    if rows.empty:
        raise ValueError(f"signatures {path} names no gene; check the file")
    gene, genes = pd.factorize(rows["gene"])
    signature, names = pd.factorize(rows["signature"])
    ends = np.zeros((2, len(genes), len(names)), dtype=bool)
    ends[(rows["sign"] < 0).to_numpy(dtype=np.int64), gene, signature] = True
    both = ends.all(axis=0)
    values = ends[0].astype(np.float64) - ends[1]
    hollow = [name for name, changes in zip(names, (values != 0).any(axis=0), strict=True) if not changes]
    if hollow:
        raise ValueError(f"signatures {path}: {listed(hollow)} have no gene that is only up or only down; check them")
    if both.any():
        logger.warning("signatures %s: %d genes are both up and down in a signature and are 0", path, int(both.sum()))
    n_up, n_down = (values > 0).sum(axis=0), (values < 0).sum(axis=0)
    counts: dict[str, Any] = {
        "n_rows": len(rows),
        "n_rows_repeated": len(rows) - int(ends.sum()),
        "n_up_and_down": int(both.sum()),
        "n_signatures": len(names),
        "n_up": {str(name): int(n) for name, n in zip(names, n_up, strict=True)},
        "n_down": {str(name): int(n) for name, n in zip(names, n_down, strict=True)},
    }
    logger.info("signatures %s: %d contrasts, %d genes", path, len(names), len(genes))
    rule = "up = 1, down = -1, other genes 0" if has_signs else "listed = 1 (the file has no signs), other genes 0"
    frame = pd.DataFrame(values, index=genes.to_numpy(dtype=object), columns=names.to_numpy(dtype=object))
    return DeTable(frame, None, None, None, "signature", rule, True, counts)
