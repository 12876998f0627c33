"""Regulator-target lists that the user names: tables with a source and a target, or gene sets named by regulator."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from decode.core.checks import listed, shortened
from decode.core.delimited import read_text_table
from decode.statistics.enrichment import read_gmt

logger = logging.getLogger(__name__)

SOURCE = ("source", "tf", "regulator", "mirna", "rbp")
TARGET = ("target", "gene", "target_gene", "genesymbol")
WEIGHT = ("weight", "mor", "sign", "likelihood")


def read_network(path: str | Path) -> pd.DataFrame:
    """Read who regulates whom, as decoupler, CollecTRI and DoRothEA write it, or as gene sets (GMT).

    Parameters
    ----------
    path : str or Path
        Plain or gzip. Tab- or comma-separated with a header: one column source, tf, regulator, miRNA or RBP, one column
        target, gene, target_gene or genesymbol, and where there is one a column weight, mor, sign or likelihood; other
        columns are left out and logged. Or a GMT file, one regulator a line (name, description, genes).

    Returns
    -------
    pd.DataFrame
        source, target, weight (1 where there is none); a pair that is repeated keeps its first row, and rows without a
        name are left out, both counted in the log.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is neither, holds no pair, or a weight is no number.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "net.tsv"
    ...     _ = path.write_text("tf\\tconfidence\\ttarget\\tmor\\nMYC\\tA\\tTERT\\t1\\n")
    ...     read_network(path).values.tolist()
    [['MYC', 'TERT', 1.0]]
    """
    written = read_text_table(path, "network")
    header = [name.lower() for name in written.header]
    chosen = {
        role: next((header.index(name) for name in names if name in header), None)
        for role, names in (("source", SOURCE), ("target", TARGET), ("weight", WEIGHT))
    }
    if chosen["source"] is None or chosen["target"] is None:
        if written.separator == "\t" and len(header) > 2:
            return _from_sets(path, header)
        raise ValueError(
            f"network {path} has the columns {listed(header, 8)}; a column source (tf, regulator) and a column target "
            "(gene) are wanted, or a GMT file"
        )
    columns = {number: role for role, number in chosen.items() if number is not None}
    table = written.strings(columns)
    left_out = [name for number, name in enumerate(header) if number not in columns]
    if left_out:
        logger.info("network %s: columns left out: %s", path, listed(left_out))
    if "weight" in table.columns:
        weight = pd.to_numeric(table["weight"], errors="coerce")
        wrong = np.flatnonzero(~np.isfinite(weight))
        if len(wrong):
            row = int(wrong[0])
            raise ValueError(
                f"network {path} line {table.index[row]}: the weight is {shortened(table['weight'].iloc[row])!r}; "
                "a number is wanted"
            )
        table["weight"] = weight.astype(np.float64)
    else:
        table["weight"] = 1.0
    return _distinct(table[["source", "target", "weight"]], path)


def _from_sets(path: str | Path, header: list[str]) -> pd.DataFrame:
    try:
        sets = read_gmt(path)
    except ValueError as error:
        raise ValueError(
            f"network {path} has no columns source (tf, regulator) and target (gene); it starts with "
            f"{listed(header)}, and as a GMT file it fails too: {error}"
        ) from error
    pairs = [(name, gene, 1.0) for name, genes in sets.items() for gene in genes]
    return _distinct(pd.DataFrame(pairs, columns=["source", "target", "weight"]), path)


def _distinct(table: pd.DataFrame, path: str | Path) -> pd.DataFrame:
    table = table.assign(source=table["source"].str.strip(), target=table["target"].str.strip())
    is_named = (table["source"] != "") & (table["target"] != "")
    is_repeated = table.duplicated(["source", "target"])
    kept = table[is_named & ~is_repeated].reset_index(drop=True)
    if kept.empty:
        raise ValueError(f"network {path} holds no pair of regulator and target; check the file")
    logger.info(
        "network %s: %d pairs of %d regulators; left out: %d rows without a name, %d repeated pairs",
        *(path, len(kept), kept["source"].nunique(), int((~is_named).sum()), int((is_named & is_repeated).sum())),
    )
    return kept
