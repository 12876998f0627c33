"""Predict from binding sites how readily a gene responds to anything: a model of the DE prior."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from decode.core.checks import check_unique, counted, listed
from decode.core.resume import FinishedRuns, finish_runs
from decode.core.shown import shown
from decode.dataset import TEST, Dataset, prepare_dataset
from decode.evaluation.baselines import baseline_predictions, length_design, log_totals, ridge_predictions
from decode.evaluation.predict import predict_members
from decode.evaluation.randomisation import Variant, checked_seeds, randomisation_variants, shuffle_regions
from decode.evaluation.refit import Judged, dataset_hash, refit
from decode.expression.gene_ids import rows_by_gene
from decode.expression.task_kinds import OTHER, with_task_kinds
from decode.expression.tissue import PSEUDOCOUNT
from decode.models.bundle import ModelBundle
from decode.models.config import NetworkConfig, network_config
from decode.statistics.metrics import auroc_delong, spearman_per_task
from decode.training.config import TrainingConfig
from decode.training.ensemble import train_dataset

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures

logger = logging.getLogger(__name__)

TASK = "de_prior"
INFINITE_LOGIT = 10.0  # [D] an infinite logit counts as 10: of the published ranks one gene, XIST, has rank 1
HIGH_RANK = 0.9  # [D] genes above this rank are what the AUROC looks for
EXPRESSED_TPM = 1.0  # ours: a gene is expressed in a tissue above it
MODEL = "model"
PARTS: tuple[Judged, ...] = ("validation", "test")


@shown()
class DePriorResult(NamedTuple):
    """A model of the DE prior, and how far it goes.

    Attributes
    ----------
    bundle : ModelBundle
        One task, `de_prior`, of kind "other": logit of the rank.
    accuracy : pd.DataFrame
        part, predictor ("model", then what needs no network), n_genes, n_high (genes above the high rank), spearman,
        auroc, auroc_low, auroc_high (95 %, DeLong).
    randomisation : pd.DataFrame
        variant, seed and the same figures: single members of the network, with the sites of regions shuffled.
    predictions : pd.DataFrame
        gene_id, gene_name, chrom, split, de_prior_rank, de_prior (logit), predicted.
    counts : dict
        Of the ranks and of the dataset.
    """

    bundle: ModelBundle
    accuracy: pd.DataFrame
    randomisation: pd.DataFrame
    predictions: pd.DataFrame
    counts: dict[str, Any]


def prior_targets(ranks: pd.Series) -> tuple[pd.DataFrame, dict[str, int]]:
    """Logits of the ranks as a targets table of one task.

    Parameters
    ----------
    ranks : pd.Series, shape (n_genes,)
        DE prior rank, 0 to 1, by gene id (`decode.drivers.prior.read_de_prior`).

    Returns
    -------
    targets : pd.DataFrame
        gene_id, de_prior: log(rank / (1 - rank)), natural logarithm; a rank of 1 has 10 and a rank of 0 has -10.
    counts : dict
        genes, infinite (ranks of exactly 0 or 1).

    Raises
    ------
    ValueError
        If a gene repeats, a rank is undefined or outside 0 to 1, or all are equal.

    References
    ----------
    Tasaki et al. 2020, Methods: logit-transformed rank, infinite value set to 10. Crow et al. 2019, PNAS 116:6491.

    Examples
    --------
    >>> table, counts = prior_targets(pd.Series({"XIST": 1.0, "A": 0.5, "B": 0.9}))
    >>> table["de_prior"].round(3).tolist(), counts["infinite"]
    ([10.0, 0.0, 2.197], 1)
    """
    check_unique("genes of the DE prior", ranks.index)
    values = ranks.to_numpy(dtype=np.float64)
    outside = ~((values >= 0) & (values <= 1))  # also where undefined
    if outside.any():
        raise ValueError(
            f"DE prior ranks of {int(outside.sum())} genes are not between 0 and 1: "
            f"{listed(f'{gene} {rank:g}' for gene, rank in ranks[outside].items())}; give ranks divided by their number"
        )
    if len(values) == 0 or np.ptp(values) == 0:
        raise ValueError(f"DE prior has {len(values)} genes, all of one rank; there is nothing to predict")
    with np.errstate(divide="ignore"):
        logit = np.log(values) - np.log1p(-values)
    infinite = ~np.isfinite(logit)
    table = pd.DataFrame({"gene_id": ranks.index.astype(str), TASK: np.where(infinite, 0.0, logit)})
    table.loc[infinite, TASK] = np.sign(logit[infinite]) * INFINITE_LOGIT
    counts = {"genes": len(values), "infinite": int(infinite.sum())}
    return with_task_kinds(table, OTHER), counts


def fit_de_prior(
    features: RegulatoryFeatures,
    ranks: pd.Series,
    *,
    network: NetworkConfig | Literal["default", "paper"] = "default",
    training: TrainingConfig | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    expression: pd.DataFrame | None = None,
    high_rank: float = HIGH_RANK,
    test_chromosome: str | Collection[str] = "chr1",
    biosamples: Collection[str] | None = None,
    groups: Mapping[str, str] | None = None,
    folder: str | Path | None = None,
    executor: Any = "serial",
    on_run: Callable[[str, bool], None] | None = None,
) -> DePriorResult:
    """Train a network on the DE prior, judge it beside plain predictors, and retrain it on shuffled sites.

    The split is the published one: a chromosome is held out, the other genes are parted 90/10 at random.

    Parameters
    ----------
    features : RegulatoryFeatures
        Of genes.
    ranks : pd.Series
        DE prior rank, 0 to 1, by gene id (`decode.drivers.prior.read_de_prior`).
    network : NetworkConfig or {"default", "paper"}
    training : TrainingConfig, optional
        Of the model; default: 5 members averaged. Its seed fixes the split too.
    seeds : sequence of int
        Single members with shuffled sites: one of every variant for each seed.
    expression : pd.DataFrame, shape (n_genes, n_tissues), optional
        TPM, linear: adds predictors that see no site, only the level of the gene and in how many tissues it is on.
    high_rank : float
        What the AUROC looks for: genes above this rank.
    test_chromosome, biosamples, groups
        As in `decode.train`.
    folder : path, optional
        Keeps what is finished; the same call goes on after a kill.
    executor : str, distributed.Client or Executor
        Where members and variants are fitted.
    on_run : callable, optional
        Called after each variant with its name and whether it was finished before.

    Returns
    -------
    DePriorResult

    Raises
    ------
    ValueError
        If features are of transcripts, ranks are no ranks, too few genes are left (see `decode.prepare_dataset`), no
        or every gene lies above the high rank, or `folder` holds runs of other data or options.

    References
    ----------
    Tasaki et al. 2020, Nature Machine Intelligence 2:376: 13,433 / 1,504 / 1,674 genes, Spearman 0.53, AUROC 0.81.
    """
    network = network if isinstance(network, NetworkConfig) else network_config(network)
    training = training or TrainingConfig()
    seeds = checked_seeds(seeds)
    if features.level != "gene":
        raise ValueError(f"the DE prior ranks genes and the features are of {features.level}s; build them of genes")
    targets, prior_counts = prior_targets(ranks)
    dataset = prepare_dataset(
        features, targets, test_chromosome=test_chromosome, seed=training.seed, biosamples=biosamples, groups=groups,
        task_kinds=OTHER,
    )  # fmt: skip
    rank = ranks.loc[list(dataset.features.ids)].to_numpy(dtype=np.float64)
    _check_classes(rank, dataset, high_rank)
    sightless, expression_counts = _expression_design(expression, dataset)
    records = finish_runs(
        {f"{plan.name}_seed_{plan.seed}": plan for plan in _variants(dataset, seeds)},
        partial(_run_variant, dataset=dataset, is_high=rank > high_rank, network=network, training=training),
        FinishedRuns(folder),
        f"{dataset_hash(dataset)} {network.to_json()} {training.to_json() | {'seed': None}} {high_rank}",
        executor=executor,
        on_run=on_run,
    )
    bundle = train_dataset(dataset, network, training, checkpoint_folder=folder, executor=executor)
    predicted = predict_members(bundle, dataset.features).mean(axis=0, dtype=np.float64)[:, 0]
    by_name = {MODEL: predicted, **_plain_predictions(dataset, sightless)}
    table = pd.DataFrame([{"variant": name.rpartition("_seed_")[0], **record} for name, record in records.items()])
    table.insert(1, "seed", [plan.seed for plan in _variants(dataset, seeds)])
    genes = dataset.features.genes
    return DePriorResult(
        bundle=bundle,
        accuracy=_accuracy(by_name, dataset, rank > high_rank),
        randomisation=table.astype({"spearman": np.float64}),
        predictions=genes[["gene_id", "gene_name", "chrom"]].reset_index(drop=True).assign(
            split=dataset.split, de_prior_rank=rank, de_prior=dataset.targets[:, 0], predicted=predicted
        ),
        counts={"de_prior": prior_counts, **dataset.counts, **expression_counts},
    )  # fmt: skip


def judge(logit: np.ndarray, is_high: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Figures of merit of one prediction.

    Parameters
    ----------
    logit : np.ndarray, shape (n_genes,)
    is_high : np.ndarray of bool, shape (n_genes,)
        Genes above the high rank.
    predicted : np.ndarray, shape (n_genes,)
        In any unit.

    Returns
    -------
    dict
        n_genes, n_high, spearman, auroc, auroc_low, auroc_high.

    Examples
    --------
    >>> found = judge(np.arange(4.0), np.array([False, False, True, True]), np.array([0.1, 0.4, 0.35, 0.8]))
    >>> found["auroc"], round(found["spearman"], 2)
    (0.75, 0.8)
    """
    area = auroc_delong(is_high, predicted)
    return {
        "n_genes": len(logit),
        "n_high": int(is_high.sum()),
        "spearman": float(spearman_per_task(logit, predicted)[0]),
        "auroc": area.auc,
        "auroc_low": area.low,
        "auroc_high": area.high,
    }


