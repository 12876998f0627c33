"""What is explained, by which engine, against which reference, and how far the two engines agree on it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.attribution.deep_explainer import ShapEngine
from decode.attribution.exact.engine import ExactEngine
from decode.attribution.references import N_MATCHED, Reference, make_reference
from decode.attribution.result import SCHEMA_VERSION, Layout
from decode.core.checks import check_choice, check_known, check_unique
from decode.core.choices import EngineName, Part, ReferenceName
from decode.core.resume import content_hash
from decode.dataset import bins_inputs, pooled_inputs
from decode.features.regulators import Regulators, regulators_of
from decode.genome.structure import STRUCTURE
from decode.models.bundle import model_hash
from decode.models.ensemble import InputArrays, predict_inputs
from decode.models.matching import select_for_model

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures
    from decode.models.bundle import ModelBundle

logger = logging.getLogger(__name__)

ENGINES: tuple[EngineName, ...] = ("exact", "shap")
PARTS: tuple[Part, ...] = ("test", "validation", "train", "all")
AGREEMENT_LIMIT = 1e-4  # log2 units; DESIGN section 5
N_AGREEMENT_TASKS = 3


class Block(NamedTuple):
    """Some genes as an engine takes them, with what Keras predicts for them: plain arrays that can travel.

    The block stands for its first `n_own` rows. At transcript level further rows complete the transcripts of its genes,
    and `usage_gene` numbers the genes whose usage the block counts (-1: none); at gene level it is None.
    """

    number: int
    n_own: int
    usage_gene: NDArray[np.int64] | None
    inputs: InputArrays
    references: InputArrays
    predicted: NDArray[np.float32]  # (member, gene, task)
    reference_predicted: NDArray[np.float32]  # (member, gene, task)
    has_structure: bool = False  # whether the last input is the gene structure, not a region


@dataclass(frozen=True, eq=False)
class Job:
    """What is explained, by what, against what.

    Parameters
    ----------
    bundle : ModelBundle
    features : RegulatoryFeatures
        With the model's tracks; all genes, as references may need them.
    reference : Reference
    engine : str
    rows : int array
        Genes to explain.
    """

    bundle: ModelBundle
    features: RegulatoryFeatures
    reference: Reference
    engine: EngineName
    rows: NDArray[np.int64]

    @cached_property
    def model_sha256(self) -> str:
        """Hash of what the ensemble computes."""
        return model_hash(self.bundle)

    @cached_property
    def features_sha256(self) -> str:
        """Hash of the features that it takes, all genes."""
        return features_hash(self.features)

    @property
    def explained_sha256(self) -> str:
        """Hash of the ids of the explained genes, whatever their order."""
        return content_hash(sorted(self.ids))

    @cached_property
    def regulators(self) -> Regulators:
        """Regulators of the tracks; bound genes are counted over all genes of the features."""
        return regulators_of(self.features)

    @cached_property
    def usage_genes(self) -> NDArray[np.int64] | None:
        """Gene of each explained transcript, -1 where it is the gene's only one; None at gene level."""
        if self.features.level != "transcript":
            return None
        code = pd.factorize(self.features.genes["gene_id"].to_numpy()[self.rows])[0]
        return np.where(np.bincount(code)[code] > 1, code, -1).astype(np.int64)

    @property
    def n_usage_genes(self) -> int:
        """Genes of two explained transcripts or more."""
        return 0 if self.usage_genes is None else len(np.unique(self.usage_genes[self.usage_genes >= 0]))

    @property
    def ids(self) -> list[str]:
        """Ids of the genes (or transcripts) to explain."""
        return [str(name) for name in self.features.ids[self.rows]]

    def pooled(self, rows: NDArray[np.int64]) -> tuple[InputArrays, InputArrays]:
        """Inputs and references of the pooled view."""
        n_first = self.bundle.n_first_bins()
        chosen = self.features.take(rows)
        return list(pooled_inputs(chosen, n_first).values()), self.reference.pooled(rows, n_first)

    def bins(self, rows: NDArray[np.int64], n_bins: Mapping[str, int]) -> tuple[InputArrays, InputArrays]:
        """Inputs and references of the full view, padded to the same number of bins."""
        return list(bins_inputs(self.features, rows, n_bins=n_bins).values()), self.reference.bins(rows, n_bins)

    def engines(self) -> list[ExactEngine | ShapEngine]:
        """One engine a member."""
        if self.engine == "exact":
            return [ExactEngine.from_model(member.pooled) for member in self.bundle.members]
        n_bins = self.reference.n_bins(self.rows)
        return [ShapEngine(member.bins, list(n_bins.values())) for member in self.bundle.members]

    def blocks(self, numbers: Sequence[int], layout: Layout) -> Iterator[Block]:
        """The blocks of these numbers, made when they are asked for."""
        n_bins = self.reference.n_bins(self.rows) if self.engine == "shap" else {}
        for number in numbers:
            places, n_own, usage_gene = self.places(number * layout.block_genes, layout.block_genes)
            rows = self.rows[places]
            pooled = self.pooled(rows)
            predicted, reference_predicted = (predict_inputs(self.bundle, values) for values in pooled)
            inputs, references = pooled if self.engine == "exact" else self.bins(rows, n_bins)
            shape = predicted.shape
            reference_predicted = np.broadcast_to(reference_predicted, shape)
            yield Block(
                number, n_own, usage_gene, inputs, references, predicted, reference_predicted,
                bool(self.features.structure_channels),
            )  # fmt: skip

    def places(self, start: int, n: int) -> tuple[NDArray[np.int64], int, NDArray[np.int64] | None]:
        """Places among the rows to explain that a block needs: its own, then those that complete its genes.

        A gene counts in the block that holds its first transcript.

        Returns
        -------
        places : int array
        n_own : int
        usage_gene : int array, shape (len(places),), or None at gene level
        """
        own = np.arange(start, min(start + n, len(self.rows)))
        if self.usage_genes is None:
            return own, len(own), None
        genes = self.usage_genes
        counted = np.setdiff1d(genes[own], np.append(genes[:start], -1))
        is_counted = np.isin(genes, counted)
        later = np.flatnonzero(is_counted[own[-1] + 1 :]) + own[-1] + 1
        places = np.concatenate([own, later])
        return places, len(own), np.where(is_counted[places], genes[places], -1)

    def signature(self, layout: Layout) -> str:
        """Text that two runs share exactly when they compute the same thing."""
        split = self.bundle.split
        hashes = (self.model_sha256, self.features_sha256, content_hash(self.ids))
        options = (self.engine, self.reference.name, self.reference.n_matched, *layout, SCHEMA_VERSION, STRUCTURE)
        return content_hash([*hashes, *map(str, options), split["id"].to_numpy(str), split["split"].to_numpy(str)])


