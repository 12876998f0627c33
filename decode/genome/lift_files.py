"""BED-like files in another genome build: the places in further columns move along, all other text stays as it is."""

from __future__ import annotations

import gzip
import logging
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.checks import listed, naming, shortened
from decode.core.delimited import whole_number
from decode.core.files import atomic_path, check_output, read_bytes
from decode.genome.liftover import LiftResult, lift_with_strands

logger = logging.getLogger(__name__)

Int = NDArray[np.int64]
HEADER_WORDS = ("track", "browser")
STRAND, THICK, SUMMIT, BLOCKS = 5, (6, 7), 9, (9, 10, 11)  # 0-based columns of BED and narrowPeak


def lift_file(sites: str | Path, chain: str | Path, out: str | Path) -> LiftResult:
    """Lift a BED-like file to another genome build.

    Parameters
    ----------
    sites : str or Path
        Tab-separated, 0-based half-open, plain or compressed; lines that start with #, track or browser are left out.
    chain : str or Path
        UCSC chain file from the build of the sites to the new one.
    out : str or Path
        Lifted file, gzip where the name ends in .gz; written atomically.

    Returns
    -------
    LiftResult

    Raises
    ------
    FileNotFoundError
        If a file is not there.
    ValueError
        If the file is no BED, summits, thick parts or blocks of some rows lie outside their site, or as in
        `decode.genome.liftover.lift_sites`.

    Notes
    -----
    Column 6 turns with the strand. So do, where a file has them, the summit of a narrowPeak (column 10), thickStart and
    thickEnd of BED8 and longer (columns 7 and 8), and the blocks of BED12 (columns 10 to 12): on the reverse strand
    they are counted from the other end. A BED12 row with blocks whose length changes is lost (length_changed), as its
    blocks no longer fit; a summit or thick part beyond the new length ends at the end.
    """
    out = check_output(out)
    rows = [
        line.split("\t")
        for line in read_bytes(sites, "sites file").decode("utf-8", "replace").split("\n")
        if line.strip() and not line.startswith("#") and line.split(None, 1)[0] not in HEADER_WORDS
    ]
    table = _sites_frame(rows, sites)
    result, is_reverse = lift_with_strands(table, chain)
    if not result.n_lifted:
        raise ValueError(
            f"none of the {result.n_in} sites of {sites} could be lifted with {chain}; check the build of both"
        )
    kept = result.sites.index.to_numpy()
    places = _Places(
        table["start"].to_numpy()[kept], table["end"].to_numpy()[kept], result.sites["start"].to_numpy(),
        result.sites["end"].to_numpy(), is_reverse,
    )  # fmt: skip
    columns = {0: result.sites["chrom"].tolist(), 1: _text(places.new_start), 2: _text(places.new_end)}
    if "strand" in result.sites:
        columns[STRAND] = result.sites["strand"].tolist()
    chosen = [rows[row] for row in kept]
    with naming(f"sites file {sites}"):
        columns |= _thick(chosen, places) | _summits(chosen, places)
        blocks, fits = _blocks(chosen, places)
    columns |= blocks
    lines = []
    for number in np.flatnonzero(fits).tolist():
        cells = list(chosen[number])
        for column, texts in columns.items():
            cells[column] = texts[number]
        lines.append("\t".join(cells) + "\n")
    _write("".join(lines), out)
    return _without(result, fits)


def _sites_frame(rows: list[list[str]], path: str | Path) -> pd.DataFrame:
    widths = {len(row) for row in rows}
    if not rows or len(widths) != 1 or min(widths) < 3:
        raise ValueError(
            f"sites file {path} has rows of {listed(sorted(widths))} columns; at least one row, three tab-separated "
            "columns and the same number in every row are wanted"
        )
    table = pd.DataFrame({"chrom": [row[0] for row in rows]})
    for name, column in (("start", 1), ("end", 2)):
        numbers = [whole_number(row[column].strip()) for row in rows]
        if None in numbers:
            wrong = numbers.index(None)
            raise ValueError(
                f"sites file {path}: {name} of row {wrong + 1} is {shortened(rows[wrong][column])!r}; a whole number "
                "is wanted"
            )
        table[name] = np.array(numbers, dtype=np.int64)
    if max(widths) > STRAND:
        table["strand"] = [row[STRAND] for row in rows]
    return table


class _Places(NamedTuple):
    """Where the lifted rows were and are, and whether they came to the reverse strand."""

    start: Int
    end: Int
    new_start: Int
    new_end: Int
    is_reverse: NDArray[np.bool_]

    def move(self, position: Int) -> Int:
        """Positions between start and end (a boundary, not a base), in the new build, never beyond the site."""
        offset = position - self.start
        moved = np.where(self.is_reverse, self.new_end - offset, self.new_start + offset)
        return np.clip(moved, self.new_start, self.new_end)


def _text(values: Int) -> list[str]:
    return [str(value) for value in values.tolist()]


