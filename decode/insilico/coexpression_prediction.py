"""Co-expression prediction: are genes that go together over persons predicted to, and with the right sign?"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.checks import check_choice, check_columns, check_count, counted, listed
from decode.core.choices import Part
from decode.core.shown import shown
from decode.evaluation.predict import predict
from decode.expression.targets import MEDIAN_LEVEL
from decode.models.bundle import ModelBundle
from decode.statistics.metrics import auroc_delong, cross_spearman
from decode.statistics.strata import quantile_strata

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures

logger = logging.getLogger(__name__)

Float = NDArray[np.float64]
Int = NDArray[np.int64]
WITHIN, BETWEEN = 0.7, 0.5  # |rho| of pairs that count, within a tissue and between two (Tasaki et al. 2020)
SUCCESS = 0.3  # |rho| predicted, with the right sign
LEAST_TASKS = 5
MAX_PAIRS = 20_000  # pairs of each sign that are kept
N_STRATA = (5, 5)  # of level and of variance
POSITIVE, NEGATIVE, NULL = "positive", "negative", "null"


@shown()
class CoexpressionPrediction(NamedTuple):
    """Predicted correlations of pairs of genes that go together.

    Attributes
    ----------
    pairs : pd.DataFrame
        gene_id, partner_id, group (positive, negative, null), actual, predicted, is_success, and one column
        success_NAME a further model.
    classes : pd.DataFrame
        Without further models empty. Which of them succeed ("rna+promoter", "none", ...), n_pairs, share, and how often
        the full model succeeds there.
    numbers : dict
        auroc of the sign with its interval (NaN where all pairs have one sign), success and median by group, auroc of
        each sign against null pairs.
    counts : dict
    """

    pairs: pd.DataFrame
    classes: pd.DataFrame
    numbers: dict[str, Any]
    counts: dict[str, int]


class TissueModel(NamedTuple):
    """A person model and what was measured in its tissue.

    Attributes
    ----------
    bundle : ModelBundle
    targets : pd.DataFrame
        gene_id and one column a person; `median_level`, where it is there, is what pairs are matched on.
    """

    bundle: ModelBundle
    targets: pd.DataFrame


def predict_coexpression(
    tissue: TissueModel,
    features: RegulatoryFeatures,
    *,
    other: TissueModel | None = None,
    further: Mapping[str, ModelBundle] | None = None,
    part: Part = "test",
    threshold: float | None = None,
    n_resamples: int = 200,
    seed: int = 0,
) -> CoexpressionPrediction:
    """Compare predicted with actual Spearman correlations over persons, for pairs of genes the model never saw.

    Parameters
    ----------
    tissue : TissueModel
    features : RegulatoryFeatures
    other : TissueModel, optional
        A second tissue: one gene of a pair is taken there, over the persons (task names) that both have.
    further : mapping of name to ModelBundle, optional
        Models of the first tissue with other features, such as rna and promoter.
    part : {"test", "validation", "train", "all"}
        Genes, by the first model's split; those that another model has in another part are left out and counted.
    threshold : float, optional
        Least |rho| of actual pairs; default 0.7, between tissues 0.5.
    n_resamples : int, default 200
        Bootstrap of genes for the interval of the AUROC.
    seed : int, default 0

    Returns
    -------
    CoexpressionPrediction

    Raises
    ------
    ValueError
        If fewer than five persons or three genes are left, or no pair passes the threshold.

    Notes
    -----
    Pairs share genes, so intervals come from resampled genes, not pairs. All persons are outputs of one last layer,
    so predicted correlations are large for any pair: null pairs, with genes of like level and variance but no actual
    correlation asked for, show how large. The AUROC is of the sign, among pairs above the threshold.

    References
    ----------
    Tasaki et al. 2020: |rho| > 0.7 within and > 0.5 between tissues; success |rho| > 0.3 with the right sign.
    """
    check_choice("part", part, ("test", "validation", "train", "all"))
    check_count("n_resamples", n_resamples, zero=True)
    limit = (WITHIN if other is None else BETWEEN) if threshold is None else threshold
    if not 0 <= limit < 1:
        raise ValueError(f"threshold is {limit}; a number from 0 to below 1 is wanted")
    genes, persons, n_seen = _shared(tissue, features, other, list((further or {}).values()), part)
    second = tissue if other is None else other
    measured = [_values(t.targets, genes, persons) for t in (tissue, second)]
    actual = cross_spearman(measured[1].T, measured[0].T)
    left = _predicted(tissue.bundle, features, genes, persons)
    right = left if other is None else _predicted(second.bundle, features, genes, persons)
    predicted = cross_spearman(right.T, left.T)
    is_pair = ~np.eye(len(genes), dtype=bool) if other is not None else np.triu(np.ones_like(actual, dtype=bool), 1)
    is_pair &= np.isfinite(actual) & np.isfinite(predicted)
    rng = np.random.default_rng(seed)
    rows, group, counts = _chosen(actual, is_pair, limit, rng)
    matched = _null_pairs(rows, [_strata(t.targets, genes, v) for t, v in zip((tissue, second), measured, strict=True)],
                          is_pair | is_pair.T if other is None else is_pair, rng)  # fmt: skip
    rows, group = np.concatenate([rows, matched]), np.append(group, [NULL] * len(matched))
    pairs = _table(genes, rows, group, actual, predicted)
    for name, bundle in (further or {}).items():
        profile = _predicted(bundle, features, genes, persons)
        pairs[f"success_{name}"] = _success(cross_spearman(profile.T, profile.T)[tuple(rows.T)], pairs["actual"])
    counts |= {"genes": len(genes), "genes_of_another_part": n_seen, "persons": len(persons)}
    counts["null_pairs"] = len(matched)
    numbers = {"threshold": limit, "part": part, "matched_on": _matched_on(tissue.targets)}
    numbers |= _numbers(pairs, rows, len(genes), n_resamples, rng)
    logger.info("co-expression prediction: %s", counted(counts))
    return CoexpressionPrediction(pairs, _classes(pairs, list(further or {})), numbers, counts)


def _shared(
    tissue: TissueModel,
    features: RegulatoryFeatures,
    other: TissueModel | None,
    further: list[ModelBundle],
    part: Part,
) -> tuple[list[str], list[str], int]:
    """Genes of the part that all sides have, persons, and how many genes are of another part in another model."""
    tables = [t.targets for t in (tissue, other) if t is not None]
    bundles = [t.bundle for t in (tissue, other) if t is not None]
    for table in tables:
        check_columns("targets", table, ["gene_id"])
    split = tissue.bundle.split_map
    wanted = [gene for gene in features.ids.tolist() if part == "all" or split.get(gene) == part]
    for table in tables:
        known = set(table["gene_id"].astype(str))
        wanted = [gene for gene in wanted if gene in known]
    splits = [b.split_map for b in (*bundles[1:], *further) if part != "all"]
    in_part = [gene for gene in wanted if all(split.get(gene, part) == part for split in splits)]
    n_seen, wanted = len(wanted) - len(in_part), in_part
    main = [t for t, is_main in zip(tissue.bundle.tasks, tissue.bundle.is_main_task, strict=True) if is_main]
    persons = [t for t in main if all(t in table for table in tables) and all(t in b.tasks for b in bundles)]
    if len(persons) < LEAST_TASKS or len(wanted) < 3:
        raise ValueError(
            f"{len(persons)} persons and {len(wanted)} {part} genes are in all models, targets and features together; "
            f"{LEAST_TASKS} persons and 3 genes or more are wanted (the model's tasks are {listed(main, 3)})"
        )
    return wanted, persons, n_seen


def _values(targets: pd.DataFrame, genes: list[str], persons: list[str]) -> Float:
    table = targets.set_index(targets["gene_id"].astype(str))
    return table.loc[genes, persons].to_numpy(dtype=np.float64)


def _predicted(bundle: ModelBundle, features: RegulatoryFeatures, genes: list[str], persons: list[str]) -> Float:
    table = predict(bundle, features.select(genes=genes))
    return table[persons].to_numpy(dtype=np.float64)


def _chosen(
    actual: Float, is_pair: NDArray[np.bool_], limit: float, rng: np.random.Generator
) -> tuple[Int, NDArray[np.object_], dict[str, int]]:
    """Pairs above the threshold, at most 20,000 of each sign."""
    found, names, counts = [], [], {}
    for name, is_strong in ((POSITIVE, actual > limit), (NEGATIVE, actual < -limit)):
        rows = np.argwhere(is_pair & is_strong)
        counts[f"{name}_pairs"] = len(rows)
        if len(rows) > MAX_PAIRS:
            rows = rows[np.sort(rng.choice(len(rows), MAX_PAIRS, replace=False))]
        found.append(rows)
        names += [name] * len(rows)
    if not any(len(rows) for rows in found):
        lowest, highest = (float(f(actual[is_pair])) if is_pair.any() else np.nan for f in (np.min, np.max))
        raise ValueError(
            f"no pair of the {len(actual)} genes has rho above {limit:g} or below -{limit:g}: actual "
            f"correlations lie between {lowest:.2f} and {highest:.2f}: lower the threshold (--threshold)"
        )
    return np.concatenate(found), np.array(names, dtype=object), counts


def _matched_on(targets: pd.DataFrame) -> str:
    return "level and variance" if MEDIAN_LEVEL in targets else "variance"


def _strata(targets: pd.DataFrame, genes: list[str], values: Float) -> Int:
    """Genes of like level (where it is known) and variance over persons."""
    columns, numbers = [np.nanvar(values, axis=1)], [N_STRATA[1]]
    if MEDIAN_LEVEL in targets:
        level = targets.set_index(targets["gene_id"].astype(str)).loc[genes, MEDIAN_LEVEL].to_numpy(np.float64)
        columns, numbers = [np.nan_to_num(level), *columns], list(N_STRATA)
    return quantile_strata(columns, numbers)


def _null_pairs(rows: Int, strata: list[Int], is_pair: NDArray[np.bool_], rng: np.random.Generator) -> Int:
    """For each pair two other genes from its genes' strata; those that are no pair are left out."""
    drawn = np.empty_like(rows)
    for side, stratum in enumerate(strata):
        order = np.argsort(stratum, kind="stable")
        start = np.searchsorted(stratum[order], np.arange(stratum.max() + 1))
        size = np.bincount(stratum)
        own = stratum[rows[:, side]]
        drawn[:, side] = order[start[own] + rng.integers(0, size[own])]
    values: Int = drawn[is_pair[tuple(drawn.T)]]
    return values


