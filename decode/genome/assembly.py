"""Genome builds: chromosome names, their sizes, and one axis for the whole genome."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from pathlib import Path

from decode.core.checks import listed, naming
from decode.core.delimited import whole_number
from decode.core.files import check_input, read_bytes
from decode.core.shown import shown

# Names of the same coordinates given by UCSC, the Genome Reference Consortium and NCBI.
BUILD_ALIASES: dict[str, str] = {
    "hg19": "hg19",
    "grch37": "hg19",
    "b37": "hg19",
    "hs37d5": "hg19",
    "hg38": "hg38",
    "grch38": "hg38",
    "mm10": "mm10",
    "grcm38": "mm10",
    "mm39": "mm39",
    "grcm39": "mm39",
}
MAX_GENOME_BP = 10**12  # the largest genome known, of a fork fern, has 1.6e11
MITOCHONDRIA = ("chrM", "chrMT", "M", "MT", "chrMito")
_SCAFFOLD = re.compile(r"_(random|alt|fix|hap\d+|decoy)$|^(chr)?Un_")


@shown()
@dataclass(frozen=True)
class Assembly:
    """A genome build: its name and the lengths of its chromosomes.

    Parameters
    ----------
    name : str
        Canonical name: "hg19", "hg38", "mm10", "mm39", or the user's own.
    sizes : mapping of str to int
        Length in bp of every chromosome and scaffold, in the order of the size table.
    aliases : mapping of str to str
        Other names of a chromosome (GenBank, RefSeq, Ensembl) -> the name in `sizes`.

    Examples
    --------
    >>> hg19 = get_assembly("GRCh37")
    >>> hg19.name, hg19.sizes["chr21"], hg19.resolve("21"), hg19.resolve("MT"), hg19.resolve("chr99")
    ('hg19', 48129895, 'chr21', 'chrM', None)
    """

    name: str
    sizes: Mapping[str, int]
    aliases: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.sizes:
            raise ValueError(f"build {self.name!r} has no chromosome; give a table of chromosome sizes")
        wrong = [f"{chrom} {length!r}" for chrom, length in self.sizes.items() if length <= 0]
        if wrong:
            raise ValueError(f"build {self.name!r}: chromosome lengths must be above 0 bp, got {listed(wrong)}")
        if self.length_bp > MAX_GENOME_BP:
            raise ValueError(
                f"build {self.name!r} has {self.length_bp:,} bp, more than any genome; correct the chromosome sizes"
            )

    def __hash__(self) -> int:
        return hash((self.name, len(self.sizes)))

    @cached_property
    def offsets(self) -> dict[str, int]:
        """Position of each chromosome's first base on one axis of `length_bp` bases (dict of chrom to int)."""
        starts: dict[str, int] = {}
        total = 0
        for chrom, length in self.sizes.items():
            starts[chrom] = total
            total += length
        return starts

    @cached_property
    def length_bp(self) -> int:
        """Sum of all chromosome lengths in bp."""
        return sum(self.sizes.values())

    @cached_property
    def _names(self) -> dict[str, str]:
        names: dict[str, str] = {}
        for chrom in self.sizes:
            names[chrom] = chrom
        for alias, chrom in self.aliases.items():
            names.setdefault(alias, chrom)
        for chrom in self.sizes:
            names.setdefault(chrom[3:] if chrom.lower().startswith("chr") else f"chr{chrom}", chrom)
        mitochondria = [chrom for chrom in MITOCHONDRIA if chrom in self.sizes]
        for alias in MITOCHONDRIA if mitochondria else ():
            names.setdefault(alias, mitochondria[0])
        for name in list(names):  # exact spelling first, then without regard to case
            names.setdefault(name.lower(), names[name])
        return names

    def resolve(self, name: str) -> str | None:
        """Name of a chromosome in this build's table, whatever style it is given in.

        Parameters
        ----------
        name : str
            "chr1" or "1", "chrM", "M", "MT" or "chrMT", a GenBank or RefSeq accession (shipped builds).

        Returns
        -------
        str or None
            The name in `sizes`; None if this build has no such chromosome.
        """
        text = str(name)
        return self._names.get(text) or self._names.get(text.lower())

    def is_main(self, chrom: str) -> bool:
        """Whether a chromosome is none of the unplaced, alternate, patch or decoy scaffolds."""
        return not _SCAFFOLD.search(chrom)


