"""A signature: genes that go up or down, without a statistic."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from decode.core.checks import listed
from decode.core.delimited import TextTable, split_cells
from decode.core.files import read_bytes
from decode.expression.de_table import DeTable

logger = logging.getLogger(__name__)

UP, DOWN = {"up", "1", "+1", "+", "1.0"}, {"down", "dn", "-1", "-", "-1.0"}


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
            names = [line.split("\t")[0].strip().strip('"') for line in text.split("\n") if line.strip()]
            own = [(gene, sign) for gene in names if gene and not gene.startswith("#")]
            if "" in names:
                logger.warning("gene list %s: %d lines without a name are left out", path, names.count(""))
            if not own:
                raise ValueError(f"gene list {path} of the signature names no gene; give one name a line")
            pairs += own
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


def is_signature(header: list[str], row: list[str]) -> bool:
    """Two columns, the second saying up or down; a number alone (1, -1) could be a fold change, words cannot."""
    return len(header) == 2 and any(cells[1:2] and cells[1].lower() in ("up", "down", "dn") for cells in (header, row))


def written_signature(written: TextTable, title: str) -> DeTable:
    """A signature from a table of two columns, genes and up or down."""
    pairs = []
    lines = [written.header, *(split_cells(line, written.separator) for line in written.lines())]
    for number, cells in enumerate(lines, written.first_line - 1):
        direction = cells[1].lower() if len(cells) == 2 else ""
        if direction in UP | DOWN:
            pairs.append((cells[0], 1.0 if direction in UP else -1.0))
        elif number >= written.first_line and any(cells):
            shown = written.separator.join(cells)[:60]
            raise ValueError(f"{written.name} line {number} is {shown!r}; a gene and up or down are wanted")
    return signature_table(pairs, title)
