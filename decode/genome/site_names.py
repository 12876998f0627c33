"""Names in column 4 that hold more than a regulator: the cell, the replicate or the experiment, by collection."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from urllib.parse import unquote

from decode.core.checks import listed

Pairs = list[tuple[str, str]]  # regulator and biosample; several where a site was seen in several cells

# ENCODE's eCLIP peaks: AQR_K562_rep01, AQR_K562_IDR
_ECLIP = re.compile(r"^(?P<regulator>.+)_(?P<cell>[^_]+)_(?:rep\d+|IDR)$", re.IGNORECASE)
# ReMap: non-redundant CTCF:K-562,HeLa; all peaks GSE1234.CTCF.K-562 (experiment, factor, cell)
_REMAP = re.compile(r"^(?P<regulator>[^:]+):(?P<cells>.+)$")
_REMAP_ALL = re.compile(r"^(?:GSE|ENCSR|ERP|SRP|E-)[A-Za-z0-9-]*\.(?P<regulator>[^.]+)\.(?P<cells>.+)$")
# ChIP-Atlas: ID=SRX700;Name=CTCF%20(@%20K-562);Title=...
_ATLAS = re.compile(r"(?:^|;)Name=(?P<regulator>.+?)\s*\(@\s*(?P<cell>[^)]*)\)")


def _eclip(name: str) -> Pairs | None:
    found = _ECLIP.match(name)
    return None if found is None else [(found["regulator"], found["cell"])]


def _remap(name: str) -> Pairs | None:
    found = _REMAP.match(name) or _REMAP_ALL.match(name)
    if found is None:
        return None
    return [(found["regulator"], cell.strip()) for cell in found["cells"].split(",")]


def _chip_atlas(name: str) -> Pairs | None:
    found = _ATLAS.search(unquote(name))
    return None if found is None else [(found["regulator"].strip(), found["cell"].strip())]


NAME_RULES: dict[str, Callable[[str], Pairs | None]] = {"eclip": _eclip, "remap": _remap, "chip-atlas": _chip_atlas}
EXAMPLES = {"eclip": "AQR_K562_rep01", "remap": "CTCF:K-562,HeLa", "chip-atlas": "Name=CTCF%20(@%20K-562)"}


def split_name(name: str, rule: str) -> Pairs:
    """Regulator and biosamples of a name as a collection writes it.

    Parameters
    ----------
    name : str
    rule : {"eclip", "remap", "chip-atlas"}

    Returns
    -------
    list of (regulator, biosample)

    Raises
    ------
    ValueError
        If the name is not of that form.

    Examples
    --------
    >>> split_name("CTCF:K-562,HeLa", "remap"), split_name("AQR_K562_rep01", "eclip")
    ([('CTCF', 'K-562'), ('CTCF', 'HeLa')], [('AQR', 'K562')])
    >>> split_name("ID=SRX700;Name=MAX%20(@%20K-562);Title=x;", "chip-atlas")
    [('MAX', 'K-562')]
    """
    pairs = NAME_RULES[rule](name)
    if pairs is None:
        raise ValueError(f"the name {name[:60]!r} is not as format {rule} has it ({EXAMPLES[rule]})")
    return pairs


def check_names(names: Iterable[str], label: str, kind: str) -> None:
    """Raise where names are plainly more than a regulator, and say which format takes them apart.

    Examples
    --------
    >>> check_names(["CTCF", "MAX::MYC"], "TF sites x.bed", "TF")
    >>> check_names(["CTCF:K-562"], "TF sites x.bed", "TF")
    Traceback (most recent call last):
    ...
    ValueError: TF sites x.bed: CTCF:K-562 name more than a regulator; read them with --format TF=remap
    """
    strange = [name for name in names if re.search(r"[=%]|_rep\d|(?<!:):(?!:)", name)]
    if not strange:
        return
    for rule, parse in NAME_RULES.items():
        if all(parse(name) is not None for name in strange):
            way = f"read them with --format {kind}={rule}"
            break
    else:
        way = "put the regulator alone into column 4, and the cell into a column of its own (--biosample-column)"
    raise ValueError(f"{label}: {listed(strange, 3)} name more than a regulator; {way}")
