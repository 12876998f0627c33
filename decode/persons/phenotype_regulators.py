"""Which regulators' activities change with a phenotype, one at a time and together, tested by permuting whole samples.

Activities of different regulators in one model are mixtures of few patterns, so they go up and down together. A list of
regulators that each pass a test may be one factor (cell content, RNA quality) seen many times. Four answers are given:
each regulator alone, with a family-wise and a pooled permutation p-value; each beside the leading components of all
activities; each given all others (ridge); and all of them at once.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.checks import check_count, listed
from decode.core.shown import shown
from decode.expression.samples import complete_samples, design_matrix
from decode.persons.differential import FDR, INTERCEPT, matched_samples
from decode.statistics.freedman_lane import TermFit, fit_term, freedman_lane, permutations
from decode.statistics.moderated_t import fit_linear_models, moderated_t
from decode.statistics.multiple_testing import false_discovery_rate
from decode.statistics.shrinkage import squeeze_variance

logger = logging.getLogger(__name__)

N_PERMUTATIONS = 1000
N_COMPONENTS = 1
JOINT_COMPONENTS = (1, 2, 5, 10)
RIDGE_SHARE = 0.2  # effective degrees of freedom of the ridge, as a share of the samples
LEAST_SAMPLES = 10
Float = NDArray[np.float64]


@shown()
class PhenotypeRegulators(NamedTuple):
    """Regulators whose activity changes with a phenotype.

    Attributes
    ----------
    table : pd.DataFrame
        One row a term and regulator, see `phenotype_regulators`.
    joint : pd.DataFrame
        term, n_components, r_squared, p_value: do the leading components of all activities go with the term?
    summary : pd.DataFrame
        One row a term: numbers of regulators found by each test, effective number of tests, share of the change by
        region.
    counts : dict
        n_samples, n_regulators, n_constant (left out), n_permutations, n_components.
    """

    table: pd.DataFrame
    joint: pd.DataFrame
    summary: pd.DataFrame
    counts: dict[str, Any]


class Tested(NamedTuple):
    """One test of all regulators: statistic, p of each alone, of the family (max), and pooled over regulators."""

    statistic: Float
    p_value: Float
    p_family: Float
    p_pooled: Float
    least_p: Float  # of every permutation


def phenotype_regulators(
    activity: pd.DataFrame,
    samples: pd.DataFrame,
    design: str,
    *,
    by_region: Mapping[str, pd.DataFrame] | None = None,
    within: str | None = None,
    n_components: int = N_COMPONENTS,
    n_permutations: int = N_PERMUTATIONS,
    seed: int = 0,
    complete_only: bool = False,
) -> PhenotypeRegulators:
    """Test every regulator's activity for a change with each term of a design.

    Parameters
    ----------
    activity : pd.DataFrame, shape (n_samples, n_regulators)
        Columns "kind:regulator", see `decode.persons.activity.regulator_activity`.
    samples : pd.DataFrame
        Index: sample names.
    design : str
        As in R.
    by_region : mapping of str to pd.DataFrame, optional
        Activities of each region (they add up to `activity`): gives the change by region.
    within : str, optional
        Variable of the samples: permute within its levels only (the cohort, the study).
    n_components : int, default 1
        Leading components of all activities (beside the other terms) to regress out in the second test.
    n_permutations : int, default 1,000
    seed : int
    complete_only : bool, default False
        Leave out samples without a row or a variable, instead of refusing them.

    Returns
    -------
    PhenotypeRegulators
        Columns of `table`: term, kind, regulator, effect (log2 units per unit of a numeric variable, or against the
        first level), then for each regulator alone t, p_value and fdr (moderated t; Benjamini-Hochberg), p_family
        (max-|t|, family-wise), p_pooled and fdr_pooled (permutations of all regulators pooled); the same with
        `_adjusted` beside the leading components; for each given all others z_conditional, p_conditional,
        fdr_conditional, p_family_conditional; effect_REGION.

    Raises
    ------
    ValueError
        If fewer than 10 samples or no varying regulator are left, values are undefined, or as `design_matrix`.

    Notes
    -----
    Permutations move the residuals of whole samples (Freedman-Lane), so regulators stay as correlated as they are;
    variances are moderated anew in each. "Conditional": ridge regression of the term (beside the other terms) on all
    standardised activities, with a fifth as many effective degrees of freedom as samples; z is the coefficient over its
    SD under permutation. Where regulators go together ridge shares an effect between them, so a conditional test has
    little power: it asks which of them the effect cannot do without. "Joint": share of the term that the leading
    components explain. Components are taken from the activities beside the other terms but not beside the term, so
    that a phenotype which moves everything is removed with them: the adjusted test asks whether a regulator changes
    more than the whole does. The permuted p-values of the adjusted test are approximate, as the components come from
    the same activities.

    References
    ----------
    Freedman & Lane 1983, J Bus Econ Stat 1:292. Westfall & Young 1993, Resampling-Based Multiple Testing (max-t).
    Galwey 2009, Genet Epidemiol 33:559 (effective number of tests). Tasaki et al. 2020: limma on DeepLIFT.
    """
    check_count("n_permutations", n_permutations)
    check_count("n_components", n_components, zero=True)
    values, known = matched_samples(activity.T, samples, complete_only=complete_only)
    if complete_only:
        known = complete_samples(known, design)
        values = values[known.index]
    if len(known) < LEAST_SAMPLES:
        raise ValueError(f"{len(known)} samples have activities and a phenotype; {LEAST_SAMPLES} or more are wanted")
    model = design_matrix(known, design)
    numbers, names, n_constant = _varying(values)
    orders = permutations(len(known), n_permutations, seed=seed, blocks=_blocks(known, within))
    regions = _regions(by_region or {}, values.loc[names])
    x = model.matrix.to_numpy()
    tables, joints, summaries = [], [], []
    for column, term in enumerate(model.matrix.columns):
        if term == INTERCEPT:
            continue
        table, joint, summary = _test_term(numbers, x, column, orders, n_components)
        kinds = [name.partition(":") for name in names]
        table.insert(0, "regulator", [part[2] or part[0] for part in kinds])
        table.insert(0, "kind", [part[0] if part[2] else "" for part in kinds])
        table.insert(0, "term", str(term))
        for name, frame in regions.items():
            effect = fit_linear_models(frame.to_numpy(dtype=np.float64), x).coefficients[:, column]
            table[f"effect_{name}"] = effect
        summaries.append({"term": str(term), **summary, **_shares(table, list(regions))})
        tables.append(table)
        joints.append(joint.assign(term=str(term)))
    counts = {
        "n_samples": len(known), "n_regulators": len(names), "n_constant": n_constant, "within": within,
        "n_permutations": n_permutations, "n_components": n_components,
    }  # fmt: skip
    joint_table = pd.concat(joints, ignore_index=True)[["term", "n_components", "r_squared", "p_value"]]
    return PhenotypeRegulators(pd.concat(tables, ignore_index=True), joint_table, pd.DataFrame(summaries), counts)


def _varying(values: pd.DataFrame) -> tuple[Float, list[str], int]:
    """Activities as samples x regulators; regulators that are the same everywhere are left out."""
    numbers = values.to_numpy(dtype=np.float64)
    if not np.isfinite(numbers).all():
        bad = values.index[~np.isfinite(numbers).all(axis=1)]
        raise ValueError(f"activities of {len(bad)} regulators are undefined: {listed(bad)}; leave them out")
    varies = np.ptp(numbers, axis=1) > 1e-12 * np.abs(numbers).max(axis=1, initial=0.0)
    if not varies.any():
        raise ValueError("every regulator has the same activity in all samples; there is nothing to test")
    if not varies.all():
        logger.warning("%d regulators have the same activity in all samples and are left out", int((~varies).sum()))
    return numbers[varies].T, [str(name) for name in values.index[varies]], int((~varies).sum())


def _regions(by_region: Mapping[str, pd.DataFrame], values: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The part of each region of the same regulators and samples; they must add up."""
    if not by_region:
        return {}
    own = values.set_axis([str(name) for name in values.index], axis=0)
    named = {name: frame.set_axis(frame.index.astype(str), axis=0).T for name, frame in by_region.items()}
    parts = {
        name: frame.reindex(columns=own.columns).reindex(own.index, fill_value=0.0) for name, frame in named.items()
    }
    missed = np.abs(sum(part.to_numpy() for part in parts.values()) - own.to_numpy()).max()
    if not missed <= 1e-6 * max(np.abs(own.to_numpy()).max(), 1e-6):
        raise ValueError("activities by region do not add up to the activities; give those of the same run and samples")
    return parts


