"""Tables that are no genes x samples table although they look like one: one sample's file, or genes in the columns."""

from __future__ import annotations

import re
from collections.abc import Sequence

from decode.core.checks import listed

# Columns, in lower case, by which the file of one sample is known.
ONE_SAMPLE = {
    "RSEM": {"effective_length", "expected_count", "tpm"},
    "kallisto": {"target_id", "eff_length", "est_counts", "tpm"},
    "Salmon": {"effectivelength", "tpm", "numreads"},
    "StringTie": {"gene id", "coverage", "fpkm", "tpm"},
    "STAR or HTSeq": {"n_unmapped", "n_multimapping"},
}
FEATURE_COUNTS = frozenset({"geneid", "length"})
PLACES = frozenset({"chr", "start", "end", "strand", "length"})  # what featureCounts writes between ids and samples
_GENE_ID = re.compile(r"^ENS[A-Z]*G\d{6,}")
_WITH_ENTREZ = re.compile(r"^\S+ \(\d+\)$")  # DepMap: TP53 (7157)
LEAST_GENES = 10


def place_columns(header: Sequence[str]) -> list[int]:
    """Columns of a featureCounts table that are no samples; none in other tables.

    Examples
    --------
    >>> place_columns(["Geneid", "Chr", "Start", "End", "Strand", "Length", "a.bam"])
    [1, 2, 3, 4, 5]
    """
    lower = [column.lower() for column in header]
    if not set(lower) >= FEATURE_COUNTS:
        return []
    return [number for number, column in enumerate(lower) if column in PLACES]


def check_is_samples(header: Sequence[str], name: str) -> None:
    """Raise unless the columns of a table can be samples.

    Parameters
    ----------
    header : sequence of str
    name : str
        The file, for messages.

    Raises
    ------
    ValueError
        If it is the file of one sample, or has its genes in the columns.

    Examples
    --------
    >>> check_is_samples(["gene_id", "liver", "lung"], "demo")
    >>> check_is_samples(["Name", "Length", "EffectiveLength", "TPM", "NumReads"], "quant.sf")
    Traceback (most recent call last):
    ...
    ValueError: quant.sf is what Salmon writes of one sample, no table of samples; put the TPM columns of several \
samples side by side, or give the folder of such files (--samples-from)
    """
    lower = {column.lower() for column in header}
    tool = next((tool for tool, columns in ONE_SAMPLE.items() if columns <= lower), None)
    if tool is not None:
        raise ValueError(
            f"{name} is what {tool} writes of one sample, no table of samples; put the TPM columns of several samples "
            "side by side, or give the folder of such files (--samples-from)"
        )
    genes = [column for column in header[1:] if _GENE_ID.match(column) or _WITH_ENTREZ.match(column)]
    if len(genes) >= LEAST_GENES and 2 * len(genes) > len(header):
        raise ValueError(
            f"{name} has genes in its columns ({listed(genes, 3)}); transpose it, so that a row is a gene and a column "
            "a sample"
        )
