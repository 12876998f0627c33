"""Put features of several sources side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from scipy import sparse

from decode.core.checks import check_unique, listed
from decode.features.content import FeatureContent, track_names
from decode.features.region import RegionMatrix

Content = TypeVar("Content", bound=FeatureContent)
SETTINGS = ("level", "build", "bin_size", "upstream", "downstream", "schema_version")


def _check_same(first: FeatureContent, other: FeatureContent) -> None:
    """Raise ValueError where two features do not describe the same bins of the same genes."""
    for name in SETTINGS:
        mine, theirs = getattr(first, name), getattr(other, name)
        if mine != theirs:
            raise ValueError(f"features to merge differ in {name}: {mine!r} and {theirs!r}; build them alike")
    if not np.array_equal(first.ids, other.ids):
        only = sorted(set(first.ids.tolist()) ^ set(other.ids.tolist()))
        what = f"genes on one side only: {listed(only)}" if only else "the same genes in another order"
        raise ValueError(f"features to merge have different genes ({what}); select(genes=...) the same ones in both")
    for name in set(first.definitions) & set(other.definitions):
        if first.definitions[name] != other.definitions[name]:
            raise ValueError(f"features to merge define region {name} differently; build them alike, or rename one")
    for name in set(first.regions) & set(other.regions):
        mine, theirs = first.regions[name], other.regions[name]
        is_same = np.array_equal(mine.offsets, theirs.offsets) and np.array_equal(
            mine.bin_length_bp, theirs.bin_length_bp
        )
        if not is_same:
            raise ValueError(f"features to merge have different bins in region {name}; build them on one annotation")


def _genes_with_structure(features: Sequence[FeatureContent]) -> pd.DataFrame:
    """The first gene table, with the gene structure of the first object that has one; others must have the same."""
    known = [part for part in features if part.structure_channels]
    for other in known[1:]:
        if other.structure_channels != known[0].structure_channels or not np.array_equal(
            other.structure, known[0].structure
        ):
            raise ValueError("features to merge have different gene structure; build them with one --structure FILE")
    if not known:
        return features[0].genes
    return features[0].genes.assign(**{name: known[0].genes[name] for name in known[0].structure_channels})


def merge_features(features: Sequence[Content]) -> Content:
    """Union of the tracks of several features over the same genes.

    Parameters
    ----------
    features : sequence of RegulatoryFeatures
        At least one; same genes, build, bin size and window. A region may be missing in some of them.

    Returns
    -------
    RegulatoryFeatures
        Regions in order of first appearance; within each, the tracks of the first object come first.

    Raises
    ------
    ValueError
        If genes, gene structure, build, bin size, window or bins differ, or a track is in two of them (bases of two
        counts cannot be united; build from both files at once).
    """
    if not features:
        raise ValueError("no features to merge; give at least one")
    first = features[0]
    for other in features[1:]:
        _check_same(first, other)
    every_track = pd.concat([part.tracks for part in features], ignore_index=True)
    check_unique("tracks of the features to merge", track_names(every_track))
    regions: dict[str, RegionMatrix] = {}
    for name in dict.fromkeys(name for part in features for name in part.regions):
        blocks = [part.regions[name] for part in features if name in part.regions]
        data = blocks[0].data if len(blocks) == 1 else sparse.hstack([b.data for b in blocks], format="csr")
        regions[name] = RegionMatrix(name, sparse.csr_array(data), blocks[0].offsets, blocks[0].bin_length_bp)
    tracks = pd.concat([every_track[every_track["region"] == name] for name in regions], ignore_index=True)
    checks: dict[str, Any] = {}
    for part in features:
        for key, value in part.checks.items():
            checks[key] = [*checks[key], *value] if isinstance(value, list) and key in checks else value
    sources = [source for part in features for source in part.sources]
    definitions = {name: value for part in features for name, value in part.definitions.items()}
    genes = _genes_with_structure(features)
    return replace(
        first, genes=genes, tracks=tracks, regions=regions, sources=sources, checks=checks, definitions=definitions
    )
