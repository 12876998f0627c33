"""Signal tracks: bigWig files of coverage, fold enrichment or shares, checked against a genome build."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from decode.core.checks import check_choice, listed
from decode.core.files import check_input
from decode.genome.assembly import Assembly
from decode.genome.site_files import KINDS, REGION_OF_KIND, Kind
from decode.genome.sources import SIGNAL, Counted, Counter, ValueKind, hashed

logger = logging.getLogger(__name__)

SUFFIXES = (".bw", ".bigwig")  # in lower case
PLUS, MINUS = ".plus", ".minus"


@dataclass(frozen=True)
class SignalSource:
    """Where signal tracks of one kind come from.

    Parameters
    ----------
    kind : {"TF", "RBP", "miRNA", "other"}
        "other" for histone marks, accessibility or methylation.
    path : str or Path
        A bigWig file, or a folder of them (.bw, .bigWig), one track a file, named like the file. A pair NAME.plus.bw
        and NAME.minus.bw is one stranded track, NAME; naming one file of the pair is enough.
    region : str, optional
        Named region in which the signal is averaged; default "promoter" for TF, "rna" for RBP and miRNA.

    Raises
    ------
    ValueError
        If the kind is none of these.

    Examples
    --------
    >>> SignalSource("other", "H3K27ac.bw", region="promoter").path.name
    'H3K27ac.bw'
    """

    kind: Kind
    path: Path
    region: str = ""
    value_kind: ClassVar[ValueKind] = SIGNAL

    def __post_init__(self) -> None:
        check_choice("kind", self.kind, KINDS)
        object.__setattr__(self, "path", Path(self.path))
        object.__setattr__(self, "region", self.region or REGION_OF_KIND.get(self.kind, ""))

    def jobs(self) -> list[Path]:
        """The file of every track, see `signal_tracks`; of a stranded pair that of the plus strand."""
        return [track.path for track in signal_tracks(self)]

    def count(self, path: Path, counter: Counter[Counted]) -> Counted:
        """Have the signal of one track averaged."""
        return counter.signal(path)

    def files(self, path: Path) -> list[dict[str, str]]:
        """Names and hashes of the files of one track."""
        track = signal_track(path)
        return hashed(track.path, track.minus)

    def options(self) -> dict[str, Any]:
        """What else the record of the source says: nothing."""
        return {}


class SignalTrack(NamedTuple):
    """Name and file of a track; for a stranded pair, `path` is the plus strand."""

    name: str
    path: Path
    minus: Path | None


def _is_signal(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES


def signal_tracks(source: SignalSource) -> list[SignalTrack]:
    """Tracks of a source, in order of their names; other files of a folder are ignored, counted and logged.

    Parameters
    ----------
    source : SignalSource

    Returns
    -------
    list of SignalTrack

    Raises
    ------
    FileNotFoundError
        If the path does not exist.
    ValueError
        If a file is empty or no .bw or .bigWig, a folder has none, one strand of a pair is missing, or two files stand
        for one track.
    """
    path = source.path
    if path.is_dir():
        entries = sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
        files = [entry for entry in entries if entry.is_file() and _is_signal(entry)]
        if not files:
            raise ValueError(
                f"folder {path} has no signal file: wanted .bw or .bigWig, found "
                f"{listed(entry.name for entry in entries) or 'nothing'}; name another folder or one file"
            )
        if len(files) < len(entries):
            ignored = [entry.name for entry in entries if entry not in set(files)]
            message = "folder %s: %d signal files; %d others ignored: %s"
            logger.warning(message, path, len(files), len(ignored), listed(ignored))
    else:
        if not _is_signal(check_input(path, f"{source.kind} signal")):
            raise ValueError(
                f"{source.kind} signal {path} is no .bw or .bigWig file; sites in BED go to the site options"
            )
        files = [path]
    tracks: dict[str, SignalTrack] = {}
    for file in files:
        track = signal_track(file)
        other = tracks.setdefault(track.name, track)
        if other != track:
            raise ValueError(
                f"{source.kind} signal {path} has two files of track {track.name}: {other.path.name} and "
                f"{track.path.name}; rename or remove one"
            )
    return list(tracks.values())


def signal_track(file: Path) -> SignalTrack:
    """The track that a file, or the pair that it belongs to, stands for; ValueError where a strand is missing.

    Examples
    --------
    >>> signal_track(Path("marks", "H3K4me3.bigWig")).name
    'H3K4me3'
    """
    if not file.stem.endswith((PLUS, MINUS)):
        return SignalTrack(file.stem, file, None)
    name = file.stem.removesuffix(PLUS).removesuffix(MINUS)
    plus, minus = (file.with_name(f"{name}{strand}{file.suffix}") for strand in (PLUS, MINUS))
    for strand in (plus, minus):
        if not strand.is_file():
            raise ValueError(
                f"signal {file} is one strand of a pair and {strand.name} is not beside it; add it, or rename the file "
                "if it is no stranded track"
            )
    return SignalTrack(name, plus, minus)


class SignalReader:
    """An open bigWig file; use it in a `with` block.

    Parameters
    ----------
    path : str or Path
        A local file.
    assembly : Assembly

    Attributes
    ----------
    counts : dict
        n_skipped_chromosome (of the file, which the assembly lacks) and absent_chromosomes (main chromosomes of the
        assembly that the file lacks: their signal is 0).

    Raises
    ------
    ImportError
        If pyBigWig is not installed.
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no bigWig file, or its chromosomes are not those of the assembly.
    """

    def __init__(self, path: str | Path, assembly: Assembly) -> None:
        self.path = check_input(path, "signal")
        self._file = _opened(self.path)
        try:
            self._name_of = self._chromosomes(assembly)
        except ValueError:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def _chromosomes(self, assembly: Assembly) -> dict[str, str]:
        """Name in the file of every chromosome of the assembly that it has."""
        sizes: dict[str, int] = self._file.chroms()
        known = {name: chrom for name in sizes if (chrom := assembly.resolve(name)) is not None}
        other = {
            name: f"{name} is {sizes[name]} bp, {chrom} of {assembly.name} {assembly.sizes[chrom]}"
            for name, chrom in known.items()
            if sizes[name] != assembly.sizes[chrom]
        }
        mitochondria = [name for name in other if known[name] == assembly.resolve("chrM")]  # two versions are in use
        for name in mitochondria:
            del other[name], known[name]
        if other:
            raise ValueError(
                f"signal {self.path} is of another genome build than {assembly.name}: {listed(other.values())}; name "
                "its build, or convert it"
            )
        if not known:
            raise ValueError(
                f"signal {self.path} has no chromosome of {assembly.name}: it has {listed(sizes)}, the build "
                f"{listed(assembly.sizes, 3)}; check the build"
            )
        found = {chrom: name for name, chrom in known.items()}
        absent = [chrom for chrom in assembly.sizes if assembly.is_main(chrom) and chrom not in found]
        self.counts: dict[str, Any] = {
            "n_skipped_chromosome": len(sizes) - len(known),
            "absent_chromosomes": dict.fromkeys(absent, 1),
        }
        return found

    def read(self, chrom: str, start: int, end: int) -> NDArray[np.float32]:
        """Signal of every base of an interval, 0 where the file has none; shape (end - start,).

        Raises
        ------
        ValueError
            If the file is damaged, or holds an infinite value.
        """
        if chrom not in self._name_of:
            return np.zeros(end - start, dtype=np.float32)
        try:
            values = np.asarray(self._file.values(self._name_of[chrom], start, end, numpy=True), dtype=np.float32)
        except RuntimeError as error:
            raise ValueError(
                f"signal {self.path} is damaged at {chrom}:{start}-{end} ({error}); fetch or make it again"
            ) from error
        values[np.isnan(values)] = 0
        if np.isinf(values).any():
            at = start + int(np.argmax(np.isinf(values)))
            raise ValueError(f"signal {self.path} is infinite at {chrom}:{at}; correct the track")
        return values


def _opened(path: Path) -> Any:
    try:
        import pyBigWig
    except ImportError as error:
        raise ImportError(
            f"signal {path}: reading bigWig needs the package pyBigWig; install it "
            "(pip install 'decode-expression[bigwig]')"
        ) from error
    try:
        file = pyBigWig.open(str(path))
    except RuntimeError as error:
        raise ValueError(f"signal {path} is no bigWig file, or damaged; fetch or make it again") from error
    if not file.isBigWig():
        file.close()
        raise ValueError(f"signal {path} is a bigBed file; convert it to BED and give it as sites")
    return file
