"""Genotypes of persons from a VCF, one chromosome at a time: which variants are fit to be used."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.checks import MATCH_ERROR_SHARE, MATCH_WARN_SHARE, counted, listed, matched_share
from decode.core.files import check_input
from decode.genome.assembly import Assembly

logger = logging.getLogger(__name__)

MAX_MISSING = 0.01  # [D] variants missing in more persons are dropped
MIN_MAF = 0.01  # [D] rarer variants are dropped
MISSING = np.int8(-1)
_CONTIG = re.compile(r"^##contig=<ID=([^,>]+),(?:[^>]*,)?length=(\d+)", re.MULTILINE)


class Genotypes(NamedTuple):
    """Variants of a chromosome that are kept, in the order of their positions.

    Attributes
    ----------
    chrom : str
    variants : pd.DataFrame, shape (n_variants, ...)
        variant_id (CHROM:POS:REF:ALT, 1-based as in the VCF, where the file has no id), chrom, position (0-based), ref,
        alt, missing_share, maf.
    dosages : int8 array, shape (n_variants, n_persons)
        Alternative alleles, 0 to 2; -1 is missing. A haploid call counts twice.
    """

    chrom: str
    variants: pd.DataFrame
    dosages: NDArray[np.int8]


class GenotypeFile:
    """A VCF (plain, bgzip or gzip, also BCF), read by cyvcf2.

    Parameters
    ----------
    path : path

    Raises
    ------
    ImportError
        If the extra `genotypes` is not installed.
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no VCF, or has no persons or no genotypes.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = check_input(path, "VCF")
        with _opened(self.path) as reader:
            self.persons = [str(name) for name in reader.samples]
            header = str(reader.raw_header)
        self.lengths = {name: int(length) for name, length in _CONTIG.findall(header)}
        has_genotypes = "##FORMAT=<ID=GT," in header
        if not self.persons or not has_genotypes:
            lacks = "no column of a person" if not self.persons else "no field GT"
            raise ValueError(
                f"VCF {self.path} has {lacks}; a file with genotypes (FORMAT GT and a column a person) is wanted, "
                "not one of sites only"
            )

    def check_build(self, assembly: Assembly) -> None:
        """Raise where the lengths of the VCF's contigs are not those of a build; no lengths, no check."""
        wrong = [
            f"{name} {length} (not {assembly.sizes[known]})"
            for name, length in self.lengths.items()
            if (known := assembly.resolve(name)) and known != assembly.resolve("chrM")
            and assembly.sizes[known] != length
        ]  # fmt: skip
        if wrong:
            raise ValueError(
                f"VCF {self.path} is not of build {assembly.name}: contig lengths differ for {listed(wrong)}; give "
                "genotypes of that build, or lift them over"
            )
        if not self.lengths:
            logger.warning("VCF %s states no contig lengths: its build cannot be checked", self.path)

    def match_persons(self, wanted: Sequence[str]) -> list[str]:
        """Persons that are in the VCF and in another table, in the order of the table; the matching rule holds."""
        own = set(self.persons)
        kept = [person for person in wanted if person in own]
        share = matched_share(len(kept), len(wanted), len(own))
        sentence = f"{len(kept)} of {len(wanted)} persons of the expression table are among the {len(own)} of the VCF"
        if share < MATCH_ERROR_SHARE:
            raise ValueError(
                f"{sentence}; the table names {listed(wanted, 3)}, the VCF {listed(self.persons, 3)}. Name both alike, "
                "one column a person"
            )
        (logger.warning if share < MATCH_WARN_SHARE else logger.info)("genotypes: %s", sentence)
        return kept

    def chromosomes(
        self,
        persons: Sequence[str],
        wanted: Collection[str],
        assembly: Assembly,
        *,
        max_missing: float = MAX_MISSING,
        min_maf: float = MIN_MAF,
    ) -> Iterator[tuple[Genotypes, dict[str, int]]]:
        """Read the variants of some chromosomes that can be used, a chromosome at a time.

        Parameters
        ----------
        persons : sequence of str
            Whose genotypes; shares and frequencies are over them.
        wanted : collection of str
            Chromosomes, named as in the assembly.
        assembly : Assembly
            Resolves the names of the VCF's chromosomes.
        max_missing : float, default 0.01
            Largest share of persons without a call.
        min_maf : float, default 0.01
            Least frequency of the rarer allele among calls.

        Yields
        ------
        genotypes : Genotypes
        counts : dict
            variants (rows of the chromosome), kept, and dropped by reason: no_single_alternative (none, several or
            symbolic without a base), missing, rare.

        Raises
        ------
        ValueError
            If the rows of a chromosome do not stand together in the order of their positions.
        """
        name, rows, counts = "", _Rows([], []), Counter[str]()
        done: set[str] = set()
        with _opened(self.path) as reader:
            order = _order_of(self.persons, persons)
            for variant in _chosen(reader, wanted, assembly, self.path):
                chrom = str(assembly.resolve(variant.CHROM))
                if chrom != name:
                    if name:
                        yield rows.genotypes(name), _complete(counts)
                    if chrom in done:
                        raise ValueError(f"VCF {self.path} has rows of {chrom} in several places; sort it first")
                    name, rows, counts = chrom, _Rows([], []), Counter[str]()
                    done.add(chrom)
                counts["variants"] += 1
                if len(variant.ALT) != 1 or variant.ALT[0] in ("*", "<*>", "<NON_REF>"):
                    counts["no_single_alternative"] += 1
                    continue
                dosage = _dosage(variant, order)
                is_called = dosage >= 0
                missing = 1.0 - is_called.mean()
                frequency = float(dosage[is_called].mean() / 2) if is_called.any() else 0.0
                if missing > max_missing:
                    counts["missing"] += 1
                elif min(frequency, 1 - frequency) < min_maf:
                    counts["rare"] += 1
                else:
                    counts["kept"] += 1
                    rows.add(variant, chrom, missing, frequency, dosage, self.path)
            if name:
                yield rows.genotypes(name), _complete(counts)


