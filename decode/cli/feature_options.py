"""What the options of `decode features build` mean: sources of sites and signals, and further regions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decode.cli.options import pairs

if TYPE_CHECKING:
    from decode.features.regions import Region
    from decode.genome.signals import SignalSource
    from decode.genome.sites import SiteSource

SITES_FORM = "KIND=PATH, for example TF=peaks.bed.gz"
REGION_SITES_FORM = "NAME:KIND=PATH, for example distal:TF=peaks.bed.gz"
WINDOW_FORM = "NAME=FROM..TO in bases from the TSS, for example upstream=-50000..-2000"
DOWNSTREAM, DOWNSTREAM_LAST_BP, DOWNSTREAM_BIN_BP = "downstream", 10_000, 1000  # of the recommended features
_WINDOW = re.compile(r"([+-]?\d+)\.\.([+-]?\d+)")

Given = Iterable[str] | None


def placed(
    promoter: Given, rna: Given, region: Given, potential: Given = None, *, what: str
) -> list[tuple[str, str, str]]:
    """Region, kind and path of every source.

    Parameters
    ----------
    promoter, rna : iterable of str or None
        Values of the form KIND=PATH.
    region : iterable of str or None
        Values of the form NAME:KIND=PATH.
    potential : iterable of str or None
        Values of the form KIND=PATH.
    what : str
        "sites" or "signal", as in the names of the options.

    Raises
    ------
    ValueError
        If a value has another form.

    Examples
    --------
    >>> placed(["TF=a.bed"], None, ["distal:TF=a.bed"], what="sites")
    [('promoter', 'TF', 'a.bed'), ('distal', 'TF', 'a.bed')]
    """
    found = [("promoter", *pair) for pair in pairs(f"--promoter-{what}", promoter, SITES_FORM)]
    found += [("rna", *pair) for pair in pairs(f"--rna-{what}", rna, SITES_FORM)]
    for key, path in pairs(f"--region-{what}", region, REGION_SITES_FORM):
        name, colon, kind = key.partition(":")
        if not colon or not name or not kind:
            raise ValueError(f"--region-{what} is {f'{key}={path}'!r}; write {REGION_SITES_FORM}")
        found.append((name, kind, path))
    return [*found, *(("potential", *pair) for pair in pairs("--potential", potential, SITES_FORM))]


def with_downstream(
    promoter: Given, region: Given, bin_sizes: Given, region_sites: Given, *, first_bp: int
) -> tuple[list[str], list[str], list[str]]:
    """Options of further regions with one more: the promoter's TF sites counted from its end to 10 kb downstream.

    Parameters
    ----------
    promoter : iterable of str or None
        KIND=PATH; those of kind TF are taken.
    region, bin_sizes, region_sites : iterable of str or None
        As they were given.
    first_bp : int
        Where the promoter ends.

    Raises
    ------
    ValueError
        If no TF sites are given for the promoter.

    Examples
    --------
    >>> with_downstream(["TF=a.bed"], None, None, None, first_bp=1000)
    (['downstream=1000..10000'], ['downstream=1000'], ['downstream:TF=a.bed'])
    """
    paths = [path for kind, path in pairs("--promoter-sites", promoter, SITES_FORM) if kind == "TF"]
    if not paths:
        raise ValueError("--preset recommended counts TF sites downstream too; give them by --promoter-sites TF=PATH")
    return (
        [*(region or []), f"{DOWNSTREAM}={first_bp}..{DOWNSTREAM_LAST_BP}"],
        [*(bin_sizes or []), f"{DOWNSTREAM}={DOWNSTREAM_BIN_BP}"],
        [*(region_sites or []), *(f"{DOWNSTREAM}:TF={path}" for path in paths)],
    )


def site_sources(places: Iterable[tuple[str, str, str]], options: Mapping[str, Given]) -> list[SiteSource]:
    """Sources of sites.

    Parameters
    ----------
    places : iterable of (region, kind, path)
    options : mapping
        Values of the form KIND=VALUE by option: biosample_column, min_score, score_column, format.

    Raises
    ------
    ValueError
        If a number is none, or an option names a kind for which no sites are given.
    """
    from decode.genome.sites import SiteSource

    by_kind = {name: dict(pairs(_option(name), given)) for name, given in options.items()}
    sources = []
    for region, kind, path in places:
        given: dict[str, Any] = {
            "biosample_column": _number("biosample_column", by_kind["biosample_column"].get(kind), int),
            "min_score": _number("min_score", by_kind["min_score"].get(kind), float),
            "score_column": _number("score_column", by_kind["score_column"].get(kind), int),
            "format": by_kind["format"].get(kind),
        }
        stated = {name: value for name, value in given.items() if value is not None}
        sources.append(SiteSource(kind=kind, path=Path(path), region=region, **stated))  # type: ignore[arg-type]
    kinds = {source.kind for source in sources}
    for name, values in by_kind.items():
        unused = sorted(set(values) - kinds)
        if unused:
            raise ValueError(
                f"{_option(name)} names the kind {unused[0]!r}, for which no sites are given; "
                f"sites are given for {', '.join(sorted(kinds)) or 'none'}"
            )
    return sources


def signal_sources(places: Iterable[tuple[str, str, str]]) -> list[SignalSource]:
    """Sources of signals, from region, kind and path."""
    from decode.genome.signals import SignalSource

    return [SignalSource(kind=kind, path=Path(path), region=region) for region, kind, path in places]  # type: ignore[arg-type]


def further_regions(
    windows: Given,
    bin_sizes: Given,
    links: Path | None,
    half_distance: int | None = None,
    *,
    has_potential: bool = False,
    linked_name: str,
    min_link_score: float | None,
    id_map: Path | None,
) -> list[Region]:
    """Windows and linked elements that the options ask for.

    Parameters
    ----------
    windows : iterable of str or None
        NAME=FROM..TO.
    bin_sizes : iterable of str or None
        NAME=N.
    links : Path, optional
    half_distance : int, optional
        Bases; of the regulatory potential.
    has_potential : bool
        Whether there are sites for the region of the regulatory potential.
    linked_name : str
        Name of the region of the linked elements.
    min_link_score : float, optional
    id_map : Path, optional

    Raises
    ------
    ValueError
        If a value has another form, or a bin size, score or name is given for a region that is not there.
    """
    from decode.features.regions import LinkedRegion, PotentialRegion, WindowRegion

    sizes = {
        name: int(_number("region_bin_size", text, int, "NAME"))
        for name, text in pairs("--region-bin-size", bin_sizes, "NAME=N")
    }
    regions: list[Region] = []
    if links is not None:
        regions.append(
            LinkedRegion(links, linked_name, sizes.pop(linked_name, None), min_score=min_link_score, id_map=id_map)
        )
    elif min_link_score is not None:
        raise ValueError("--min-link-score is given without --links; name the links")
    elif linked_name != LinkedRegion.name:
        raise ValueError("--region-name is given without --links; name the links, or name a window by --region")
    for name, text in pairs("--region", windows, WINDOW_FORM):
        found = _WINDOW.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"--region is {f'{name}={text}'!r}; write {WINDOW_FORM}")
        regions.append(WindowRegion(name, int(found[1]), int(found[2]), sizes.pop(name, None)))
    if has_potential:
        regions.append(PotentialRegion() if half_distance is None else PotentialRegion(half_distance))
    elif half_distance is not None:
        raise ValueError("--half-distance is given without --potential; name the peaks")
    if sizes:
        raise ValueError(f"--region-bin-size names {next(iter(sizes))!r}, which is no --region and not that of --links")
    return regions


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _number(option: str, text: str | None, kind: type[int] | type[float], key: str = "KIND") -> Any:
    if text is None:
        return None
    try:
        return kind(text)
    except ValueError:
        raise ValueError(f"{_option(option)} is {text!r}; a number is wanted after {key}=") from None
