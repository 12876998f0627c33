"""What features hold: tables, one matrix a region and where they came from, checked against each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.checks import check_choice, check_columns, check_positive, check_unique, listed
from decode.core.choices import Level
from decode.features.region import RegionMatrix
from decode.genome.structure import STRUCTURE_CHANNELS

SCHEMA_VERSION = 1
TRACK_COLUMNS = ("region", "kind", "regulator", "biosample", "value_kind", "n_bound_genes")
GENE_COLUMNS = ("gene_id", "gene_name", "chrom", "strand", "tss", "length_bp")
TRACK_KEY = ["region", "kind", "regulator", "biosample"]


def window_definition(first_bp: int, last_bp: int, bin_size: int) -> dict[str, Any]:
    """Definition of a window in bases from the TSS."""
    return {"type": "window", "first_bp": int(first_bp), "last_bp": int(last_bp), "bin_size": int(bin_size)}


def rna_definition(bin_size: int) -> dict[str, Any]:
    """Definition of the spliced RNA."""
    return {"type": "rna", "bin_size": int(bin_size)}


def track_names(tracks: pd.DataFrame) -> list[str]:
    """Ids of the tracks, `region|kind:regulator@biosample`, without the last part where no biosample is stated."""
    return [
        f"{region}|{kind}:{regulator}" + (f"@{biosample}" if biosample else "")
        for region, kind, regulator, biosample in tracks[TRACK_KEY].itertuples(index=False)
    ]


@dataclass(frozen=True, eq=False, kw_only=True)
class FeatureContent:
    """The fields of `RegulatoryFeatures`, where they are described, and names that follow from them.

    Files, merging and tables work on this, so that `RegulatoryFeatures` can offer them as methods.
    """

    level: Level
    genes: pd.DataFrame
    tracks: pd.DataFrame
    regions: Mapping[str, RegionMatrix]
    build: str
    bin_size: int
    upstream: int
    downstream: int
    sources: list[dict[str, Any]] = field(default_factory=list)
    checks: dict[str, Any] = field(default_factory=dict)
    definitions: dict[str, dict[str, Any]] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        check_choice("level", self.level, ("gene", "transcript"))
        check_columns("genes", self.genes, [self.id_column, *GENE_COLUMNS])
        check_columns("tracks", self.tracks, TRACK_COLUMNS)
        check_positive("bin_size", self.bin_size)
        if not self.genes[self.id_column].is_unique:
            check_unique(f"{self.id_column}s of the features", self.genes[self.id_column])
        check_unique("tracks", self.track_ids)
        column = self.tracks["region"].to_numpy(dtype=object)
        runs = [name for i, name in enumerate(column) if i == 0 or column[i - 1] != name]
        if runs != [name for name in self.regions if name in set(runs)]:
            raise ValueError(
                f"tracks come in region order {listed(runs)}; group them by region, in the order {listed(self.regions)}"
            )
        for name, region in self.regions.items():
            n_tracks = int((self.tracks["region"] == name).sum())
            if (region.n_genes, region.n_tracks) != (len(self.genes), n_tracks):
                raise ValueError(
                    f"region {name} holds {region.n_genes} genes x {region.n_tracks} tracks, the tables "
                    f"{len(self.genes)} x {n_tracks}; they must agree"
                )

    @property
    def id_column(self) -> str:
        """Column of `genes` that holds the ids: gene_id, or transcript_id at transcript level."""
        return f"{self.level}_id"

    @cached_property
    def ids(self) -> NDArray[np.str_]:
        """Gene ids (transcript ids at transcript level), shape (n_genes,)."""
        return self.genes[self.id_column].to_numpy(dtype=object).astype(str)

    @cached_property
    def track_ids(self) -> list[str]:
        """One `region|kind:regulator@biosample` a track; no `@` part where the biosample is not stated."""
        return track_names(self.tracks)

    @cached_property
    def _row_of_id(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self.ids.tolist())}

    @property
    def structure_channels(self) -> list[str]:
        """Columns of `genes` that hold gene structure (`decode.genome.structure`), in a fixed order; mostly none."""
        return [name for name in STRUCTURE_CHANNELS if name in self.genes.columns]

    @property
    def structure(self) -> NDArray[np.float32]:
        """Gene structure, float32 of shape (n_genes, n_channels)."""
        return self.genes[self.structure_channels].to_numpy(dtype=np.float32)

    def row_of(self, gene: str) -> int:
        """Row of `genes` that holds an id; KeyError where there is none."""
        if gene not in self._row_of_id:
            raise KeyError(
                f"{self.level} {gene!r} is not among the {self.n_genes} of the features: {listed(self.ids, 3)}"
            )
        return self._row_of_id[gene]

    @property
    def n_genes(self) -> int:
        """Number of genes (or transcripts)."""
        return len(self.genes)

    def region(self, name: str) -> RegionMatrix:
        """The matrix of one region; KeyError where there is none of that name."""
        if name not in self.regions:
            raise KeyError(f"region {name!r} is not in the features; they hold {listed(self.regions)}")
        return self.regions[name]

    def definition_of(self, region: str) -> dict[str, Any]:
        """What makes a region what it is, as plain data; promoter and RNA follow from the options of the build."""
        self.region(region)
        if region in self.definitions:
            return self.definitions[region]
        if region == "rna":
            return rna_definition(self.bin_size)
        return window_definition(-self.upstream, self.downstream, self.bin_size)

    def bin_size_of(self, region: str) -> int:
        """Bases a bin of one region."""
        return int(self.definitions.get(region, {}).get("bin_size", self.bin_size))


def check_features(features: Any) -> None:
    """Raise TypeError for anything but features: arguments are soon exchanged.

    Examples
    --------
    >>> check_features("targets.tsv")
    Traceback (most recent call last):
        ...
    TypeError: features is a str; RegulatoryFeatures are wanted (decode.build_features, decode.load_features)
    """
    if isinstance(features, FeatureContent):
        return
    is_other = isinstance(features, pd.DataFrame) or type(features).__module__.startswith("decode.")
    raise TypeError(
        f"features is a {type(features).__name__}; RegulatoryFeatures are wanted (decode.build_features, "
        f"decode.load_features){'; did you exchange two arguments?' if is_other else ''}"
    )