def _blocks(samples: pd.DataFrame, within: str | None) -> Sequence[str] | None:
    if within is None:
        return None
    if within not in samples.columns:
        raise ValueError(f"within is {within!r}, no variable of the samples ({listed(samples.columns)})")
    if samples[within].isna().any():
        raise ValueError(f"variable {within} is missing in {int(samples[within].isna().sum())} samples; complete it")
    return [str(value) for value in samples[within]]


def _test_term(
    values: Float, design: Float, column: int, orders: NDArray[np.int64], n_components: int
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    fit = fit_linear_models(values.T, design)
    term = fit_term(values, design, column)
    alone = _by_permutation(values, design, column, orders)
    table = pd.DataFrame({"effect": fit.coefficients[:, column], **_columns(alone, "t", "")})
    scaled = term.residual / np.maximum(term.residual.std(axis=0), np.finfo(float).tiny)
    scores, size, _ = np.linalg.svd(scaled, full_matrices=False)
    n_free = design.shape[0] - design.shape[1] - n_components
    hits = {"n_fdr": int((table["fdr"] < FDR).sum()), "n_family": int((alone.p_family < FDR).sum())}
    hits["n_fdr_pooled"] = int((table["fdr_pooled"] < FDR).sum())
    if n_components and n_free > 0:
        wider = np.column_stack([design, scores[:, :n_components]])
        adjusted = _by_permutation(values, wider, column, orders)
        table = table.assign(**_columns(adjusted, "t", "_adjusted"))
        hits["n_fdr_adjusted"] = int((table["fdr_adjusted"] < FDR).sum())
        hits["n_family_adjusted"] = int((adjusted.p_family < FDR).sum())
    ridge = _conditional(scaled, term.own, orders)
    ridge_columns = _columns(ridge, "z", "_conditional")
    table = table.assign(**{name: found for name, found in ridge_columns.items() if "pooled" not in name})
    hits["n_fdr_conditional"] = int((table["fdr_conditional"] < FDR).sum())
    hits["n_family_conditional"] = int((ridge.p_family < FDR).sum())
    joint = _joint(scores, size, term, orders)
    eigenvalues = size**2
    threshold = float(np.quantile(alone.least_p, FDR))
    effective = {
        "n_tests_effective": float(size.sum() ** 2 / eigenvalues.sum()),
        "n_tests_by_permutation": float(np.log1p(-FDR) / np.log1p(-threshold)),
        "variance_of_first_component": float(eigenvalues[0] / eigenvalues.sum()),
    }
    return table, joint, {**hits, **effective}


def _columns(tested: Tested, name: str, suffix: str) -> dict[str, Float]:
    label = f"_{suffix.removeprefix('_')}" if suffix else ""
    p_name = f"p{label}" if label else "p_value"
    return {
        f"{name}{label}": tested.statistic,
        p_name: tested.p_value,
        f"fdr{label}": false_discovery_rate(tested.p_value),
        f"p_family{label}": tested.p_family,
        f"p_pooled{label}": tested.p_pooled,
        f"fdr_pooled{label}": false_discovery_rate(tested.p_pooled),
    }


def _by_permutation(values: Float, design: Float, column: int, orders: NDArray[np.int64]) -> Tested:
    """Moderated t of one term and what permuted samples make of it."""
    found = moderated_t(fit_linear_models(values.T, design))
    term = fit_term(values, design, column)
    null = []
    for drawn in freedman_lane(term, orders):
        variance = squeeze_variance(drawn.variance.T, term.df).variance.T
        null.append(np.abs(drawn.coefficients) / (np.sqrt(variance) * term.unscaled_sd))
    t, by_order = found.t[:, column], np.concatenate(null)
    p_value = found.p_value[:, column]
    largest = by_order.max(axis=1)
    # p that the largest |t| of each permutation would have, by the rank of all permuted |t|
    return Tested(t, p_value, _upper(np.abs(t), largest), _upper(np.abs(t), by_order.ravel()),
                  _upper(largest, by_order.ravel()))  # fmt: skip


def _upper(observed: Float, null: Float) -> Float:
    """(1 + number of null values at least as large) / (1 + number of null values)."""
    ordered = np.sort(null)
    reached = len(ordered) - np.searchsorted(ordered, observed - 1e-12, side="left")
    return np.asarray((1 + reached) / (1 + len(ordered)))


def _conditional(scaled: Float, own: Float, orders: NDArray[np.int64]) -> Tested:
    """Ridge of the term on all activities; only the order of the samples changes, so the way back is one matrix."""
    u, size, vt = np.linalg.svd(scaled, full_matrices=False)
    penalty = _penalty(size, RIDGE_SHARE * len(scaled))
    way = vt.T * (size / (size**2 + penalty)) @ u.T  # (regulator, sample)
    observed = way @ own
    # x' P e: the samples of the activities move, those of the term stay
    moved = own[np.argsort(orders, axis=1)]
    null = moved @ way.T
    sd = np.maximum(null.std(axis=0), np.finfo(float).tiny)
    z, by_order = observed / sd, np.abs(null / sd)
    pooled, largest = _upper(np.abs(z), by_order.ravel()), by_order.max(axis=1)
    return Tested(z, pooled, _upper(np.abs(z), largest), pooled, _upper(largest, by_order.ravel()))


def _penalty(size: Float, wanted: float) -> float:
    """Ridge penalty with a given effective number of degrees of freedom, by bisection of its logarithm."""
    square = size[size > 1e-9 * size[0]] ** 2
    low, high = np.log(square.min()) - 20.0, np.log(square.max()) + 20.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if (square / (square + np.exp(middle))).sum() > wanted else (low, middle)
    return float(np.exp((low + high) / 2))


def _joint(scores: Float, size: Float, term: TermFit, orders: NDArray[np.int64]) -> pd.DataFrame:
    """Share of the term that the leading components explain, and how often permuted samples reach it."""
    unit = term.own / np.linalg.norm(term.own)
    rank = int((size > 1e-9 * size[0]).sum())
    moved = unit[np.argsort(orders, axis=1)]
    rows = []
    for n in sorted({min(n, rank, max(1, term.df // 2)) for n in JOINT_COMPONENTS}):
        own = float(((scores[:, :n].T @ unit) ** 2).sum())
        null = ((moved @ scores[:, :n]) ** 2).sum(axis=1)
        rows.append([n, own, float(_upper(np.array([own]), null)[0])])
    return pd.DataFrame(rows, columns=["n_components", "r_squared", "p_value"])


def _shares(table: pd.DataFrame, regions: list[str]) -> dict[str, float]:
    """Share of each region in the sum of absolute changes, of all regulators and of those found."""
    shares: dict[str, float] = {}
    for label, rows in (("", slice(None)), ("_found", (table["fdr"] < FDR).to_numpy())):
        sums = {name: float(np.abs(table[f"effect_{name}"].to_numpy()[rows]).sum()) for name in regions}
        whole = sum(sums.values())
        shares |= {f"share_{name}{label}": value / whole if whole else np.nan for name, value in sums.items()}
    return shares
