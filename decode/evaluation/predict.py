"""Predict genes with an ensemble."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decode.dataset import pooled_inputs
from decode.models.bundle import ModelBundle
from decode.models.ensemble import predict_inputs
from decode.models.matching import select_for_model

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures


def predict_members(bundle: ModelBundle, features: RegulatoryFeatures) -> np.ndarray:
    """Prediction of each member for every gene of the features.

    Parameters
    ----------
    bundle : ModelBundle
    features : RegulatoryFeatures

    Returns
    -------
    np.ndarray, shape (n_members, n_genes, n_tasks), float32
        log2 units.
    """
    selected = select_for_model(bundle, features)
    return predict_inputs(bundle, pooled_inputs(selected, bundle.n_first_bins()))


def predict(bundle: ModelBundle, features: RegulatoryFeatures) -> pd.DataFrame:
    """Predict log2 expression (median level) and log2 fold-changes of genes from their binding sites.

    Parameters
    ----------
    bundle : ModelBundle
    features : RegulatoryFeatures
        Needs the model's tracks; any genes.

    Returns
    -------
    pd.DataFrame, shape (n_genes, 1 + n_tasks)
        gene_id (transcript_id at transcript level) and one column a task, log2 units: the mean over members. A
        prediction does not depend on the other genes.

    Raises
    ------
    ValueError
        If the features do not fit the model.
    """
    mean = predict_members(bundle, features).mean(axis=0, dtype=np.float64)
    return prediction_table(features, mean, bundle.tasks)


def prediction_table(features: RegulatoryFeatures, values: np.ndarray, tasks: Sequence[str]) -> pd.DataFrame:
    """Ids and one column a task."""
    table = pd.DataFrame(values, columns=list(tasks))
    table.insert(0, features.id_column, features.ids.astype(str))
    return table
