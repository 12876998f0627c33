"""The features that a model takes: its tracks by name, in its order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from decode.core.checks import listed
from decode.models.bundle import ModelBundle

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures

LAYOUT = ("type", "bin_size", "first_bp", "last_bp", "half_distance_bp")  # what of a region's definition must agree


def select_for_model(bundle: ModelBundle, features: RegulatoryFeatures) -> RegulatoryFeatures:
    """The features of a model: its tracks by name, in its order.

    Parameters
    ----------
    bundle : ModelBundle
    features : RegulatoryFeatures
        May hold further tracks, regions and gene structure; they are left out.

    Returns
    -------
    RegulatoryFeatures

    Raises
    ------
    ValueError
        If genome build, bin size, windows or level differ from those trained on, tracks or regions are missing, or a
        track holds a signal in one and bases in the other.
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
    absent = [name for name in bundle.structure_channels if name not in features.structure_channels]
    if absent:
        raise ValueError(
            f"the model takes gene structure and the features lack {listed(absent)}; build them from an annotation "
            "with CDS lines, or with --structure FILE"
        )
    features = features.with_structure_channels(bundle.structure_channels)
    _check_definitions(bundle, features)
    selected = features.select(track_ids=bundle.track_ids)
    regions = {region: selected.regions[region] for region in bundle.regions}
    tracks = pd.concat([selected.tracks[selected.tracks["region"] == region] for region in regions], ignore_index=True)
    kinds = zip(bundle.track_ids, bundle.tracks["value_kind"], tracks["value_kind"], strict=True)
    other = [f"{track} ({found}, not {wanted})" for track, wanted, found in kinds if wanted != found]
    if other:
        raise ValueError(f"tracks of the features hold other values than those trained on: {listed(other)}")
    return replace(selected, regions=regions, tracks=tracks)


def _check_definitions(bundle: ModelBundle, features: RegulatoryFeatures) -> None:
    """Further regions must be laid out alike; other links are allowed, since other genes have other elements."""
    stored = bundle.features.get("definitions", {})
    for region in bundle.regions:
        wanted, found = (
            {name: value for name, value in definitions.get(region, {}).items() if name in LAYOUT}
            for definitions in (stored, features.definitions)
        )
        if wanted != found:
            raise ValueError(
                f"region {region} of the features is {found} and the model was trained on {wanted}; build the features "
                "with the model's options (they are in its bundle.json)"
            )
