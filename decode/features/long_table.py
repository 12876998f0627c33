"""Features as a long table, one row a nonzero value."""

from __future__ import annotations

import numpy as np
import pandas as pd

from decode.features.content import FeatureContent
from decode.genome.sources import BASES, POTENTIAL, SIGNAL


def _named(codes: np.ndarray, names: pd.Series) -> pd.Categorical:
    """A text column from row numbers, without one Python string a row."""
    values, categories = pd.factorize(names)
    return pd.Categorical.from_codes(values[codes], categories=pd.Index(categories))


def long_table(features: FeatureContent) -> pd.DataFrame:
    """Every nonzero value as one row, in order of region, gene, bin and track.

    Parameters
    ----------
    features : FeatureContent
        `RegulatoryFeatures`.

    Returns
    -------
    pd.DataFrame
        Columns region, gene_id, bin (0 = 5'-most), kind, regulator, biosample ("" where not stated), bases; at
        transcript level also transcript_id, before gene_id. Where the features hold such tracks, also signal (the mean
        over the bin's bases) and potential; NaN for tracks of other values, whose own column is then filled (bases 0).
        Text columns are categoricals.
    """
    others = [kind for kind in (SIGNAL, POTENTIAL) if (features.tracks["value_kind"] == kind).any()]
    parts = []
    for name, region in features.regions.items():
        tracks = features.tracks[features.tracks["region"] == name].reset_index(drop=True)
        data = region.data if region.data.has_sorted_indices else region.data.sorted_indices()
        row, column = np.repeat(np.arange(data.shape[0]), np.diff(data.indptr)), data.indices
        gene = region.gene_of_row[row]
        part = pd.DataFrame(
            {"region": pd.Categorical.from_codes(np.zeros(len(row), dtype=np.int8), categories=pd.Index([name]))}
        )
        for column_name in dict.fromkeys([features.id_column, "gene_id"]):
            part[column_name] = _named(gene, features.genes[column_name])
        part["bin"] = row - region.offsets[gene]
        for column_name in ("kind", "regulator", "biosample"):
            part[column_name] = _named(column, tracks[column_name])
        value_kind = tracks["value_kind"].to_numpy(dtype=object)
        is_bases = value_kind == BASES
        part["bases"] = (data.data if is_bases.all() else np.where(is_bases[column], data.data, 0)).astype(np.int64)
        for other in others:
            part[other] = np.where((value_kind == other)[column], data.data, np.nan).astype(np.float32)
        parts.append(part)
    if len(parts) == 1:
        return parts[0]
    columns = {}
    for name in parts[0].columns:
        columns[name] = (
            pd.api.types.union_categoricals([part[name] for part in parts])
            if isinstance(parts[0][name].dtype, pd.CategoricalDtype)
            else np.concatenate([part[name] for part in parts])
        )
    return pd.DataFrame(columns)
