"""Drivers by a trained network: its hidden units stay as they are, a new linear head explains the table."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from decode.attribution.exact.engine import ExactEngine, Node
from decode.attribution.exact.steps import MatrixProduct
from decode.attribution.job import Job, make_job
from decode.core.checks import check_choice
from decode.core.choices import Score
from decode.core.threads import one_blas_thread
from decode.drivers.design import make_design
from decode.drivers.engine import DriversConfig, Engine, Explained, Fit
from decode.drivers.inputs import DriverInputs
from decode.drivers.screen import screener
from decode.features.regulators import sum_tracks

if TYPE_CHECKING:
    import keras

    from decode.features.matrix import RegulatoryFeatures
    from decode.models.bundle import ModelBundle

logger = logging.getLogger(__name__)

Float = NDArray[np.float64]
SCORES: tuple[Score, ...] = ("joint", "attribution")
N_EXPLAINED = 2000  # genes whose attributions tell what each hidden unit says of each regulator
BLOCK = 64  # genes at once: gene x track x hidden unit is the largest array


def hidden_engine(pooled: keras.Model) -> ExactEngine:
    """The exact engine of a network without its head: the last hidden layer is the output.

    Parameters
    ----------
    pooled : keras.Model
        Ends with a dense layer of one unit a task and the scaling to the tasks' units, as `build_network` makes it.

    Returns
    -------
    ExactEngine
    """
    from decode.models.architectures import hidden_view

    return ExactEngine.from_model(hidden_view(pooled))


def with_head(engine: ExactEngine, weights: Float) -> ExactEngine:
    """The engine with a linear head on its output.

    Parameters
    ----------
    engine : ExactEngine
    weights : array, shape (n_units,)

    Returns
    -------
    ExactEngine
        One task, in the units of the head.
    """
    head = Node((len(engine.nodes) - 1,), MatrixProduct(weights[None, :, None], np.zeros(1)))
    return replace(engine, nodes=[*engine.nodes, head])


def frozen_body_engine(bundle: ModelBundle, features: RegulatoryFeatures) -> Engine:
    """Explain tables by a trained ensemble whose hidden units stay as they are.

    Parameters
    ----------
    bundle : ModelBundle
        Trained on any targets; its features must be those given.
    features : RegulatoryFeatures
        With all tracks of the model.

    Returns
    -------
    callable
        For `decode.drivers.find.find_drivers(engine=...)`.

    Raises
    ------
    ValueError
        If the features lack tracks of the model, or the score is neither "joint" nor "attribution".

    Notes
    -----
    h_g are the units of the last hidden layer, of all members side by side, and w the coefficients of a ridge
    regression of the statistic on them (`decode.drivers.screen.screen`, with the same covariates). The attribution of
    gene g to regulator R against the gene without sites (own length) is sum_u w_u A_gRu, A being DeepLIFT Rescale of
    the hidden units: linear in w. So the score of R is a fixed readout of w: "attribution" is the mean of A_gR over
    genes, "joint" cov(A_gR, s_R) / SD(s_R) with the site index s_R, the mean of the standardised log totals of R's
    tracks. It is linear in the statistic too, so null targets with the correlation of genes give its p-values as they
    do for ridge. The readout is taken over at most 2,000 random genes, the attributions of leading targets over all.

    Where a body has few units, its regulators share them: many stand out with those that act. They fall into few groups
    (column group), and the ranking should be read beside that of the ridge.

    References
    ----------
    Tasaki et al. 2020, Nat Mach Intell 2:376; Shrikumar et al. 2017, PMLR 70:3145 (Rescale rule).
    """

    def engine(inputs: DriverInputs, config: DriversConfig) -> Fit:
        check_choice("score with a model", config.score, SCORES)
        ids = [str(gene) for gene in inputs.features.ids]
        job = make_job(bundle, features, engine="exact", reference="own_length", genes=ids, part="all")
        place = job.regulators.table.index.get_indexer(inputs.regulators.table.index)
        if (place < 0).any():
            lost = inputs.regulators.table.index[place < 0].tolist()
            logger.warning("%d regulators are not in the model and score 0: %s", len(lost), ", ".join(lost[:5]))
        bodies = [hidden_engine(member.pooled) for member in bundle.members]
        hidden = _hidden(job, bodies)
        readout = _readout(job, bodies, _site_index(inputs), place, config)
        design = make_design(hidden, inputs.covariates, groups=inputs.features.genes["chrom"], seed=config.seed)
        screen = screener(design, (), readout=readout)

        def fit(y: Float) -> Explained:
            found = screen(y)

            @cache
            def attributions() -> NDArray[np.float32]:
                heads = np.split(found.coefficients, len(bodies))
                return regulator_attributions(job, [with_head(b, w) for b, w in zip(bodies, heads, strict=True)])

            def attribution(number: int) -> Float:
                if place[number] < 0:
                    return np.zeros(len(ids))
                return attributions()[:, place[number]].astype(np.float64)

            return Explained(found.effect, found.r2, attribution, screen=found)

        return fit

    return engine


def _blocks(rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]


@one_blas_thread()
def _hidden(job: Job, bodies: list[ExactEngine]) -> Float:
    """Hidden units of all members side by side, shape (n_genes, n_units)."""
    parts = [np.concatenate([body.predict(job.pooled(rows)[0]) for body in bodies], 1) for rows in _blocks(job.rows)]
    return np.concatenate(parts)


def _site_index(inputs: DriverInputs) -> Float:
    """Mean over a regulator's tracks of the standardised log totals, SD 1; shape (n_genes, n_regulators)."""
    scaled = (inputs.x - inputs.x.mean(axis=0)) / inputs.x.std(axis=0)
    index = sum_tracks(scaled, inputs.regulators.code) / inputs.regulators.table["n_tracks"].to_numpy()
    return np.asarray(index / np.maximum(index.std(axis=0), 1e-12))


