"""What every source of tracks offers, and the kinds of values that tracks hold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeVar

from decode.core.files import sha256_of

if TYPE_CHECKING:
    from decode.genome.assembly import Assembly
    from decode.genome.site_block import SiteBlock

ValueKind = Literal["bases", "signal", "potential"]
BASES: Final = "bases"  # of the bin, covered by the union of the track's sites
SIGNAL: Final = "signal"  # mean over the bases of the bin
POTENTIAL: Final = "potential"  # sum over sites, weighted by their distance from the TSS

Counted = TypeVar("Counted")
Given = TypeVar("Given", covariant=True)


class Counter(Protocol[Given]):
    """What counts one file in the bins of a region; a source calls the method that fits what it holds."""

    @property
    def assembly(self) -> Assembly:
        """Chromosomes, in the order of the axis of positions."""

    @property
    def is_stranded(self) -> bool:
        """Whether strand matters in the region."""

    def sites(self, block: SiteBlock) -> Given:
        """Count sites."""

    def signal(self, path: Path) -> Given:
        """Average the signal of a bigWig file, or of the stranded pair that it belongs to."""


class Source(Protocol):
    """One source of tracks: a `SiteSource`, `SiteTable` or `SignalSource`; another needs only these names."""

    @property
    def kind(self) -> str:
        """TF, RBP, miRNA or other."""

    @property
    def path(self) -> Path:
        """Where it lies, or what it is called."""

    @property
    def region(self) -> str:
        """Named region in which it is counted."""

    @property
    def value_kind(self) -> ValueKind:
        """What the values of its tracks are, in regions of bins."""

    def jobs(self) -> list[Path]:
        """What is counted one at a time: its files, in order."""

    def count(self, path: Path, counter: Counter[Counted]) -> Counted:
        """Read one of `jobs` and hand it to the counter."""

    def files(self, path: Path) -> list[dict[str, str]]:
        """Name and sha256 of everything that is read for one of `jobs`."""

    def options(self) -> dict[str, Any]:
        """What else the record of the source says."""


def hashed(*paths: Path | None) -> list[dict[str, str]]:
    """Name and sha256 of files; None is passed over."""
    return [{"name": path.name, "sha256": sha256_of(path)} for path in paths if path is not None]
