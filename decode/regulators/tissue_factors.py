"""Factors that textbooks name for a tissue, and which of them features have no sites of: what a ranking cannot find.

The list (data/tissue_factors.tsv) is a short one made by hand, of factors that are known to specify or maintain a
tissue, and no claim of completeness. Each is expressed at twice its median over 37 GTEx tissues or more in the tissue
that it stands for, which a test checks on the values of the Human Protein Atlas.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from decode.core.files import open_text

LIST = Path(__file__).parent / "data" / "tissue_factors.tsv"


class TissueFactors(NamedTuple):
    """Known factors of a tissue.

    Attributes
    ----------
    tissue : str
        As the list names it.
    with_sites, without_sites : tuple of str
        Whether the features hold sites of them.
    """

    tissue: str
    with_sites: tuple[str, ...]
    without_sites: tuple[str, ...]


def tissue_factors(task: str, regulators: Iterable[str]) -> TissueFactors | None:
    """Known factors of the tissue that a task is named after.

    Parameters
    ----------
    task : str
        The tissue of the list whose words are all in it, in any order and case; the one of most words.
    regulators : iterable of str
        "KIND:NAME" of the features. A complex ("MYC::MAX") counts for its members; RBPs do not count.

    Returns
    -------
    TissueFactors or None
        None where the list has no such tissue.

    Examples
    --------
    >>> tissue_factors("Liver", ["TF:CEBPB", "TF:FOXA2"]).without_sites[:3]
    ('HNF4A', 'HNF1A', 'FOXA1')
    >>> tissue_factors("Muscle - Skeletal", []).tissue
    'skeletal muscle'
    >>> tissue_factors("treated", [])
    """
    words = set(_words(task))
    fitting = [tissue for tissue in listed_factors() if words >= set(_words(tissue))]
    if not fitting:
        return None
    tissue = max(fitting, key=lambda name: len(_words(name)))
    have = {part for name in regulators if not name.startswith(("RBP:", "miRNA:")) for part in name.split(":") if part}
    factors = listed_factors()[tissue]
    return TissueFactors(
        tissue, tuple(name for name in factors if name in have), tuple(name for name in factors if name not in have)
    )


@lru_cache(maxsize=1)
def listed_factors() -> dict[str, tuple[str, ...]]:
    """The list: factors of every tissue."""
    with open_text(LIST, "factors of tissues") as handle:
        rows = [line.rstrip("\n").split("\t") for line in list(handle)[1:]]
    return {tissue: tuple(factors.split()) for tissue, factors in rows}


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())