def _success(predicted: Float, actual: pd.Series) -> NDArray[np.bool_]:
    return np.asarray((np.abs(predicted) > SUCCESS) & (np.sign(predicted) == np.sign(actual)))


def _table(genes: list[str], rows: Int, group: NDArray[np.object_], actual: Float, predicted: Float) -> pd.DataFrame:
    ids, index = np.array(genes, dtype=object), tuple(rows.T)
    table = pd.DataFrame(
        {
            "gene_id": ids[rows[:, 0]],
            "partner_id": ids[rows[:, 1]],
            "group": group,
            "actual": actual[index],
            "predicted": predicted[index],
        }
    )
    table["is_success"] = _success(predicted[index], table["actual"])
    return table


def _numbers(
    pairs: pd.DataFrame, rows: Int, n_genes: int, n_resamples: int, rng: np.random.Generator
) -> dict[str, Any]:
    by_group = {name: pairs.loc[pairs["group"] == name, "predicted"].to_numpy() for name in (POSITIVE, NEGATIVE, NULL)}
    strong = (pairs["group"] != NULL).to_numpy()
    is_positive = (pairs["group"] == POSITIVE).to_numpy()[strong]
    score = pairs["predicted"].to_numpy()[strong]
    low, high = _interval(is_positive, score, rows[strong], n_genes, n_resamples, rng)
    return {
        "auroc_sign": auroc_delong(is_positive, score).auc,
        "auroc_sign_low": low,
        "auroc_sign_high": high,
        "auroc_positive_against_null": _against(by_group[POSITIVE], by_group[NULL]),
        "auroc_negative_against_null": _against(-by_group[NEGATIVE], -by_group[NULL]),
        **{f"median_predicted_{name}": float(np.median(v)) if len(v) else None for name, v in by_group.items()},
        **{f"success_{name}": float(pairs.loc[pairs["group"] == name, "is_success"].mean()) for name in by_group},
        "null_above_success_limit": float((np.abs(by_group[NULL]) > SUCCESS).mean()) if len(by_group[NULL]) else None,
    }