def _whole(rows: list[list[str]], column: int) -> tuple[Int, NDArray[np.bool_]]:
    """Whole numbers of a column (0 where it holds anything else), and where it holds one."""
    numbers = [whole_number(row[column].strip()) if column < len(row) else None for row in rows]
    is_whole = np.array([number is not None for number in numbers], dtype=bool)
    return np.array([number or 0 for number in numbers], dtype=np.int64), is_whole


def _are_meant(fits: NDArray[np.bool_], rows: list[list[str]], what: str) -> bool:
    """Whether columns hold places, which they do where most rows do; the other rows are then faults.

    Raises
    ------
    ValueError
        Naming these rows: they would keep old coordinates beside new ones.
    """
    if 2 * int(fits.sum()) <= len(fits):
        return False
    if not fits.all():
        shown = [f"{':'.join(rows[row][:2])}-{rows[row][2]}" for row in np.flatnonzero(~fits)]
        raise ValueError(f"{what} of {len(shown)} row(s) do not lie inside their site: {listed(shown)}; correct them")
    return True


def _thick(rows: list[list[str]], places: _Places) -> dict[int, list[str]]:
    """thickStart and thickEnd, where columns 7 and 8 are places inside every site."""
    (first, is_first), (last, is_last) = _whole(rows, THICK[0]), _whole(rows, THICK[1])
    fits = is_first & is_last & (places.start <= first) & (first <= last) & (last <= places.end)
    if not _are_meant(fits, rows, "thickStart and thickEnd (columns 7 and 8)"):
        return {}
    moved = np.sort(np.stack([places.move(first), places.move(last)]), axis=0)
    return {THICK[0]: _text(moved[0]), THICK[1]: _text(moved[1])}


def _summits(rows: list[list[str]], places: _Places) -> dict[int, list[str]]:
    """The summit of a narrowPeak: bases from the start; -1 says that there is none."""
    if len(rows[0]) != SUMMIT + 1:
        return {}
    summit, is_whole = _whole(rows, SUMMIT)
    length = places.end - places.start
    if not _are_meant(is_whole & (summit >= -1) & (summit < length), rows, "summits (column 10)"):
        return {}
    turned = np.where(places.is_reverse, length - 1 - summit, summit)
    inside = np.minimum(turned, places.new_end - places.new_start - 1)
    return {SUMMIT: _text(np.where(summit < 0, -1, inside))}


def _blocks(rows: list[list[str]], places: _Places) -> tuple[dict[int, list[str]], NDArray[np.bool_]]:
    """Sizes and starts of the blocks of BED12, and which rows can keep theirs."""
    everything = np.ones(len(rows), dtype=bool)
    if len(rows[0]) <= BLOCKS[2]:
        return {}, everything
    counts, _ = _whole(rows, BLOCKS[0])
    length = places.end - places.start
    pairs = [_pairs(row[BLOCKS[1]], row[BLOCKS[2]]) for row in rows]
    inside = [
        own is not None and len(own) == n and all(size >= 0 and 0 <= start <= long - size for size, start in own)
        for own, n, long in zip(pairs, counts.tolist(), length.tolist(), strict=True)
    ]
    if not _are_meant(np.array(inside, dtype=bool), rows, "blocks (columns 10 to 12)"):
        return {}, everything
    turned = [
        [(size, long - start - size) for size, start in reversed(own or [])] if is_reverse else (own or [])
        for own, long, is_reverse in zip(pairs, length.tolist(), places.is_reverse.tolist(), strict=True)
    ]
    texts = [[",".join(str(pair[part]) for pair in own) for own in turned] for part in (0, 1)]
    return {BLOCKS[1]: texts[0], BLOCKS[2]: texts[1]}, places.new_end - places.new_start == length


def _pairs(sizes: str, starts: str) -> list[tuple[int, int]] | None:
    """Size and start of every block, or None where the two lists are none of whole numbers, or differ in length."""
    columns = [[whole_number(cell) for cell in text.strip().rstrip(",").split(",")] for text in (sizes, starts)]
    if len(columns[0]) != len(columns[1]):
        return None
    pairs = list(zip(*columns, strict=True))
    found = [(size, start) for size, start in pairs if size is not None and start is not None]
    return found if len(found) == len(pairs) else None


def _without(result: LiftResult, fits: NDArray[np.bool_]) -> LiftResult:
    n_lost = int((~fits).sum())
    if not n_lost:
        return result
    logger.warning("liftover: %d rows whose blocks no longer fit are lost", n_lost)
    reasons = result.lost_by_reason | {"length_changed": result.lost_by_reason["length_changed"] + n_lost}
    return LiftResult(result.sites[fits], result.n_in, result.n_lifted - n_lost, result.n_lost + n_lost, reasons)


def _write(text: str, out: Path) -> None:
    with atomic_path(out) as temporary:
        content = text.encode()
        temporary.write_bytes(gzip.compress(content, 6, mtime=0) if out.suffix == ".gz" else content)
