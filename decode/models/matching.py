"""The features that a model takes: its tracks by name, in its order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from decode.core.checks import listed
from decode.models.bundle import ModelBundle


def select_for_model(bundle: ModelBundle, features: Any) -> Any:
    """The features of a model: its tracks by name, in its order.

    Parameters
    ----------
    bundle : ModelBundle
    features : RegulatoryFeatures
        May hold further tracks and regions; they are left out.

    Returns
    -------
    RegulatoryFeatures

    Raises
    ------
    ValueError
        If genome build, bin size, window or level differ from those trained on, or tracks or regions are missing.
    """
    for name in ("build", "bin_size", "upstream", "downstream", "level"):
        expected, found = bundle.features[name], getattr(features, name)
        if expected != found:
            raise ValueError(
                f"features have {name} {found!r} and the model was trained on {expected!r}; build the features with "
                "the model's options (they are in its bundle.json)"
            )
    known = set(features.track_ids)
    missing = [track for track in bundle.track_ids if track not in known]
    if missing:
        raise ValueError(
            f"the features lack {len(missing)} of the model's {len(bundle.track_ids)} tracks: {listed(missing)}; add "
            "their sites, or train a model on the tracks that you have"
        )
    lacking = [region for region in bundle.regions if region not in features.regions]
    if lacking:
        raise ValueError(
            f"the features lack the region(s) {listed(lacking)} of the model; build them with sites in these regions"
        )
    selected = features.select(track_ids=bundle.track_ids)
    regions = {region: selected.regions[region] for region in bundle.regions}
    tracks = pd.concat([selected.tracks[selected.tracks["region"] == region] for region in regions], ignore_index=True)
    return replace(selected, regions=regions, tracks=tracks)