def features_hash(features: RegulatoryFeatures) -> str:
    """SHA-256 of genes, tracks, bins and gene structure."""
    arrays: list[Any] = [features.ids, np.array(features.track_ids)]
    for name, matrix in features.regions.items():
        data = matrix.data
        arrays += [name, data.data, data.indices, data.indptr, matrix.offsets, matrix.bin_length_bp]
    if features.structure_channels:
        arrays += [*features.structure_channels, features.structure]
    return content_hash(arrays)


def make_job(
    bundle: ModelBundle,
    features: RegulatoryFeatures,
    *,
    engine: EngineName,
    reference: ReferenceName,
    genes: Sequence[str] | None,
    part: Part,
    n_matched: int = N_MATCHED,
) -> Job:
    """Match features with the model and choose the genes to explain; raises as `attribute` does."""
    check_choice("part", part, PARTS)
    selected = select_for_model(bundle, features)
    if genes is not None:
        check_unique("genes to explain", genes)
        check_known(f"{selected.id_column}(s)", genes, dict.fromkeys(selected.ids.tolist()), "the features")
        row_of = {str(name): row for row, name in enumerate(selected.ids)}
        rows = np.array([row_of[name] for name in genes], dtype=np.int64)
    else:
        split = bundle.split_map
        rows = np.flatnonzero([part == "all" or split.get(str(name)) == part for name in selected.ids])
        if selected.level == "transcript":  # a gene's transcripts side by side: a block then has few genes cut in two
            code = pd.factorize(selected.genes["gene_id"].to_numpy()[rows])[0]
            rows = rows[np.argsort(code, kind="stable")]
    if not len(rows):
        raise ValueError(
            f"no gene to explain: the features hold none of the model's {part} genes; name genes, or explain part 'all'"
            if genes is None
            else "no gene to explain: the list of genes is empty"
        )
    return Job(bundle, selected, make_reference(reference, bundle, selected, n_matched=n_matched), engine, rows)