def _against(scores: Float, null: Float) -> float:
    return auroc_delong(np.repeat([1, 0], [len(scores), len(null)]), np.concatenate([scores, null])).auc


def _interval(
    is_positive: NDArray[np.bool_], score: Float, rows: Int, n_genes: int, n_resamples: int, rng: np.random.Generator
) -> tuple[float, float]:
    """95 % interval of the AUROC over resampled genes: a pair counts as often as both its genes were drawn."""
    if not n_resamples:
        return float("nan"), float("nan")
    order = np.argsort(score, kind="stable")
    positive, genes = is_positive[order], rows[order]
    found = []
    for _ in range(n_resamples):
        drawn = np.bincount(rng.integers(0, n_genes, n_genes), minlength=n_genes)
        weight = (drawn[genes[:, 0]] * drawn[genes[:, 1]]).astype(np.float64)
        below = np.cumsum(np.where(positive, 0.0, weight))
        total = (weight[positive].sum(), weight[~positive].sum())
        if min(total) > 0:
            found.append(float((weight * below)[positive].sum() / (total[0] * total[1])))
    low, high = np.quantile(found, (0.025, 0.975)) if found else (np.nan, np.nan)
    return float(low), float(high)


def _classes(pairs: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Pairs by which of the further models succeed."""
    columns = ["succeeds", "n_pairs", "share", "full_success"]
    if not names:
        return pd.DataFrame(columns=columns)
    strong = pairs[pairs["group"] != NULL]
    success = strong[[f"success_{name}" for name in names]].to_numpy(dtype=bool)
    label = np.array(
        ["+".join(n for n, s in zip(names, row, strict=True) if s) or "none" for row in success], dtype=object
    )
    table = strong.groupby(label)["is_success"].agg(["size", "mean"]).reset_index()
    table.columns = ["succeeds", "n_pairs", "full_success"]
    table["share"] = table["n_pairs"] / len(strong)
    return table[columns].sort_values("n_pairs", ascending=False).reset_index(drop=True)