def _check_classes(rank: np.ndarray, dataset: Dataset, high_rank: float) -> None:
    for part in PARTS:
        rows = dataset.rows(part)
        n_high = int((rank[rows] > high_rank).sum())
        if n_high in (0, len(rows)):
            raise ValueError(
                f"{n_high} of {len(rows)} {part} genes have a DE prior rank above {high_rank:g}; some, not all, are "
                "wanted. Choose another high rank"
            )


def _variants(dataset: Dataset, seeds: Sequence[int]) -> list[Variant]:
    return randomisation_variants(list(dataset.features.regions), seeds, within_length=False)


def _run_variant(
    variant: Variant, *, dataset: Dataset, is_high: np.ndarray, network: NetworkConfig, training: TrainingConfig
) -> dict[str, float]:
    shuffled = shuffle_regions(dataset, variant.regions, seed=variant.seed)
    fitted = refit(shuffled, network, replace(training, members=1, keep="mean", seed=variant.seed))
    rows = dataset.rows(TEST)
    return judge(dataset.targets[rows, 0].astype(np.float64), is_high[rows], fitted.predicted[:, 0])


def _accuracy(by_name: Mapping[str, np.ndarray], dataset: Dataset, is_high: np.ndarray) -> pd.DataFrame:
    rows = []
    for part in PARTS:
        judged = dataset.rows(part)
        logit = dataset.targets[judged, 0].astype(np.float64)
        rows += [
            {"part": part, "predictor": name, **judge(logit, is_high[judged], values[judged])}
            for name, values in by_name.items()
        ]
    return pd.DataFrame(rows)