def split_parts(
    parts: Sequence[NDArray[np.float32]], has_structure: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """What an engine gives for every input, sorted: length effect, structure effect and tracks.

    Parameters
    ----------
    parts : sequence of float32 array, shape (n_genes, n_channels, n_tasks)
        One an input; channel 0 is no track.
    has_structure : bool
        Whether the last input is the gene structure.

    Returns
    -------
    length, structure : float32 array, shape (n_genes, n_tasks)
        The occupancy of every region, and the structure: 0 where there is none.
    tracks : float32 array, shape (n_genes, n_tracks, n_tasks)
    """
    regions = parts[:-1] if has_structure else parts
    length = np.sum([part[:, 0] for part in regions], axis=0)
    structure = parts[-1][:, 0] if has_structure else np.zeros_like(length)
    return length, structure, np.concatenate([part[:, 1:] for part in regions], axis=1)


class Agreement(NamedTuple):
    """Largest difference between the two engines on a sample; NaN where the other engine was not or cannot be run."""

    largest_difference: float
    ids: list[str]
    tasks: list[str]
    note: str


def agreement(job: Job, n_genes: int) -> Agreement:
    """Explain a few genes by both engines: the first member, up to three tasks.

    Parameters
    ----------
    job : Job
    n_genes : int
        Spread over lengths up to the upper quartile: with shap, the time grows with the longest gene.

    Returns
    -------
    Agreement
    """
    if not n_genes:
        return Agreement(float("nan"), [], [], "not run")
    n_bins = sum(np.diff(matrix.offsets)[job.rows] for matrix in job.features.regions.values())
    by_length = job.rows[np.argsort(n_bins, kind="stable")]
    picks = np.unique(np.linspace(0, 0.75 * (len(by_length) - 1), n_genes).astype(int))
    rows = by_length[picks]
    n_tasks = len(job.bundle.tasks)
    tasks = np.unique(np.linspace(0, n_tasks - 1, N_AGREEMENT_TASKS).astype(int)).tolist()
    ids = [str(name) for name in job.features.ids[rows]]
    names = [job.bundle.tasks[task] for task in tasks]
    member = job.bundle.members[0]
    try:
        exact = ExactEngine.from_model(member.pooled).attribute(*job.pooled(rows))
    except ValueError as error:  # only with engine="shap": the networks have a layer that the exact engine lacks
        return Agreement(float("nan"), ids, names, str(error))
    widths = job.reference.n_bins(rows)
    shap = ShapEngine(member.bins, list(widths.values()), tasks=tasks).attribute(*job.bins(rows, widths))
    largest = max(float(np.abs(a[..., tasks] - b).max(initial=0.0)) for a, b in zip(exact, shap, strict=True))
    if largest > AGREEMENT_LIMIT:
        logger.warning("the two engines differ by up to %.2g log2 units on %s", largest, ", ".join(ids))
    return Agreement(largest, ids, names, "")
