"""A features file in words."""

from __future__ import annotations

import numpy as np

from decode.core.checks import listed
from decode.features.matrix import RegulatoryFeatures


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
            f"region {name}: {region.data.shape[0]} bins ({masked} masked), {region.n_tracks} tracks, {share:.2%} nonzero"
        )
        tracks = features.tracks[features.tracks["region"] == name]
        for kind, group in tracks.groupby("kind", sort=False, observed=True):
            bound = group["n_bound_genes"].to_numpy()
            cells = sorted(set(group["biosample"]) - {""})
            lines.append(
                f"  {kind}: {group['regulator'].nunique()} regulators in {len(group)} tracks; bound {features.level}s a "
                f"track: median {int(np.median(bound))}, {int((bound < 30).sum())} tracks below 30"
                + (f"; biosamples: {listed(cells, 10)}" if cells else "")
            )
    for source in features.sources:
        lines.append(f"source {source['path']} ({source['kind']}, {source['region']}): {source['counts']}")
    lines += [_position_line(check) for check in features.checks.get("positions", [])]
    return "\n".join(lines)


def _position_line(check: dict[str, object]) -> str:
    return "positions: " + ", ".join(
        f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}" for key, value in check.items()
    )
