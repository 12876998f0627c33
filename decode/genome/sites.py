"""Binding sites as a table: its contract, and the ways in (files, DataFrames).

The sites frame has one row a site and a RangeIndex:

    chrom, start, end   name as in the assembly; 0-based half-open on the reference strand (int64)
    strand              "+", "-" or "." (not stated)
    regulator, kind     name, and one of TF, RBP, miRNA, other; a regulator is the pair of both
    score               optional, float64
    biosample           optional; "" where not stated

Text columns are categorical. Further columns are allowed and left alone. `check_sites` enforces this.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.checks import check_columns, listed
from decode.core.frames import TableSource, check_source, pandas_frame
from decode.genome.assembly import Assembly, get_assembly
from decode.genome.site_block import SiteBlock
from decode.genome.site_files import KINDS, Kind
from decode.genome.site_readers import SiteFile, read_block
from decode.genome.site_sources import SiteSource, source_files

__all__ = [
    "SITE_COLUMNS",
    "SiteBlock",
    "SiteSource",
    "block_from_sites",
    "check_sites",
    "read_block",
    "read_sites",
    "sites_from_frame",
    "source_files",
]

logger = logging.getLogger(__name__)

SITE_COLUMNS = ("chrom", "start", "end", "strand", "regulator", "kind")
STRANDS = ("+", "-", ".")
SIGN_OF_STRAND = {"+": 1, "-": -1, ".": 0}


def _assembly(build: str | Assembly) -> Assembly:
    return build if isinstance(build, Assembly) else get_assembly(build)


def _shown(sites: pd.DataFrame, is_wrong: NDArray[np.bool_]) -> str:
    rows = sites[["chrom", "start", "end"]].iloc[np.flatnonzero(is_wrong)]
    return listed(f"row {i} ({chrom}:{start}-{end})" for i, chrom, start, end in rows.itertuples())


def check_sites(sites: pd.DataFrame, assembly: Assembly) -> None:
    """Raise unless a table is a sites frame of this assembly.

    Parameters
    ----------
    sites : DataFrame
    assembly : Assembly

    Raises
    ------
    TypeError
        If it is no DataFrame.
    ValueError
        If a column is missing, or rows have coordinates that are no whole numbers, negative, reversed or beyond the
        end of their chromosome, a chromosome that the assembly lacks, or another strand, kind or regulator than the
        contract allows. Five rows at most are named.
    """
    check_columns("sites", sites, SITE_COLUMNS)
    for column in ("start", "end"):
        if not pd.api.types.is_integer_dtype(sites[column]) or sites[column].isna().any():
            raise ValueError(f"sites: {column} is {sites[column].dtype}; whole numbers are wanted")
    codes, names = pd.factorize(sites["chrom"])
    unknown = [str(name) for name in names if name not in assembly.sizes]
    if unknown or (codes < 0).any():
        raise ValueError(
            f"sites lie on chromosomes that build {assembly.name} lacks: {listed(unknown) or 'missing names'}; "
            "sites_from_frame unifies names and skips the others"
        )
    start, end = sites["start"].to_numpy(np.int64), sites["end"].to_numpy(np.int64)
    limit = np.array([assembly.sizes[name] for name in names] or [0], dtype=np.int64)[codes]
    for is_wrong, reason in (
        (start < 0, "start below 0; coordinates are 0-based"),
        (start >= end, "start >= end; coordinates are 0-based half-open"),
        (end > limit, f"end beyond the chromosome of {assembly.name}; are they sites of another genome build?"),
    ):
        if is_wrong.any():
            raise ValueError(f"{int(is_wrong.sum())} site(s) with {reason}: {_shown(sites, is_wrong)}")
    for column, allowed in (("strand", STRANDS), ("kind", KINDS)):
        found = pd.unique(sites[column])
        wrong = [repr(value) for value in found if value not in allowed]
        if wrong:
            raise ValueError(f"sites: {column} holds {listed(wrong)}; allowed: {', '.join(allowed)}")
    is_blank = sites["regulator"].isna().to_numpy() | sites["regulator"].astype(str).isin(["", "."]).to_numpy()
    if is_blank.any():
        raise ValueError(f"{int(is_blank.sum())} site(s) name no regulator: {_shown(sites, is_blank)}")


def _whole_numbers(frame: pd.DataFrame, column: str) -> NDArray[np.int64]:
    values = pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    is_wrong = ~(np.isfinite(values) & (values == np.floor(values)))
    if is_wrong.any():
        rows = np.flatnonzero(is_wrong)
        shown = [f"row {frame.index[row]} ({frame[column].iloc[row]!r})" for row in rows[:6]]
        raise ValueError(f"sites: {column} is not a whole number in {len(rows)} row(s): {listed(shown)}")
    return values.astype(np.int64)


def sites_from_frame(
    frame: pd.DataFrame, *, build: str | Assembly, kind: Kind | None = None, regulator: str | None = None
) -> pd.DataFrame:
    """Make a sites frame from a table of intervals.

    Parameters
    ----------
    frame : DataFrame
        Columns chrom, start, end (0-based half-open), optionally strand, regulator, kind, score, biosample and others.
        It is not changed. Chromosome names may be of either style (chr1, 1).
    build : str or Assembly
        Genome build of the coordinates.
    kind : {"TF", "RBP", "miRNA", "other"}, optional
        Kind of all rows, where the frame has no such column.
    regulator : str, optional
        Regulator of all rows, where the frame has no such column.

    Returns
    -------
    DataFrame
        Sites frame. Rows on chromosomes that the build lacks are left out and logged; `attrs["counts"]` has n_rows,
        n_skipped_chromosome and skipped_chromosomes.

    Raises
    ------
    ValueError
        If columns are missing, no row lies on a chromosome of the build, or `check_sites` finds a fault.

    Examples
    --------
    >>> frame = pd.DataFrame({"chrom": ["1", "X"], "start": [10, 5], "end": [30, 9]})
    >>> sites_from_frame(frame, build="hg38", kind="TF", regulator="CTCF").values.tolist()
    [['chr1', 10, 30, '.', 'CTCF', 'TF'], ['chrX', 5, 9, '.', 'CTCF', 'TF']]
    """
    check_columns("sites", frame, ["chrom", "start", "end"])
    assembly = _assembly(build)
    given = {"regulator": regulator, "kind": kind, "strand": "."}
    for column in ("regulator", "kind"):
        if column not in frame.columns and given[column] is None:
            raise ValueError(f"sites have no column {column}; add it, or state {column}=")
    codes, names = pd.factorize(frame["chrom"].astype(str))
    resolved = [assembly.resolve(str(name)) for name in names]
    is_known = np.array([name is not None for name in resolved], dtype=bool)[codes]
    n_of = np.bincount(codes, minlength=len(names))
    skipped = {str(name): int(n) for name, n, known in zip(names, n_of, resolved, strict=True) if known is None}
    if len(frame) and not is_known.any():
        raise ValueError(
            f"none of the {len(frame)} sites lies on a chromosome of {assembly.name}; they have {listed(names)}, the "
            f"build has {listed(assembly.sizes, 3)}: check the build"
        )
    sites = pd.DataFrame(index=frame.index)
    sites["chrom"] = pd.Series([resolved[code] for code in codes], index=frame.index, dtype=object)
    for column in ("start", "end"):
        sites[column] = _whole_numbers(frame, column)
    for column in ("strand", "regulator", "kind"):
        sites[column] = frame[column] if column in frame.columns else given[column]
    sites["strand"] = sites["strand"].astype(object).where(sites["strand"].notna(), ".").replace("*", ".")
    if "score" in frame.columns:
        sites["score"] = pd.to_numeric(frame["score"]).astype(np.float64)
    if "biosample" in frame.columns:
        biosample = frame["biosample"].astype(object).where(frame["biosample"].notna(), "")
        sites["biosample"] = biosample.astype(str).replace(".", "")
    for column in frame.columns:
        if column not in sites.columns:
            sites[column] = frame[column]
    sites = sites[is_known]
    check_sites(sites, assembly)
    counts = {"n_rows": len(frame), "n_skipped_chromosome": sum(skipped.values()), "skipped_chromosomes": skipped}
    if skipped:
        message = "sites: %d of %d rows lie on chromosomes that %s lacks and are skipped: %s"
        logger.warning(message, counts["n_skipped_chromosome"], len(frame), assembly.name, listed(skipped))
    return _typed(sites, assembly, counts)


def _typed(sites: pd.DataFrame, assembly: Assembly, counts: dict[str, Any]) -> pd.DataFrame:
    """Categorical text columns with fixed categories where the contract knows them, a RangeIndex, and the counts."""
    fixed = {"chrom": list(assembly.sizes), "strand": list(STRANDS), "kind": list(KINDS)}
    sites = sites.reset_index(drop=True)
    for column in ("chrom", "strand", "regulator", "kind", "biosample"):
        if column in sites.columns:
            sites[column] = pd.Categorical(sites[column].astype(str), categories=fixed.get(column))
    sites.attrs["counts"] = counts
    return sites


def read_sites(source: SiteSource | TableSource, *, build: str | Assembly, kind: Kind | None = None) -> pd.DataFrame:
    """Read a file or folder of sites into a sites frame.

    For features no such table is needed: `build_features` reads the files itself, one at a time and with far less
    memory.

    Parameters
    ----------
    source : SiteSource, path or DataFrame
        A source, or a file or folder read with the default options; a pandas or polars frame goes to
        `sites_from_frame`.
    build : str or Assembly
        Genome build of the coordinates.
    kind : {"TF", "RBP", "miRNA", "other"}, optional
        Needed where `source` is a path.

    Returns
    -------
    DataFrame
        Sites frame, in the order of the files and their rows. It has a biosample where the source states the column,
        and a score where it states score_column or min_score. `attrs["counts"]`: as SiteBlock, summed over files.

    Raises
    ------
    FileNotFoundError, ValueError
        As `source_files` and `read_block`.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> _ = Path(folder.name, "CTCF.bed").write_text("chr1\\t100\\t150\\n")
    >>> read_sites(folder.name, build="hg19", kind="TF").values.tolist()
    [['chr1', 100, 150, '.', 'CTCF', 'TF']]
    >>> folder.cleanup()
    """
    if not isinstance(source, SiteSource | str | Path):
        check_source(source, "sites")
        return sites_from_frame(pandas_frame(source), build=build, kind=kind)
    if not isinstance(source, SiteSource):
        if kind is None:
            raise ValueError(f"kind of the sites in {source} is not stated; choose one of: {', '.join(KINDS)}")
        source = SiteSource(kind, Path(source))
    elif kind not in (None, source.kind):
        raise ValueError(f"kind is {kind!r}, and the source says {source.kind!r}; state it once")
    assembly = _assembly(build)
    has_score = source.min_score is not None or source.score_column is not None
    blocks, scores = [], []
    for path in source_files(source):
        block, score = SiteFile(source, path, assembly, strand="where given", has_score=has_score).read()
        blocks.append(block)
        scores.append(score)
    frame = _frame_of(blocks, assembly, source.kind)
    if has_score:
        frame["score"] = np.concatenate(scores)
    if source.biosample_column is None:
        frame = frame.drop(columns="biosample")
    counts: dict[str, Any] = {}
    for block in blocks:
        for key, value in block.counts.items():
            counts[key] = _summed(counts.get(key), value)
    frame.attrs["counts"] = counts
    return frame


def _summed(total: Any, part: Any) -> Any:
    if isinstance(part, dict):
        total = total or {}
        return {key: total.get(key, 0) + part.get(key, 0) for key in {**total, **part}}
    return part + (total or 0)


def _named(names: list[str], track: NDArray[np.int64]) -> pd.Categorical[str]:
    """Names of the tracks of each site."""
    codes, categories = pd.factorize(np.array(names))
    return pd.Categorical.from_codes(codes[track], pd.Index([str(name) for name in categories]))


def _frame_of(blocks: list[SiteBlock], assembly: Assembly, kind: Kind) -> pd.DataFrame:
    n_tracks = np.cumsum([0, *(len(block.regulators) for block in blocks)])
    track = np.concatenate([block.track + first for block, first in zip(blocks, n_tracks, strict=False)])
    position, length, strand = (
        np.concatenate([getattr(block, name) for block in blocks]) for name in ("position", "length", "strand")
    )
    offsets = np.fromiter(assembly.offsets.values(), dtype=np.int64)
    chrom = np.searchsorted(offsets, position, side="right") - 1
    start = position - offsets[chrom]
    return pd.DataFrame(
        {
            "chrom": pd.Categorical.from_codes(chrom, pd.Index(list(assembly.sizes))),
            "start": start,
            "end": start + length,
            "strand": pd.Categorical.from_codes(np.array([2, 0, 1])[strand], pd.Index(STRANDS)),
            "regulator": _named([name for block in blocks for name in block.regulators], track),
            "kind": pd.Categorical.from_codes(np.full(len(track), KINDS.index(kind)), pd.Index(KINDS)),
            "biosample": _named([name for block in blocks for name in block.biosamples], track),
        }
    )


def block_from_sites(sites: pd.DataFrame, assembly: Assembly, *, stranded: bool) -> SiteBlock:
    """Numbers of a sites frame, as `read_block` gives them for a file.

    Parameters
    ----------
    sites : DataFrame
        Sites frame of one kind.
    assembly : Assembly
    stranded : bool
        Whether strand matters; if not, all strands are 0.

    Returns
    -------
    SiteBlock

    Raises
    ------
    ValueError
        If `check_sites` finds a fault, or the frame has several kinds.
    """
    check_sites(sites, assembly)
    kinds = pd.unique(sites["kind"])
    if len(kinds) > 1:
        raise ValueError(f"sites are of {len(kinds)} kinds ({listed(kinds)}); give those of one kind")
    regulator = sites["regulator"].astype(str)
    biosample = sites["biosample"].astype(str) if "biosample" in sites.columns else pd.Series("", index=sites.index)
    track, pairs = pd.MultiIndex.from_arrays([regulator, biosample]).factorize()
    offset = sites["chrom"].astype(object).map(assembly.offsets).to_numpy(np.int64)
    start, end = sites["start"].to_numpy(np.int64), sites["end"].to_numpy(np.int64)
    strand = np.zeros(len(sites), dtype=np.int8)
    counts: dict[str, Any] = {"n_rows": len(sites)}
    if stranded:
        strand[:] = sites["strand"].astype(object).map(SIGN_OF_STRAND).to_numpy(np.int8)
        counts["n_without_strand"] = int((strand == 0).sum())
    return SiteBlock(
        [str(name) for name, _ in pairs], [str(name) for _, name in pairs], track.astype(np.int32),
        offset + start, (end - start).astype(np.int32), strand, counts,
    )  # fmt: skip