class _Rows(NamedTuple):
    """Kept variants of a chromosome while it is read."""

    table: list[tuple[str, str, int, str, str, float, float]]
    dosages: list[NDArray[np.int8]]

    def add(
        self, variant: Any, chrom: str, missing: float, frequency: float, dosage: NDArray[np.int8], path: Path
    ) -> None:
        if self.table and variant.start < self.table[-1][2]:
            raise ValueError(f"VCF {path} is not sorted: {chrom}:{variant.POS} stands after a later position; sort it")
        named = variant.ID or f"{variant.CHROM}:{variant.POS}:{variant.REF}:{variant.ALT[0]}"
        maf = min(frequency, 1 - frequency)
        self.table.append((named, chrom, variant.start, variant.REF, variant.ALT[0], missing, maf))
        self.dosages.append(dosage)

    def genotypes(self, chrom: str) -> Genotypes:
        columns = ["variant_id", "chrom", "position", "ref", "alt", "missing_share", "maf"]
        table = pd.DataFrame(self.table, columns=columns)
        return Genotypes(chrom, table, np.stack(self.dosages) if self.dosages else np.zeros((0, 0), dtype=np.int8))


def require_cyvcf2() -> Any:
    """The module that reads VCF files; ImportError with what to install where it is absent."""
    try:
        import cyvcf2
    except ImportError as error:
        raise ImportError("reading a VCF needs cyvcf2; pip install 'decode-expression[genotypes]'") from error
    return cyvcf2


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A reader that is closed at the end, with a sentence where the file is no VCF or breaks off."""
    try:
        reader = require_cyvcf2().VCF(str(path))
    except ImportError:
        raise
    except Exception as error:  # cyvcf2 raises OSError or a bare Exception
        raise ValueError(f"VCF {path} cannot be read ({error}); a whole VCF or BCF file is wanted") from error
    try:
        yield reader
    finally:
        reader.close()


def _chosen(reader: Any, wanted: Collection[str], assembly: Assembly, path: Path) -> Iterator[Any]:
    """Rows of the wanted chromosomes."""
    chosen: dict[str, bool] = {}
    rows = iter(reader)
    number, place = 0, "its header"
    while True:
        try:
            variant = next(rows)
        except StopIteration:
            return
        except Exception as error:  # cyvcf2 raises a bare Exception where a row is damaged or the file breaks off
            raise ValueError(f"VCF {path} is damaged in the row after {place} (row {number + 1}): {error}") from error
        number, place = number + 1, f"{variant.CHROM}:{variant.POS}"
        if variant.CHROM not in chosen:
            chosen[variant.CHROM] = assembly.resolve(variant.CHROM) in wanted
        if chosen[variant.CHROM]:
            yield variant


def _order_of(own: Sequence[str], wanted: Sequence[str]) -> NDArray[np.int64]:
    position = {person: number for number, person in enumerate(own)}
    return np.array([position[person] for person in wanted], dtype=np.int64)


def _dosage(variant: Any, order: NDArray[np.int64]) -> NDArray[np.int8]:
    """Alternative alleles of each person: -1 where an allele is not called, twice the allele of a haploid call."""
    calls = variant.genotype
    if calls is None:  # the row has no GT
        return np.full(len(order), MISSING)
    alleles = calls.array()[order, :-1]  # the last column says whether the call is phased
    is_there = alleles != -2  # padding of haploid calls
    n_alleles = np.maximum(is_there.sum(axis=1), 1)
    total = (np.where(is_there, alleles, 0) > 0).sum(axis=1)
    dosage = total * 2 // n_alleles
    lost = ((alleles == -1) & is_there).any(axis=1) | ~is_there.any(axis=1)
    return np.where(lost, MISSING, dosage).astype(np.int8)


def _complete(counts: Counter[str]) -> dict[str, int]:
    found = {name: counts[name] for name in ("variants", "no_single_alternative", "missing", "rare", "kept")}
    logger.info("genotypes: %s", counted(found))
    return found
