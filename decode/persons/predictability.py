"""What makes a gene predictable over persons: how many sites it has, how much it varies, how high it is expressed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decode.features.regulators import regulators_of
from decode.statistics.metrics import spearman_per_task
from decode.statistics.relative_importance import relative_importance

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures

LEAST_GENES = 30


def gene_properties(features: RegulatoryFeatures, *, extra: pd.DataFrame | None = None) -> pd.DataFrame:
    """Numbers of each gene that its accuracy may hang on.

    Parameters
    ----------
    features : RegulatoryFeatures
    extra : pd.DataFrame, optional
        Index: gene ids; further properties, numbers or text (annotation status, for instance).

    Returns
    -------
    pd.DataFrame
        Index: row ids. n_<region>_regulators (log2(1 + regulators with a site in the region)), log2_length, and extra.
    """
    table = pd.DataFrame(index=pd.Index([str(name) for name in features.ids], name=features.id_column))
    is_bound = features.totals() > 0
    code = regulators_of(features).code
    region_of = features.tracks["region"].astype(str).to_numpy()
    for region in features.regions:
        columns = region_of == region
        regulators = np.unique(code[columns])
        n = np.zeros(len(table))
        for number in regulators:
            n += is_bound[:, columns & (code == number)].any(axis=1)
        table[f"n_{region}_regulators"] = np.log2(1 + n)
    table["log2_length"] = np.log2(np.maximum(features.genes["length_bp"].to_numpy(dtype=np.float64), 1.0))
    return table if extra is None else table.join(extra)


def predictability(accuracy: pd.Series, properties: pd.DataFrame) -> pd.DataFrame:
    """How much of the differences in accuracy between genes each property explains.

    Parameters
    ----------
    accuracy : pd.Series
        Index: gene ids; correlation over persons.
    properties : pd.DataFrame
        Index: gene ids. Text columns are classes.

    Returns
    -------
    pd.DataFrame
        term, spearman (with the accuracy; empty for classes), then share, alone, last, r2, n of
        `decode.statistics.relative_importance.relative_importance`. Empty where fewer than 30 genes are complete.
        A property that does not vary is left out.
    """
    joined = properties.join(accuracy.rename("accuracy"), how="inner").dropna()
    terms: dict[str, np.ndarray] = {}
    for name in properties.columns:
        column = joined[name]
        if column.nunique() < 2:
            continue
        if pd.api.types.is_numeric_dtype(column):
            terms[str(name)] = column.to_numpy(dtype=np.float64)
        else:
            terms[str(name)] = pd.get_dummies(column.astype(str), drop_first=True).to_numpy(dtype=np.float64)
    if len(joined) < LEAST_GENES or not terms:
        return pd.DataFrame(columns=["term", "spearman", "share", "alone", "last", "r2", "n"])
    found = relative_importance(joined["accuracy"].to_numpy(), terms)
    rho = [
        float(spearman_per_task(values, joined["accuracy"].to_numpy())[0]) if values.ndim == 1 else np.nan
        for values in terms.values()
    ]
    found.insert(1, "spearman", rho)
    return found