def _plain_predictions(dataset: Dataset, expression: np.ndarray | None) -> dict[str, np.ndarray]:
    """What is predicted without a network, for every gene: the usual baselines, the number of sites, expression."""
    found = {name: values[:, 0] for name, values in baseline_predictions(dataset).items()}
    found["site_number"] = ridge_predictions(dataset, _site_numbers(dataset))[:, 0]
    if expression is not None:
        sites = np.concatenate([log_totals(dataset), length_design(dataset), expression], axis=1)
        found["expression"] = ridge_predictions(dataset, expression)[:, 0]
        found["expression_and_totals"] = ridge_predictions(dataset, sites)[:, 0]
    return found


def _site_numbers(dataset: Dataset) -> np.ndarray:
    """Of every region the number of tracks with a site and the log of all bound bases, and their squares."""
    columns = []
    for region in dataset.features.regions:
        totals = dataset.features.totals(region)
        columns += [np.log1p((totals > 0).sum(axis=1)), np.log1p(totals.sum(axis=1, dtype=np.float64))]
    design = np.stack(columns, axis=1).astype(np.float64)
    return np.concatenate([design, design**2], axis=1)


def _expression_design(tpm: pd.DataFrame | None, dataset: Dataset) -> tuple[np.ndarray | None, dict[str, int]]:
    """Mean and highest log2 level over tissues, share of tissues that express the gene, and their squares."""
    if tpm is None:
        return None, {}
    if (tpm.to_numpy(dtype=np.float64) < 0).any():
        raise ValueError("expression has negative values; TPM on the linear scale is wanted")
    genes = dataset.features.genes[["gene_id", "gene_name"]]
    named, _ = rows_by_gene(tpm, genes, name="expression")
    values = named.reindex(genes["gene_id"]).to_numpy(dtype=np.float64, copy=True)
    is_measured = np.isfinite(values).any(axis=1)
    counts = {"genes_without_expression": int((~is_measured).sum())}
    logger.info("DE prior: %s; they count as not expressed", counted(counts))
    values[~is_measured] = 0.0
    logged = np.log2(values + PSEUDOCOUNT)
    breadth = np.nanmean(np.where(np.isfinite(values), values > EXPRESSED_TPM, np.nan), axis=1)
    design = np.stack([np.nanmean(logged, axis=1), np.nanmax(logged, axis=1), breadth], axis=1)
    return np.concatenate([design, design**2], axis=1), counts


def summarise_randomisation(table: pd.DataFrame) -> pd.DataFrame:
    """Mean and standard deviation over seeds of every variant.

    Parameters
    ----------
    table : pd.DataFrame
        variant, seed, spearman, auroc.

    Returns
    -------
    pd.DataFrame
        variant, n_seeds, spearman, spearman_sd, auroc, auroc_sd; SDs (n - 1) are undefined with one seed.
    """
    grouped = table.groupby("variant", sort=False)
    return pd.DataFrame(
        {
            "n_seeds": grouped["seed"].nunique(),
            "spearman": grouped["spearman"].mean(),
            "spearman_sd": grouped["spearman"].std(ddof=1),
            "auroc": grouped["auroc"].mean(),
            "auroc_sd": grouped["auroc"].std(ddof=1),
        }
    ).reset_index()