@one_blas_thread()
def _readout(
    job: Job, bodies: list[ExactEngine], index: Float, place: NDArray[np.int64], config: DriversConfig
) -> Float:
    """What one unit of each head's weight means for each regulator's score, shape (n_regulators, n_units)."""
    chosen = np.arange(len(job.rows))
    if len(chosen) > N_EXPLAINED:
        chosen = np.sort(np.random.default_rng(config.seed).choice(chosen, N_EXPLAINED, replace=False))
    is_known = place >= 0
    weight = np.ones((len(chosen), int(is_known.sum())))
    if config.score == "joint":
        weight = index[chosen][:, is_known]
        weight = weight - weight.mean(axis=0)
    total: list[Float] = [np.zeros(0)] * len(bodies)
    for start in range(0, len(chosen), BLOCK):
        inputs, references = job.pooled(job.rows[chosen[start : start + BLOCK]])
        for number, body in enumerate(bodies):
            parts = body.attribute(inputs, references)
            tracks = np.concatenate([part[:, 1:] for part in parts], axis=1)  # channel 0 is the length
            found = sum_tracks(tracks, job.regulators.code)[:, place[is_known]]
            share = np.einsum("gru,gr->ru", found, weight[start : start + BLOCK])
            total[number] = share if not start else total[number] + share
    readout = np.zeros((len(place), sum(part.shape[1] for part in total)))
    readout[is_known] = np.concatenate(total, axis=1) / len(chosen)
    return readout


@one_blas_thread()
def regulator_attributions(job: Job, engines: list[ExactEngine]) -> NDArray[np.float32]:
    """Attribution of every gene to every regulator of the model, engines summed; shape (n_genes, n_regulators).

    Parameters
    ----------
    job : Job
    engines : list of ExactEngine
        Each with one task.

    Returns
    -------
    float32 array
    """
    blocks = []
    for rows in _blocks(job.rows):
        found = [engine.attribute(*job.pooled(rows)) for engine in engines]
        tracks = sum(np.concatenate([part[:, 1:, 0] for part in parts], axis=1) for parts in found)
        blocks.append(sum_tracks(np.asarray(tracks), job.regulators.code).astype(np.float32))
    return np.concatenate(blocks)
