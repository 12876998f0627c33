"""New samples without training: a few measured genes place a sample among a model's outputs, which tell the rest."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV

from decode.core.checks import check_choice, check_matched
from decode.core.choices import SampleValues
from decode.core.shown import shown
from decode.core.threads import one_blas_thread
from decode.dataset import EXCLUDED, TEST, pooled_inputs
from decode.expression.person_reference import new_sample_values
from decode.expression.targets import numeric_values
from decode.models.architectures import hidden_view
from decode.models.ensemble import predict_inputs
from decode.models.matching import select_for_model
from decode.persons.person_baselines import component_projection, neighbour_projection
from decode.statistics.metrics import pearson_per_task, spearman_per_task

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures
    from decode.models.bundle import ModelBundle

logger = logging.getLogger(__name__)

Float = NDArray[np.float64]
VALUES: tuple[SampleValues, ...] = ("tpm", "fold_change")
PENALTIES = np.logspace(-2, 6, 17)  # columns of a basis have a variance of at most 1
LEAST_GENES = 10
FEW_GENES = 50
PREDICT_GENES = 1024


@shown()
class Projection(NamedTuple):
    """What a model says of new samples.

    Attributes
    ----------
    predictions : pd.DataFrame
        gene_id and one column a sample: log2 fold change of every gene of the features against the reference.
    accuracy : pd.DataFrame
        One row a sample: sample, n_measured, n_fitted, n_judged (measured genes of the test chromosome, which play no
        part in the fit), basis, penalty, spearman, pearson, and Spearman of the baselines where persons are given.
    coordinates : pd.DataFrame
        sample, and its place on the leading components of the model's outputs.
    measured : pd.DataFrame
        The fold changes that were fitted and judged, as `predictions`; empty where not measured.
    reference_mean : pd.Series or None
        Mean of each gene over the reference's samples, log2 units: added to a fold change it gives a level.
    """

    predictions: pd.DataFrame
    accuracy: pd.DataFrame
    coordinates: pd.DataFrame
    measured: pd.DataFrame
    reference_mean: pd.Series | None


class Basis(NamedTuple):
    """Numbers that the model gives to every gene, from which a sample is put together."""

    name: str
    columns: Float  # (n_genes, n_columns), mean 0, a variance of at most 1


@one_blas_thread()
def project(
    bundle: ModelBundle,
    features: RegulatoryFeatures,
    samples: pd.DataFrame,
    *,
    values: SampleValues = "tpm",
    persons: pd.DataFrame | None = None,
) -> Projection:
    """Predict the expression of samples that a model never saw, from the genes that were measured in them.

    Parameters
    ----------
    bundle : ModelBundle
        Of persons, or of tissues.
    features : RegulatoryFeatures
        With the model's tracks.
    samples : pd.DataFrame, shape (n_rows, n_samples)
        By gene id. A few dozen genes do; NaN where not measured.
    values : {"tpm", "fold_change"}
        "tpm": TPM (or anything of the same order within a sample), brought to fold changes by the reference of the
        model. "fold_change": log2 fold changes already; the only way where the model has no reference.
    persons : pd.DataFrame, optional
        Targets that the model was trained on, for the baselines that need measured persons.

    Returns
    -------
    Projection

    Raises
    ------
    ValueError
        If the features lack tracks of the model, the model has no reference for TPM, genes do not match, or a sample
        has fewer than ten measured genes outside the test chromosome.

    Notes
    -----
    y_g = a + b_g' w + noise, ridge regression of a sample's fold changes over its measured genes that the model was not
    tested on. b_g are, of all members side by side, the standardised units of the last hidden layer ("hidden"), or the
    principal components of the outputs, scaled so that the first has variance 1 ("outputs"): with few genes the penalty
    then lets a sample differ along the ways in which the model's persons (tissues) differ. Basis and penalty are those
    of the least squared error of leave-one-out over the sample's own genes; the largest penalty leaves the mean.
    """
    check_choice("values", values, VALUES)
    changes, reference_mean = _fold_changes(bundle, samples, values)
    selected = select_for_model(bundle, features)
    ids = [str(name) for name in selected.ids]
    matched, warning = check_matched("new samples", [str(name) for name in changes.index], ids)
    if warning:
        logger.warning(warning)
    logger.info("new samples: %d of %d genes are in the features", len(matched), len(changes))
    y = changes.reindex(ids).to_numpy(dtype=np.float64)
    split = bundle.split_map
    part = np.array([split.get(name, "") for name in ids], dtype=object)
    held_out = np.isin(part, [TEST, EXCLUDED]) | _on_test_chromosomes(selected.genes["chrom"], part)
    is_fit = np.isfinite(y) & ~held_out[:, None]
    _check_measured(list(changes.columns), is_fit)
    outputs, bases = _bases(bundle, selected)
    predicted = np.empty(y.shape)
    rows: list[dict[str, Any]] = []
    for columns in _alike(is_fit):
        genes = is_fit[:, columns[0]]
        fits = [_fit(basis, genes, y[:, columns]) for basis in bases]
        errors = np.stack([error for _, _, error in fits])
        for place, column in enumerate(columns):
            best = int(np.argmin(errors[:, place]))
            predicted[:, column] = fits[best][0][:, place]
            rows.append({"column": int(column), "basis": bases[best].name, "penalty": fits[best][1][place]})
    accuracy = pd.DataFrame(rows).sort_values("column").drop(columns="column").reset_index(drop=True)
    judged = np.where(held_out[:, None], y, np.nan)
    accuracy.insert(0, "sample", [str(name) for name in changes.columns])
    accuracy.insert(1, "n_measured", np.isfinite(y).sum(axis=0))
    accuracy.insert(2, "n_fitted", is_fit.sum(axis=0))
    accuracy.insert(3, "n_judged", np.isfinite(judged).sum(axis=0))
    accuracy["spearman"] = spearman_per_task(judged, predicted)
    accuracy["pearson"] = pearson_per_task(judged, predicted)
    if persons is not None:
        known = numeric_values(persons.set_index(persons.columns[0])[bundle.tasks].reindex(ids), "persons")
        for name, baseline in (("knn_persons", neighbour_projection), ("pca_persons", component_projection)):
            accuracy[name] = spearman_per_task(judged, baseline(known, np.where(is_fit, y, np.nan)))
    names = [str(name) for name in changes.columns]

    def table(numbers: Float) -> pd.DataFrame:
        made = pd.DataFrame(numbers, columns=names)
        made.insert(0, selected.id_column, ids)
        return made

    mean = None if reference_mean is None else reference_mean.reindex(ids)
    return Projection(table(predicted), accuracy, _coordinates(outputs, predicted, names), table(y), mean)


def _fold_changes(
    bundle: ModelBundle, samples: pd.DataFrame, values: SampleValues
) -> tuple[pd.DataFrame, pd.Series | None]:
    reference = bundle.person_reference
    mean = None if reference is None else pd.Series(reference.gene_mean, index=reference.gene_ids)
    if values == "fold_change":
        numeric_values(samples, "new samples")
        return samples, mean
    if reference is None:
        raise ValueError(
            "the model holds no reference of persons, against which TPM become fold changes; give log2 fold changes "
            "(--values fold_change, for instance from decode expression person), or a model trained on targets beside "
            "their _reference.npz"
        )
    return new_sample_values(reference, samples), mean


def _on_test_chromosomes(chrom: pd.Series, part: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Genes that the model does not know but whose chromosome was held out: they are judged, not fitted."""
    tested = set(chrom[part == TEST])
    values: NDArray[np.bool_] = (part == "") & chrom.isin(tested).to_numpy()
    return values


