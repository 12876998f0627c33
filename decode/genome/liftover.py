"""Move sites to another genome build by a UCSC chain file, and say how many were lost and why."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from decode.core.checks import check_columns, counted, listed, shortened
from decode.core.delimited import whole_number
from decode.core.files import read_bytes
from decode.core.opening import unix_text
from decode.core.shown import shown

logger = logging.getLogger(__name__)

MAX_LENGTH_CHANGE = 0.1  # share of the length; an indel inside a site moves its far end
LOST_REASONS = ("chromosome_not_in_chain", "end_not_in_chain", "several_places", "ends_apart", "length_changed")
_FOUND, _NONE, _SEVERAL = 0, 1, 2


@shown()
class LiftResult(NamedTuple):
    """Sites in the new build.

    sites : DataFrame
        The lifted rows with new chrom, start, end and strand; other columns, order and index as given.
    n_in, n_lifted, n_lost : int
        Rows given, lifted and lost.
    lost_by_reason : dict of str to int
        Lost rows by reason: chromosome_not_in_chain, end_not_in_chain (the first or last base has no counterpart),
        several_places, ends_apart (the ends lie on two chromosomes or strands, or crossed), length_changed (by more
        than 10 %).
    """

    sites: pd.DataFrame
    n_in: int
    n_lifted: int
    n_lost: int
    lost_by_reason: dict[str, int]


def lift_sites(sites: pd.DataFrame, chain: str | Path) -> LiftResult:
    """Lift intervals to another genome build.

    The first and the last base of each site are looked up. A site is lifted when both have exactly one counterpart, on
    one chromosome and strand, and its length changes by 10 % at most. Where the new build has the reverse strand, '+'
    and '-' are exchanged. Sites are not split.

    Parameters
    ----------
    sites : DataFrame
        chrom, start, end (0-based half-open), optionally strand ('+', '-' or '.'), and any further columns.
    chain : str or Path
        UCSC chain file from the build of the sites to the new one, plain or gzip.

    Returns
    -------
    LiftResult

    Raises
    ------
    FileNotFoundError
        If there is no such chain file.
    ValueError
        If the chain file is damaged or none, if it knows no chromosome of the sites, or if sites lie beyond the end of
        a chromosome of the chain's source build.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> chain = Path(folder.name, "a.over.chain")
    >>> _ = chain.write_text("chain 1 chr1 1000 + 0 100 chr1 900 - 0 100 1\\n100\\n\\n")
    >>> sites = pd.DataFrame({"chrom": ["chr1"], "start": [10], "end": [20], "strand": ["+"]})
    >>> lift_sites(sites, chain).sites.to_numpy().tolist()
    [['chr1', 880, 890, '-']]
    >>> folder.cleanup()
    """
    return lift_with_strands(sites, chain)[0]


def lift_with_strands(sites: pd.DataFrame, chain: str | Path) -> tuple[LiftResult, npt.NDArray[np.bool_]]:
    """As `lift_sites`, and for each lifted site whether it came to the reverse strand."""
    check_columns("sites", sites, ["chrom", "start", "end"])
    sizes = _source_sizes(Path(chain))
    codes, names = pd.factorize(sites["chrom"].astype(str))
    start, end = sites["start"].to_numpy(dtype=np.int64), sites["end"].to_numpy(dtype=np.int64)
    _check_source(codes, [str(name) for name in names], start, end, sizes, Path(chain))

    from liftover import ChainFile

    try:
        with _plain_chain(Path(chain)) as plain:
            lifter = ChainFile(str(plain))
    except (ValueError, RuntimeError) as error:
        raise ValueError(
            f"chain file {chain} cannot be read ({shortened(str(error))}); give a UCSC .over.chain file"
        ) from error
    contigs: dict[str, int] = {}
    first, last = (np.empty((len(sites), 4), dtype=np.int64) for _ in range(2))
    reason = np.zeros(len(sites), dtype=np.int64)  # 0: lifted; i: LOST_REASONS[i - 1]
    for code, name in enumerate(map(str, names)):
        rows = np.flatnonzero(codes == code)
        if _in_source(name, sizes) is None:
            reason[rows] = 1
            continue
        first[rows] = _look_up(lifter[name], start[rows], contigs)
        last[rows] = _look_up(lifter[name], end[rows] - 1, contigs)
    state = np.maximum(first[:, 0], last[:, 0])
    reason = np.where(reason == 0, np.select([state == _NONE, state == _SEVERAL], [2, 3], 0), reason)
    is_same = (first[:, 1] == last[:, 1]) & (first[:, 3] == last[:, 3])
    new_start = np.minimum(first[:, 2], last[:, 2])
    new_end = np.maximum(first[:, 2], last[:, 2]) + 1
    in_order = np.where(first[:, 3] == 1, first[:, 2] <= last[:, 2], first[:, 2] >= last[:, 2])
    reason = np.where((reason == 0) & ~(is_same & in_order), 4, reason)
    change = np.abs((new_end - new_start) - (end - start))
    reason = np.where((reason == 0) & (change > MAX_LENGTH_CHANGE * (end - start)), 5, reason)
    result = _result(sites, reason == 0, reason, first, new_start, new_end, list(contigs))
    return result, first[reason == 0, 3] != 1


@contextmanager
def _plain_chain(chain: Path) -> Iterator[Path]:
    """The chain file in the form that the library reads: gzip or UTF-8 without byte order mark, lines ending in LF."""
    content = chain.read_bytes()
    if content.startswith(b"chain") and unix_text(content) is content:
        yield chain
        return
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder, "plain.chain")
        plain.write_bytes(read_bytes(chain, "chain file"))
        yield plain


def _look_up(target: object, positions: npt.NDArray[np.int64], contigs: dict[str, int]) -> npt.NDArray[np.int64]:
    """State, contig number, position and forward flag of each base; each distinct base is looked up once."""
    distinct, inverse = np.unique(positions, return_inverse=True)
    found = np.zeros((len(distinct), 4), dtype=np.int64)
    for row, position in enumerate(distinct.tolist()):
        matches = target[position]  # type: ignore[index]
        if len(matches) == 1:
            contig, place, strand = matches[0]
            found[row] = (_FOUND, contigs.setdefault(contig, len(contigs)), place, strand == "+")
        else:
            found[row, 0] = _SEVERAL if matches else _NONE
    return found[inverse]


def _result(
    sites: pd.DataFrame,
    kept: npt.NDArray[np.bool_],
    reason: npt.NDArray[np.int64],
    first: npt.NDArray[np.int64],
    new_start: npt.NDArray[np.int64],
    new_end: npt.NDArray[np.int64],
    contigs: list[str],
) -> LiftResult:
    lifted = sites[kept].copy()
    lifted["chrom"] = np.array(contigs, dtype=object)[first[kept, 1]] if kept.any() else lifted["chrom"]
    lifted["start"], lifted["end"] = new_start[kept], new_end[kept]
    if "strand" in lifted.columns:
        strand = lifted["strand"].astype(str).to_numpy()
        flipped = np.where(strand == "+", "-", np.where(strand == "-", "+", strand))
        lifted["strand"] = np.where(first[kept, 3] == 1, strand, flipped)
    for column in ("chrom", "strand"):
        if column in lifted.columns:
            is_category = isinstance(sites[column].dtype, pd.CategoricalDtype)
            lifted[column] = lifted[column].astype("category" if is_category else sites[column].dtype)
    n_lifted = int(kept.sum())
    lost = {name: int((reason == number).sum()) for number, name in enumerate(LOST_REASONS, 1)}
    logger.info("liftover: %d of %d sites lifted; lost: %s", n_lifted, len(sites), counted(lost))
    return LiftResult(lifted, len(sites), n_lifted, len(sites) - n_lifted, lost)


def _source_sizes(chain: Path) -> dict[str, int]:
    """Chromosome sizes of the source build, from the chain headers: chain score tName tSize ..."""
    sizes: dict[str, int] = {}
    for number, line in enumerate(read_bytes(chain, "chain file").splitlines(), 1):
        if not line.startswith(b"chain"):
            continue
        text = line.decode("utf-8", "replace")
        fields = text.split()
        size = whole_number(fields[3]) if len(fields) >= 13 else None
        if size is None or size <= 0:
            raise ValueError(
                f"chain file {chain} line {number} is {text[:60]!r}; a UCSC chain header has 13 fields, the fourth of "
                "which is the length of a chromosome"
            )
        sizes[fields[2]] = size
    if not sizes:
        raise ValueError(f"chain file {chain} has no chain header; give a UCSC .over.chain file")
    return sizes


def _in_source(name: str, sizes: dict[str, int]) -> int | None:
    """Length of a chromosome in the chain's source build, in either style (chr1, 1)."""
    return sizes.get(name, sizes.get(name[3:] if name.startswith("chr") else f"chr{name}"))


def _check_source(
    codes: npt.NDArray[np.intp],
    names: list[str],
    start: npt.NDArray[np.int64],
    end: npt.NDArray[np.int64],
    sizes: dict[str, int],
    chain: Path,
) -> None:
    lengths = [_in_source(name, sizes) for name in names]
    if names and all(length is None for length in lengths):
        raise ValueError(
            f"chain file {chain} knows no chromosome of the sites ({listed(names)}); it lifts from {listed(sizes, 3)}"
        )
    limit = np.array([np.iinfo(np.int64).max if length is None else length for length in lengths], dtype=np.int64)
    wrong = (start < 0) | (start >= end) | (end > limit[codes]) if len(codes) else np.zeros(0, dtype=bool)
    if wrong.any():
        shown = [f"{names[codes[row]]}:{start[row]}-{end[row]}" for row in np.flatnonzero(wrong)]
        raise ValueError(
            f"{len(shown)} site(s) are negative, empty, reversed or beyond the chromosome ends of the build that chain "
            f"file {chain} lifts from: {listed(shown)}; check the build of the sites"
        )
