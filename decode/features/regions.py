"""Named regions and their bins: promoter, RNA, further windows around the TSS, and linked distal elements."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from decode.core.checks import check_count
from decode.core.files import sha256_of
from decode.features.content import window_definition
from decode.features.pieces import Pieces, linked_pieces, promoter_pieces, rna_pieces, window_pieces
from decode.features.position_check import union_of
from decode.features.potential import HALF_DISTANCE_BP, reach_bp
from decode.genome.links import read_links
from decode.genome.structure import STRUCTURE

if TYPE_CHECKING:
    from decode.genome.assembly import Assembly
    from decode.genome.gene_models import GeneModels

logger = logging.getLogger(__name__)

REGIONS = ("promoter", "rna")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
Suspicion = Literal["raise", "warn", "none"]


@dataclass(frozen=True)
class WindowRegion:
    """A further region: a window at any distance from the TSS, in transcript direction.

    Parameters
    ----------
    name : str
        Letters, digits and underscores; not "promoter" or "rna".
    first_bp, last_bp : int
        The window is [first_bp, last_bp); the TSS base is 0, negative numbers lie upstream.
    bin_size : int, optional
        Bases; default that of the build.

    Raises
    ------
    ValueError
        If the name or the bin size cannot be used.

    Examples
    --------
    >>> WindowRegion("upstream", -50_000, -2_000, bin_size=500).definition(100)
    {'type': 'window', 'first_bp': -50000, 'last_bp': -2000, 'bin_size': 500}
    """

    name: str
    first_bp: int
    last_bp: int
    bin_size: int | None = None

    def __post_init__(self) -> None:
        _check_region(self.name, self.bin_size)

    def definition(self, bin_size: int) -> dict[str, Any]:
        """What makes the region what it is, as plain data."""
        return window_definition(self.first_bp, self.last_bp, self.bin_size or bin_size)


@dataclass(frozen=True)
class LinkedRegion:
    """A further region: the distal elements that are linked to each gene, the nearest to the TSS first.

    Parameters
    ----------
    path : str or Path
        Links of elements to genes; see `decode.genome.links.read_links`.
    name : str
        Letters, digits and underscores; not "promoter" or "rna".
    bin_size : int, optional
        Bases; default that of the build.
    min_score : float, optional
        Links with a lower score are left out.
    id_map : str or Path, optional
        Names of genes, where the links have others than the annotation.

    Raises
    ------
    ValueError
        If the name or the bin size cannot be used.
    """

    path: Path
    name: str = "distal"
    bin_size: int | None = None
    min_score: float | None = None
    id_map: Path | None = None

    def __post_init__(self) -> None:
        _check_region(self.name, self.bin_size)
        object.__setattr__(self, "path", Path(self.path))

    def definition(self, bin_size: int) -> dict[str, Any]:
        """What makes the region what it is, as plain data, with the hash of the links."""
        return {
            "type": "linked", "bin_size": int(self.bin_size or bin_size), "path": str(self.path),
            "sha256": sha256_of(self.path), "min_score": self.min_score,
            "id_map": None if self.id_map is None else str(self.id_map),
        }  # fmt: skip


@dataclass(frozen=True)
class PotentialRegion:
    """A further region: the regulatory potential of peaks at each gene, in one bin.

    The value is the sum over the track's peaks of 2^(-distance of the peak's middle from the TSS / half-distance), up
    to ten half-distances to both sides; strand is ignored.

    Parameters
    ----------
    half_distance : int
        Bases at which a peak counts half.
    name : str
        Letters, digits and underscores; not "promoter" or "rna".

    Raises
    ------
    ValueError
        If the name or the half-distance cannot be used.

    Examples
    --------
    >>> PotentialRegion(1000).definition(100)["first_bp"]
    -10000
    """

    half_distance: int = HALF_DISTANCE_BP
    name: str = "potential"

    def __post_init__(self) -> None:
        _check_region(self.name, None)
        check_count(f"half-distance of the region {self.name}", self.half_distance)

    def definition(self, bin_size: int) -> dict[str, Any]:
        """What makes the region what it is, as plain data; its one bin is the window in which peaks count."""
        reach = reach_bp(self.half_distance)
        window = window_definition(-reach, reach + 1, 2 * reach + 1)
        return window | {"type": "potential", "half_distance_bp": int(self.half_distance)}


Region = WindowRegion | LinkedRegion | PotentialRegion


def _check_region(name: str, bin_size: int | None) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"name of a region is {name!r}; letters, digits and underscores are wanted, a letter first")
    if name in (*REGIONS, STRUCTURE):
        raise ValueError(f"name of a region is {name!r}, which is taken; choose another, such as distal")
    if bin_size is not None:
        check_count(f"bin size of the region {name}", bin_size)


@dataclass(frozen=True, eq=False)
class RegionBins:
    """Everything that is needed to count sites or average signals in one region.

    Parameters
    ----------
    name : str
    assembly : Assembly
    pieces : Pieces
    bin_length_bp, offsets : arrays
        As in RegionMatrix.
    value_type : numpy number type
        int16 or int32 for bases, float32 where the region holds a signal.
    union : (starts, ends)
        Disjoint intervals that the pieces cover.
    definition : dict
        Of a further region; empty for promoter and rna, which follow from the options of the build.
    suspicion : {"raise", "warn", "none"}
        What happens where sites lie in the region no more often than by chance. Distal elements only warn; in a window
        far from the TSS sites need not be denser than around it, so nothing is concluded.
    half_distance_bp : int
        Of a regulatory potential; 0 where bases are counted or signals averaged.
    """

    name: str
    assembly: Assembly
    pieces: Pieces
    bin_length_bp: NDArray[np.int32]
    offsets: NDArray[np.int64]
    value_type: type[np.number[Any]]
    union: tuple[NDArray[np.int64], NDArray[np.int64]]
    definition: dict[str, Any]
    suspicion: Suspicion
    half_distance_bp: int = 0


class BinOptions(NamedTuple):
    """Sizes in bases, and whether promoters take only sites on the gene's strand."""

    bin_size: int = 100
    upstream: int = 2000
    downstream: int = 1000
    promoter_stranded: bool = False


