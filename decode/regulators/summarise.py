"""Make the summary of a model: predictions, rankings, the strongest attributions of every gene and their places."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from decode.attribution.attribute import attribute
from decode.attribution.bins import bin_attributions
from decode.attribution.job import features_hash
from decode.core.checks import check_count
from decode.core.choices import Part
from decode.core.files import versions
from decode.features.regulators import regulators_of, sum_tracks
from decode.models.bundle import model_hash
from decode.models.matching import select_for_model
from decode.ranking.rank import rank_regulators, regulator_scores
from decode.registry.summary import AttributionSummary
from decode.regulators.atlas import region_layout

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures
    from decode.models.bundle import ModelBundle

N_TOP, N_LEADING, N_PLACES = 2, 10, 2
GENES_AT_ONCE = 512
UNRANKED = ["z", "p_value", "fdr"]  # columns of a ranking with a null, and none is made
GENE_COLUMNS = ["gene_id", "gene_name", "chrom", "strand", "tss", "length_bp"]

Int = NDArray[np.int64]
Real = NDArray[np.float64]


class Strongest(NamedTuple):
    """The largest absolute effects of some regulators; -1 and 0 where no further one acts.

    Attributes
    ----------
    regulator : int array, shape (..., n)
    effect : float64 array, shape (..., n)
    """

    regulator: Int
    effect: Real


def summarise(
    bundle: ModelBundle,
    features: RegulatoryFeatures,
    *,
    part: Part = "test",
    n_top: int = N_TOP,
    n_leading: int = N_LEADING,
    n_places: int = N_PLACES,
    executor: Any = None,
    on_genes: Callable[[int, int], None] | None = None,
) -> AttributionSummary:
    """Explain every gene once, and keep what is looked up later.

    Parameters
    ----------
    bundle : ModelBundle
        Of genes.
    features : RegulatoryFeatures
        Its genes are the summary's.
    part : {"test", "validation", "train", "all"}
        Genes that the ranking of regulators is over.
    n_top : int
        Regulators kept of a gene and task.
    n_leading : int
        Regulators kept of a gene, by their largest absolute effect in any main task.
    n_places : int
        Bins kept of a leading regulator.
    executor : optional
        As in `decode.attribute`.
    on_genes : callable, optional
        Called with (genes done, all genes).

    Returns
    -------
    AttributionSummary
        At full precision; `write_summary` rounds.

    Raises
    ------
    ValueError
        If features and model do not fit, or are of transcripts.

    Notes
    -----
    Attributions are against a gene of the same length without sites (`own_length`), a regulator's tracks summed, the
    mean over members. Where the model sees the total of a region only, a bin's share is by its bases.
    """
    for name, value in (("n_top", n_top), ("n_leading", n_leading), ("n_places", n_places)):
        check_count(name, value)
    features = select_for_model(bundle, features)
    if features.level != "gene":
        raise ValueError(f"a summary is of genes and this model is of {features.level}s; train a model of genes")
    ranked = attribute(bundle, features, part=part, agreement_genes=0, executor=executor)
    regulators = regulators_of(features)
    places = Places(bundle, features, regulators.code, n_places)
    ids = features.genes["gene_id"].tolist()
    blocks: list[dict[str, NDArray[Any]]] = []
    for first in range(0, len(ids), GENES_AT_ONCE):
        chosen = ids[first : first + GENES_AT_ONCE]
        explained = attribute(bundle, features, genes=chosen, agreement_genes=0, executor=executor)
        block = _strongest_effects(explained, regulators.code, bundle.is_main_task, n_top, n_leading)
        rows = np.arange(first, first + len(chosen))
        blocks.append(block | places.of(rows, explained, block["leading_regulator"], block["leading_task"]))
        if on_genes is not None:
            on_genes(first + len(chosen), len(ids))
    layouts = {name: (*region_layout(features, name), places.is_blind[name]) for name in bundle.regions}
    split = bundle.split_map
    genes = features.genes[GENE_COLUMNS].astype({"chrom": str, "strand": str})
    return AttributionSummary(
        genes=genes.assign(split=[split.get(gene, "none") for gene in ids]).reset_index(drop=True),
        tasks=list(bundle.tasks),
        task_kinds=list(bundle.task_kinds),
        regulators=[str(name) for name in regulators.table.index],
        regions=pd.DataFrame(
            [(name, *layout) for name, layout in layouts.items()], columns=["name", "first_bp", "bin_size", "is_blind"]
        ),
        ranking=rank_regulators(regulator_scores(ranked)).drop(columns=UNRANKED).reset_index(drop=True),
        about={
            "build": str(features.build),
            "ranked_part": part,
            "n_ranked_genes": int(ranked.attrs["n_genes"]),
            "n_members": len(bundle.members),
            **{name: str(ranked.attrs[name]) for name in ("reference", "engine", "model_sha256", "features_sha256")},
            "versions": versions(),
        },
        **{name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]},
    )


def is_summary_of(
    summary: AttributionSummary,
    bundle: ModelBundle,
    features: RegulatoryFeatures,
    *,
    part: Part,
    n_top: int,
    n_leading: int,
    n_places: int,
) -> bool:
    """Whether `summarise` would give this summary again: same model, features and options."""
    features = select_for_model(bundle, features)
    wanted = {"ranked_part": part, "model_sha256": model_hash(bundle), "features_sha256": features_hash(features)}
    most = len(summary.regulators)  # no more are kept than there are
    found = (summary.top_regulator.shape[-1], summary.leading_regulator.shape[-1], summary.place_bin.shape[-1])
    is_alike = all(summary.about.get(name) == value for name, value in wanted.items())
    return is_alike and found == (min(n_top, most), min(n_leading, most), n_places)


def strongest(effects: Real, n: int) -> Strongest:
    """The `n` largest absolute values along the last axis, largest first; zeros count as nothing.

    Examples
    --------
    >>> strongest(np.array([[0.0, -0.5, 0.2]]), 3)
    Strongest(regulator=array([[ 1,  2, -1]]), effect=array([[-0.5,  0.2,  0. ]]))
    """
    n_kept = min(n, effects.shape[-1])
    order = np.argsort(-np.abs(effects), axis=-1, kind="stable")[..., :n_kept]
    found = np.take_along_axis(effects, order, axis=-1)
    missing = [(0, 0)] * (effects.ndim - 1) + [(0, n - n_kept)]
    regulator = np.pad(np.where(found == 0, -1, order), missing, constant_values=-1)
    return Strongest(regulator.astype(np.int64), np.pad(found, missing))


def _strongest_effects(
    explained: xr.Dataset, code: Int, is_main: NDArray[np.bool_], n_top: int, n_leading: int
) -> dict[str, NDArray[Any]]:
    """Predictions, and the strongest regulators of some genes in every task and over the main tasks."""
    effects = sum_tracks(explained["attribution"].to_numpy(), code).astype(np.float64)  # gene, regulator, task
    top = strongest(effects.transpose(0, 2, 1), n_top)
    main = np.flatnonzero(is_main)
    at = np.abs(effects[:, :, main]).argmax(axis=2)
    extreme = np.take_along_axis(effects[:, :, main], at[:, :, None], axis=2)[:, :, 0]
    leading = strongest(extreme, n_leading)
    is_there = leading.regulator >= 0
    picked = np.where(is_there, leading.regulator, 0)

    def of_leading(values: NDArray[Any], missing: float) -> NDArray[Any]:
        return np.where(is_there, np.take_along_axis(values, picked, axis=1), missing)

    return {
        "predicted": explained["prediction"].to_numpy().astype(np.float32),
        "length_effect": explained["length_effect"].to_numpy()[:, main].mean(axis=1).astype(np.float32),
        "top_regulator": top.regulator.astype(np.int32),
        "top_effect": top.effect.astype(np.float32),
        "leading_regulator": leading.regulator.astype(np.int32),
        "leading_effect": of_leading(explained["overall"].to_numpy(), 0.0).astype(np.float32),
        "leading_sd": of_leading(explained["overall_sd"].to_numpy(), 0.0).astype(np.float32),
        "leading_task": of_leading(main[at], -1).astype(np.int32),
        "leading_strongest": leading.effect.astype(np.float32),
    }


@dataclass(frozen=True)
class Places:
    """Finds the bins through which regulators act on genes.

    Attributes
    ----------
    bundle : ModelBundle
    features : RegulatoryFeatures
        As the model takes them.
    code : int array, shape (n_tracks,)
        Regulator of each track.
    n_places : int
    """

    bundle: ModelBundle
    features: RegulatoryFeatures
    code: Int
    n_places: int

    @property
    def is_blind(self) -> dict[str, bool]:
        """Of which regions the model sees the total only."""
        return {region: count == 0 for region, count in self.bundle.n_first_bins().items()}

    def of(self, rows: Int, explained: xr.Dataset, regulator: Int, task: Int) -> dict[str, NDArray[Any]]:
        """The strongest bins of each gene's leading regulators in the task where each acts most.

        Parameters
        ----------
        rows : int array, shape (n_genes,)
            Numbers of the genes.
        explained : xr.Dataset
            Their attributions.
        regulator, task : int array, shape (n_genes, n_leading)
            -1: none.

        Returns
        -------
        dict of str to array, shape (n_genes, n_leading, n_places)
            place_region, place_bin, place_bases, place_effect.
        """
        shape = (*regulator.shape, self.n_places)
        found: dict[str, NDArray[Any]] = {
            "place_region": np.full(shape, -1, dtype=np.int32),
            "place_bin": np.zeros(shape, dtype=np.int32),
            "place_bases": np.zeros(shape, dtype=np.int32),
            "place_effect": np.zeros(shape, dtype=np.float32),
        }
        attribution = explained["attribution"].to_numpy()
        for gene, row in enumerate(rows):
            is_there = regulator[gene] >= 0
            if not is_there.any():
                continue
            own = [self.code == number for number in regulator[gene][is_there]]  # tracks of each leading regulator
            tasks = task[gene][is_there]
            if all(self.is_blind.values()):
                parts = self._by_bases(int(row), attribution[gene], own, tasks)
            else:
                parts = self._by_bins(int(row), own, tasks)
            region, number, bases, effect = (np.concatenate(values) for values in zip(*parts, strict=True))
            best = strongest(effect.T, self.n_places)
            for place, (chosen, value) in enumerate(zip(best.regulator, best.effect, strict=True)):
                kept = chosen[chosen >= 0]
                at = gene, place, slice(len(kept))
                found["place_region"][at] = region[kept]
                found["place_bin"][at] = number[kept]
                found["place_bases"][at] = np.rint(bases[kept, place])
                found["place_effect"][at] = value[: len(kept)]
        return found

    def _bins(self, row: int, region: str) -> NDArray[np.float32]:
        matrix = self.features.regions[region]
        values: NDArray[np.float32] = matrix.data[matrix.offsets[row] : matrix.offsets[row + 1]].toarray()
        return values

    def _by_bases(
        self, row: int, attribution: NDArray[np.float32], own: list[NDArray[np.bool_]], tasks: Int
    ) -> list[tuple[Int, Int, Real, Real]]:
        """Of each region: region and number of its bins, bases and effects, shape (n_bins, n_leading)."""
        parts = []
        first = 0
        for order, region in enumerate(self.bundle.regions):
            values = self._bins(row, region).astype(np.float64)
            tracks = slice(first, first + values.shape[1])
            first = tracks.stop
            totals = values.sum(axis=0)
            weight = np.stack(
                [attribution[tracks, task] * is_own[tracks] for is_own, task in zip(own, tasks, strict=True)]
            )
            weight = np.divide(weight, totals, out=np.zeros(weight.shape), where=totals > 0)
            parts.append((*self._numbers(order, len(values)), self._most(values, tracks, own), values @ weight.T))
        return parts

    def _by_bins(self, row: int, own: list[NDArray[np.bool_]], tasks: Int) -> list[tuple[Int, Int, Real, Real]]:
        """The same from attributions of single bins, where the model sees more than the region's total."""
        gene = str(self.features.genes["gene_id"].iloc[row])
        names = [self.bundle.tasks[task] for task in tasks]
        [explained] = bin_attributions(self.bundle, self.features, [gene], tasks=list(dict.fromkeys(names)))
        parts = []
        first = 0
        for order, region in enumerate(self.bundle.regions):
            values = self._bins(row, region).astype(np.float64)
            tracks = slice(first, first + values.shape[1])
            first = tracks.stop
            found = explained[f"attribution_{region}"].to_numpy()[: len(values)].astype(np.float64)
            column = [list(dict.fromkeys(names)).index(name) for name in names]
            effect = [found[:, is_own[tracks], task].sum(axis=1) for is_own, task in zip(own, column, strict=True)]
            parts.append(
                (*self._numbers(order, len(values)), self._most(values, tracks, own), np.stack(effect, axis=1))
            )
        return parts

    @staticmethod
    def _numbers(region: int, n_bins: int) -> tuple[Int, Int]:
        return np.full(n_bins, region, dtype=np.int64), np.arange(n_bins)

    @staticmethod
    def _most(values: Real, tracks: slice, own: list[NDArray[np.bool_]]) -> Real:
        """Bases of each bin: the most of a regulator's tracks."""
        return np.stack([values[:, is_own[tracks]].max(axis=1, initial=0.0) for is_own in own], axis=1)