def _check_measured(names: Sequence[Any], is_fit: NDArray[np.bool_]) -> None:
    counts = is_fit.sum(axis=0)
    for name, count in zip(names, counts, strict=True):
        if count < LEAST_GENES:
            raise ValueError(
                f"sample {name} has {count} measured genes outside the model's test chromosome; at least {LEAST_GENES} "
                f"are needed and {FEW_GENES} or more are wanted: measure more genes or leave it out"
            )
    if (counts < FEW_GENES).any():
        logger.warning("%d samples have fewer than %d measured genes", int((counts < FEW_GENES).sum()), FEW_GENES)


def _bases(bundle: ModelBundle, selected: RegulatoryFeatures) -> tuple[Float, list[Basis]]:
    """Outputs of the model (n_genes, n_main_tasks), and what samples are put together from."""
    inputs = list(pooled_inputs(selected, bundle.n_first_bins()).values())
    starts = range(0, len(inputs[0]), PREDICT_GENES)
    units = []
    for member in bundle.members:
        body = hidden_view(member.pooled)
        parts = [body([x[start : start + PREDICT_GENES] for x in inputs], training=False) for start in starts]
        units.append(np.concatenate([np.asarray(part) for part in parts]).astype(np.float64))
    hidden = np.concatenate(units, axis=1)
    hidden -= hidden.mean(axis=0)
    hidden /= np.maximum(hidden.std(axis=0), 1e-9)
    outputs = predict_inputs(bundle, inputs).mean(axis=0, dtype=np.float64)
    outputs = outputs[:, bundle.is_main_task] if bundle.is_main_task.any() else outputs
    return outputs, [Basis("outputs", _components(outputs)), Basis("hidden", hidden)]


def _components(outputs: Float) -> Float:
    centred = outputs - outputs.mean(axis=0)
    left, size, _ = np.linalg.svd(centred, full_matrices=False)
    kept = size > 1e-6 * max(float(size[0]), 1e-12)
    return np.asarray(left[:, kept] * (size[kept] / max(float(size[0]), 1e-12)) * np.sqrt(len(outputs)))


def _alike(measured: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    """Samples that were measured in the same genes share their regression."""
    groups: dict[bytes, list[int]] = {}
    for column, packed in enumerate(np.packbits(measured, axis=0).T):
        groups.setdefault(packed.tobytes(), []).append(column)
    return [np.asarray(columns, dtype=np.intp) for columns in groups.values()]


def _fit(basis: Basis, genes: NDArray[np.bool_], y: Float) -> tuple[Float, Float, Float]:
    """Predictions of all genes, penalty and mean squared leave-one-out error of each sample."""
    ridge = RidgeCV(alphas=PENALTIES, alpha_per_target=True, scoring=None).fit(basis.columns[genes], y[genes])
    predicted = np.asarray(ridge.predict(basis.columns)).reshape(len(genes), y.shape[1])
    return predicted, np.atleast_1d(ridge.alpha_).astype(np.float64), -np.atleast_1d(ridge.best_score_)


def _coordinates(outputs: Float, predicted: Float, names: list[str]) -> pd.DataFrame:
    """Each sample's place on the leading components over the model's own outputs."""
    centred = outputs - outputs.mean(axis=0)
    left, size, _ = np.linalg.svd(centred, full_matrices=False)
    n_components = int(min(10, (size > 1e-6 * max(float(size[0]), 1e-12)).sum()))
    found = (predicted - predicted.mean(axis=0)).T @ left[:, :n_components] / np.sqrt(len(outputs))
    table = pd.DataFrame(found, columns=[f"component_{number + 1}" for number in range(n_components)])
    table.insert(0, "sample", names)
    return table