def make_bins(gene_models: GeneModels, region: str | Region, options: BinOptions, *, has_signal: bool) -> RegionBins:
    """Lay out the bins of a region for every gene model.

    Parameters
    ----------
    gene_models : GeneModels
    region : "promoter", "rna", WindowRegion, LinkedRegion or PotentialRegion
    options : BinOptions
    has_signal : bool
        Whether means of signals are stored, or bases only.

    Returns
    -------
    RegionBins

    Raises
    ------
    FileNotFoundError, ValueError
        If links cannot be read, a window or bin size is not possible, or there is a signal in a region of potentials.
    """
    suspicion: Suspicion = "raise"
    size = options.bin_size
    half_distance = 0
    definition: dict[str, Any] = {}
    if isinstance(region, WindowRegion):
        definition = region.definition(size)
        size, suspicion = region.bin_size or size, "none"
        made = window_pieces(gene_models, region.first_bp, region.last_bp, size)
    elif isinstance(region, LinkedRegion):
        links = read_links(
            region.path, gene_models.assembly, gene_models.table, min_score=region.min_score, id_map=region.id_map
        )
        definition = region.definition(size)
        size, suspicion = region.bin_size or size, "warn"
        made = linked_pieces(gene_models, links.table, size)
        n_without = int((np.diff(made[2]) == 0).sum())
        definition["counts"] = {**links.counts, f"n_{gene_models.level}s_without_element": n_without}
        logger.info(
            "region %s: %d of %d %ss have no linked element",
            region.name,
            n_without,
            len(gene_models.table),
            gene_models.level,
        )
    elif isinstance(region, PotentialRegion):
        if has_signal:
            raise ValueError(f"region {region.name} is given a signal; its potentials are those of peaks: give sites")
        definition, suspicion, half_distance = region.definition(size), "none", region.half_distance
        size = definition["bin_size"]
        made = window_pieces(gene_models, definition["first_bp"], definition["last_bp"], size)
    elif region == "promoter":
        made = promoter_pieces(
            gene_models, size, options.upstream, options.downstream, is_stranded=options.promoter_stranded
        )
    else:
        made = rna_pieces(gene_models, size)
    bases_type = np.int16 if size <= np.iinfo(np.int16).max else np.int32
    name = region if isinstance(region, str) else region.name
    value_type = np.float32 if has_signal or half_distance else bases_type
    return RegionBins(
        name, gene_models.assembly, *made, value_type, union_of(made[0]), definition, suspicion, half_distance
    )
