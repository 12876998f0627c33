"""The DE prior of genes by a trained model: how readily each is expected to respond, also of genes without a rank."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from decode.core.checks import listed
from decode.core.shown import shown
from decode.evaluation.predict import predict_members
from decode.models.bundle import ModelBundle
from decode.models.matching import select_for_model
from decode.persons.de_prior_model import HIGH_RANK, MODEL, PARTS, TASK, judge, prior_targets

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures

ACCURACY = ["part", "predictor", "n_genes", "n_high", "spearman", "auroc", "auroc_low", "auroc_high"]


@shown()
class DePriorPredictions(NamedTuple):
    """The DE prior by a trained model.

    Attributes
    ----------
    predictions : pd.DataFrame
        gene_id, gene_name, chrom, split (part of the model's genes; none: not among them), predicted (logit of
        the rank), sd_members (over members; NaN for one), predicted_rank (0 to 1), de_prior_rank (NaN where unknown).
    accuracy : pd.DataFrame
        part, predictor, n_genes, n_high, spearman, auroc, auroc_low, auroc_high on the model's own validation and test
        genes; empty without ranks.
    """

    predictions: pd.DataFrame
    accuracy: pd.DataFrame


def predict_de_prior(
    bundle: ModelBundle,
    features: RegulatoryFeatures,
    ranks: pd.Series | None = None,
    *,
    high_rank: float = HIGH_RANK,
) -> DePriorPredictions:
    """Predict the DE prior of every gene, and judge it where ranks are known.

    Parameters
    ----------
    bundle : ModelBundle
        Of `fit_de_prior`, or by name (`decode.load_pretrained`).
    features : RegulatoryFeatures
    ranks : pd.Series, optional
        DE prior rank, 0 to 1, by gene id (`decode.read_de_prior`).
    high_rank : float
        What the AUROC looks for: genes above this rank.

    Returns
    -------
    DePriorPredictions

    Raises
    ------
    ValueError
        If the model is of something else, features and model do not fit, ranks are no ranks, or no or every test gene
        lies above the high rank.
    """
    if bundle.tasks != [TASK]:
        raise ValueError(f"the model predicts {listed(bundle.tasks)}, not the DE prior; give one of `decode deprior`")
    features = select_for_model(bundle, features)
    members = predict_members(bundle, features)[:, :, 0].astype(np.float64)
    predicted = members.mean(axis=0)
    split = bundle.split_map
    genes = features.genes[["gene_id", "gene_name", "chrom"]].reset_index(drop=True)
    known = np.full(len(genes), np.nan) if ranks is None else ranks.reindex(genes["gene_id"]).to_numpy(np.float64)
    table = genes.assign(
        split=[split.get(gene, "none") for gene in genes["gene_id"]],
        predicted=predicted,
        sd_members=members.std(axis=0, ddof=1) if len(members) > 1 else np.nan,
        predicted_rank=1.0 / (1.0 + np.exp(-predicted)),
        de_prior_rank=known,
    )
    return DePriorPredictions(table, _accuracy(table, ranks, high_rank))


def _accuracy(table: pd.DataFrame, ranks: pd.Series | None, high_rank: float) -> pd.DataFrame:
    if ranks is None:
        return pd.DataFrame(columns=ACCURACY)
    logit = prior_targets(ranks)[0].set_index("gene_id")[TASK]
    rows = []
    for part in PARTS:
        own = table[(table["split"] == part) & table["de_prior_rank"].notna()]
        is_high = own["de_prior_rank"].to_numpy() > high_rank
        if is_high.all() or not is_high.any():
            raise ValueError(
                f"{int(is_high.sum())} of {len(own)} {part} genes have a DE prior rank above {high_rank:g}; some, not "
                "all, are wanted. Choose another high rank"
            )
        actual = logit.loc[own["gene_id"]].to_numpy(np.float64)
        rows.append({"part": part, "predictor": MODEL, **judge(actual, is_high, own["predicted"].to_numpy())})
    return pd.DataFrame(rows, columns=ACCURACY)