def get_assembly(build: str, sizes: str | Path | None = None) -> Assembly:
    """Chromosome sizes of a genome build.

    Sizes of hg19, hg38, mm10 and mm39 are in the package, with the scaffolds of the primary assembly. In hg19, chrM
    and MT are one chromosome here; its length is that of UCSC's chrM (16,571 bp, two more than the revised MT).

    Parameters
    ----------
    build : str
        "hg19" or "GRCh37", "hg38" or "GRCh38", "mm10" or "GRCm38", "mm39" or "GRCm39" (upper or lower case, patch
        suffix such as ".p13" allowed), or any other name together with `sizes`.
    sizes : str or Path, optional
        Two columns, chromosome and length in bp, separated by tab or blanks; further columns (as in a .fai file) and
        lines starting with '#' are ignored. For a build named above it replaces the table of the package and must
        agree with it on the chromosomes that both have.

    Returns
    -------
    Assembly

    Raises
    ------
    ValueError
        If the build is unknown and no sizes are given, or the sizes file is not of this form.
    FileNotFoundError
        If the sizes file does not exist.

    Examples
    --------
    >>> get_assembly("mm39").sizes["chr19"]
    61420004
    """
    text = str(build).strip()
    if not text:
        raise ValueError("build is empty; name the genome build, for example hg38")
    canonical = BUILD_ALIASES.get(re.sub(r"\.p\d+$", "", text.lower()))
    shipped = _shipped(canonical) if canonical else None
    if sizes is None:
        if shipped is None:
            raise ValueError(
                f"build {text!r} is unknown; choose one of hg19/GRCh37, hg38/GRCh38, mm10/GRCm38, mm39/GRCm39, "
                "or give a two-column file of chromosome sizes (--sizes FILE)"
            )
        return shipped
    table = _read_sizes(Path(sizes))
    with naming(f"sizes file {sizes}"):
        own = Assembly(canonical or text, table)
    if shipped is not None:
        other = [
            f"{chrom} {length} (not {shipped.sizes[known]})"
            for chrom, length in table.items()
            if (known := shipped.resolve(chrom)) and known != shipped.resolve("chrM") and shipped.sizes[known] != length
        ]
        if other:
            raise ValueError(
                f"sizes {sizes} are not those of build {text}: {listed(other)}; name the build they belong to"
            )
    return own


def _shipped(name: str) -> Assembly:
    sizes: dict[str, int] = {}
    aliases: dict[str, str] = {}
    content = resources.files("decode.genome").joinpath("sizes", f"{name}.tsv").read_text(encoding="utf-8")
    for line in content.splitlines()[1:]:
        chrom, length, others = line.split("\t")
        sizes[chrom] = int(length)
        aliases.update(dict.fromkeys(filter(None, others.split(",")), chrom))
    return Assembly(name, sizes, aliases)


def _read_sizes(path: Path) -> dict[str, int]:
    check_input(path, "sizes file")
    sizes: dict[str, int] = {}
    for number, line in enumerate(read_bytes(path, "sizes file").decode("utf-8", "replace").split("\n"), 1):
        fields = line.split()
        if not fields or line.startswith("#"):
            continue
        length = whole_number(fields[1]) if len(fields) > 1 else None
        if length is None or length <= 0:
            raise ValueError(
                f"sizes file {path} line {number} is {line.strip()[:60]!r}; "
                "two columns are wanted, chromosome and length in bp"
            )
        if fields[0] in sizes:
            raise ValueError(f"sizes file {path} line {number} names {fields[0]} a second time; keep one line of each")
        sizes[fields[0]] = length
    if not sizes:
        raise ValueError(f"sizes file {path} names no chromosome; two columns are wanted, chromosome and length in bp")
    return sizes
