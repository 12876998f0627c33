"""A features file in words."""

from __future__ import annotations

from typing import Any

import numpy as np

from decode.core.checks import listed
from decode.features.matrix import RegulatoryFeatures
from decode.features.position_check import PLACES
from decode.genome.sources import SIGNAL


def describe(features: RegulatoryFeatures) -> str:
    """Describe features: genes, bins, tracks by kind, sources, and the check of site positions.

    Parameters
    ----------
    features : RegulatoryFeatures

    Returns
    -------
    str
        Several lines.
    """
    lines = [
        f"{features.n_genes} {features.level}s of {features.build}; {features.bin_size}-bp bins; "
        f"promoter -{features.upstream}..+{features.downstream}",
        f"gene models: {features.checks.get('gene_models', 'not stated')}",
    ]
    for name, region in features.regions.items():
        share = region.data.nnz / max(1, region.data.shape[0] * region.data.shape[1])
        masked = int((region.bin_length_bp == 0).sum())
        lines.append(
            f"region {name}: {region.data.shape[0]} bins ({masked} masked), {region.n_tracks} tracks, "
            f"{share:.2%} nonzero"
        )
        if name in features.definitions:
            lines.append(f"  {_definition(features.definitions[name])}")
        tracks = features.tracks[features.tracks["region"] == name]
        for kind, group in tracks.groupby("kind", sort=False, observed=True):
            bound = group["n_bound_genes"].to_numpy()
            cells = sorted(set(group["biosample"]) - {""})
            n_signals = int((group["value_kind"] == SIGNAL).sum())
            what = f"tracks ({n_signals} signals)" if n_signals else "tracks"
            lines.append(
                f"  {kind}: {group['regulator'].nunique()} regulators in {len(group)} {what}; "
                f"bound {features.level}s a track: median {int(np.median(bound))}, "
                f"{int((bound < 30).sum())} tracks below 30" + (f"; biosamples: {listed(cells, 10)}" if cells else "")
            )
    for source in features.sources:
        lines.append(f"source {source['path']} ({source['kind']}, {source['region']}): {_counts(source['counts'])}")
    lines += [_position_line(check) for check in features.checks.get("positions", [])]
    return "\n".join(lines)


def _definition(definition: dict[str, Any]) -> str:
    size = f"{definition['bin_size']}-bp bins"
    if definition["type"] == "window":
        return f"TSS {definition['first_bp']:+d}..{definition['last_bp']:+d}, {size}"
    if definition["type"] == "potential":
        return f"regulatory potential of peaks up to {definition['last_bp'] - 1} bp from the TSS, half at " + (
            f"{definition['half_distance_bp']} bp"
        )
    counts = definition.get("counts", {})
    return (
        f"elements of {definition['path']}, {size}: {counts.get('n_links', 0)} links of "
        f"{counts.get('n_genes', 0)} genes"
        + "".join(f", {name} {value}" for name, value in counts.items() if name.endswith("without_element"))
    )


def _counts(counts: dict[str, Any]) -> str:
    """Sites counted, and every other count that is not zero."""
    shown = [f"{counts['n_bins']} bins with signal"] if "n_bins" in counts else [f"{counts.get('n_sites', 0)} sites"]
    for name, value in counts.items():
        if isinstance(value, dict):
            shown += [f"{name}: {listed(f'{key} {number}' for key, number in value.items())}"] if value else []
        elif name not in ("n_sites", "n_bins") and value:
            shown.append(f"{name} {value}")
    return ", ".join(shown)


def _position_line(check: dict[str, Any]) -> str:
    where = PLACES.get(check["region"], f"the region {check['region']}")
    line = (
        f"positions of {check['kind']} sites of {check.get('path', 'a source')}: {_share(check.get('share'))} lie in "
        f"{where}, {_share(check.get('share_shuffled'))} of displaced ones"
    )
    if check.get("odds_ratio") is not None:
        line += f"; odds ratio {check['odds_ratio']:.1f}"
    return f"{line}; {check['verdict']}" if "verdict" in check else line


def _share(value: float | None) -> str:
    return "none" if value is None else f"{value:.1%}"
