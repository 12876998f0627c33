"""From samples of persons to training targets: normalised, without the effects of covariates, against each gene's mean.

Steps (Tasaki et al. 2020, Methods, person-level matrices): expressed genes, log2, quantile normalisation, covariates
out, quantile normalisation again. Each is reported.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.checks import check_positive, listed
from decode.core.shown import shown
from decode.expression.covariates import (
    Covariates,
    Removal,
    covariate_columns,
    estimable_genes,
    remove_effects,
)
from decode.expression.person_reference import PersonReference
from decode.expression.quantiles import quantile_normalise
from decode.expression.samples import LARGEST_LOG2
from decode.expression.targets import MEDIAN_LEVEL, check_targets
from decode.expression.task_kinds import FOLD_CHANGE, LEVEL, with_task_kinds
from decode.expression.tissue import PSEUDOCOUNT, checked_values, targets_frame

logger = logging.getLogger(__name__)

Float = NDArray[np.float64]
MIN_TPM = 1.0  # Tasaki et al. 2020, Methods: above 1 TPM ...
MIN_SHARE = 0.5  # ... in at least half of the samples
LEVELS_WARNING = (
    "levels: their correlation over genes is high for anybody's mean profile and says nothing of a person; leave out "
    "--levels for fold changes against each gene's mean"
)


@shown()
class PersonTargets(NamedTuple):
    """Targets of persons, and what later samples and readers need.

    Attributes
    ----------
    targets : pd.DataFrame
        gene_id (or transcript_id), [median_level,] one column a sample in log2 units; carries the kinds of its tasks.
    reference : PersonReference
    counts : dict of str to int
        n_rows, n_dropped_low, n_dropped_few_measured, n_genes, n_samples, n_tasks, n_missing (cells).
    steps : pd.DataFrame
        One row a step: step, n_genes, n_samples, mean_sd (mean over genes of the SD over samples, in the unit of the
        step), share_alone and share_beside_others (of the genes' variance, for a covariate or hidden factor), note.
    """

    targets: pd.DataFrame
    reference: PersonReference
    counts: dict[str, int]
    steps: pd.DataFrame


def person_targets(
    tpm: pd.DataFrame,
    samples: pd.DataFrame | None = None,
    *,
    covariates: Sequence[str] = (),
    min_tpm: float = MIN_TPM,
    min_share: float = MIN_SHARE,
    pseudocount: float = PSEUDOCOUNT,
    already_log2: bool = False,
    levels: bool = False,
    median_level: bool = False,
    keep: Sequence[str] = (),
    hidden_factors: int = 0,
) -> PersonTargets:
    """Turn a genes x samples table into one fold-change column a sample.

    x = log2(TPM + pseudocount) of the genes above `min_tpm` in at least `min_share` of the samples; quantile normalised
    over the samples; minus the centred effects of the covariates, so that each gene keeps its mean; quantile normalised
    again; target = x minus the gene's mean over the samples.

    The paper's residuals hold no gene mean any more; here they are that, said as what they are: fold changes.

    Missing values: a sample without a value of a gene does not count as one above `min_tpm`; the value stays missing
    and has no rank; the gene's model is fitted on its other samples, and a gene with too few of them is dropped.

    Parameters
    ----------
    tpm : pd.DataFrame, shape (n_genes, n_samples)
        Linear TPM by gene id; columns = unique sample names. Not changed.
    samples : pd.DataFrame, optional
        Index: sample names, all columns of `tpm` among them; columns: covariates.
    covariates : sequence of str
        Columns of `samples` whose effects are taken out; text is categorical, and C(batch) makes numbers so.
    min_tpm : float, default 1.0
    min_share : float, default 0.5
        Smallest share of the samples above `min_tpm`; 0 keeps every gene with two measured samples.
    pseudocount : float, default 0.25
        Added before the logarithm, in TPM.
    already_log2 : bool
        The values are log2(TPM + pseudocount) already.
    levels : bool
        Keep levels instead of fold changes (task kind level).
    median_level : bool
        Add the column median_level: the mean of the gene, which the fold changes refer to.
    keep : sequence of str
        Phenotypes that stand in the model beside the covariates and stay in the values.
    hidden_factors : int
        Leading principal components of the residuals that are taken out too.

    Returns
    -------
    PersonTargets

    Raises
    ------
    TypeError
        If `tpm` is no DataFrame.
    ValueError
        If sample names or genes repeat; if values are negative, infinite, text, or look like logarithms without
        `already_log2` (none above 64, with fractions); if samples lack their row in `samples`; if covariates are
        absent, unknown in a sample, of one value or collinear; if no gene is left; if an option is out of range.

    References
    ----------
    Tasaki et al. 2020 (Nat Mach Intell 2:376), Methods, person-level matrices.

    Examples
    --------
    >>> tpm = pd.DataFrame({"s1": [3.75, 127.75], "s2": [511.75, 7.75]}, index=["A", "B"])
    >>> person_targets(tpm).targets.values.tolist()
    [['A', -2.75, 2.75], ['B', 2.75, -2.75]]
    """
    _check_options(min_tpm, min_share, pseudocount, levels, median_level)
    values = _checked_samples(tpm, already_log2=already_log2)
    table = rows_of_samples(samples, tpm.columns, [*covariates, *keep])
    removed, kept = covariate_columns(table, covariates), covariate_columns(table, keep)
    log2_values = values if already_log2 else np.log2(values + pseudocount)
    design = pd.concat([removed.matrix, kept.matrix], axis=1)
    rows, counts = _kept_genes(log2_values, design, min_tpm, min_share, pseudocount)
    steps = [_step("input", values, "log2 values" if already_log2 else "TPM")]
    note = f"above {min_tpm:g} TPM in {min_share:.0%} of the samples"
    steps.append(_step("expressed, log2", log2_values[rows], note))
    first, first_quantiles = quantile_normalise(log2_values[rows])
    steps.append(_step("quantile normalised", first, "ties averaged"))
    removal = remove_effects(first, removed, kept, hidden_factors=hidden_factors)
    steps += _removal_steps(removal, removed, kept)
    final, quantiles = quantile_normalise(removal.adjusted)
    steps.append(_step("quantile normalised again", final, "ties averaged"))
    _warn(levels, hidden_factors, keep)
    gene_mean = np.nanmean(final, axis=1)
    targets = targets_frame(final if levels else final - gene_mean[:, None], tpm.index[rows], tpm.columns)
    reference = PersonReference(
        targets.iloc[:, 0].tolist(), gene_mean, np.stack([first_quantiles, quantiles]), float(pseudocount),
        tpm.shape[1], str(targets.columns[0]),
    )  # fmt: skip
    if median_level:
        targets.insert(1, MEDIAN_LEVEL, gene_mean)
    check_targets(targets)
    targets = with_task_kinds(targets, LEVEL if levels else FOLD_CHANGE)
    counts |= table_counts(targets, tpm.shape[1])
    logger.info("targets of persons: %s", ", ".join(f"{name} {count}" for name, count in counts.items()))
    return PersonTargets(targets, reference, counts, pd.DataFrame(steps))


def _kept_genes(
    log2_values: Float, design: pd.DataFrame, min_tpm: float, min_share: float, pseudocount: float
) -> tuple[NDArray[np.bool_], dict[str, int]]:
    """Genes that are expressed and measured often enough for the design, and what was dropped."""
    with np.errstate(invalid="ignore"):
        is_expressed = (log2_values > np.log2(min_tpm + pseudocount)).mean(axis=1) >= min_share
    n_measured = (~np.isnan(log2_values)).sum(axis=1)
    is_fit = (n_measured >= 2) & estimable_genes(log2_values, design)
    counts = {
        "n_rows": len(log2_values),
        "n_dropped_low": int((~is_expressed).sum()),
        "n_dropped_few_measured": int((is_expressed & ~is_fit).sum()),
    }
    rows = is_expressed & is_fit
    if not rows.any():
        raise ValueError(
            f"no gene is left of {len(rows)}: {counts['n_dropped_low']} are above {min_tpm:g} TPM in fewer than "
            f"{min_share:.0%} of {log2_values.shape[1]} samples, {counts['n_dropped_few_measured']} have too few "
            "values; check the unit of the table (--counts, --already-log2), or lower --min-share"
        )
    return rows, counts


def _check_options(min_tpm: float, min_share: float, pseudocount: float, levels: bool, median_level: bool) -> None:
    check_positive("min_tpm", min_tpm, zero=True)
    check_positive("min_share", min_share, zero=True)
    check_positive("pseudocount", pseudocount)
    if min_share > 1:
        raise ValueError(f"min_share is {min_share}; a share of the samples from 0 to 1 is wanted")
    if levels and median_level:
        raise ValueError("levels and median_level are both asked for; a median level belongs to fold changes")


def _checked_samples(tpm: pd.DataFrame, *, already_log2: bool) -> Float:
    values = checked_values(tpm, "table of persons", negative=already_log2)
    if MEDIAN_LEVEL in tpm.columns:
        raise ValueError("the table of persons has a sample called median_level, which is a reserved name; rename it")
    if tpm.shape[1] < 2:
        raise ValueError(
            f"the table of persons has one sample ({tpm.columns[0]}); a fold change against the gene's mean needs two "
            "or more (decode project takes single new samples)"
        )
    largest = float(np.nanmax(values, initial=0.0))
    if already_log2 and largest > LARGEST_LOG2:
        raise ValueError(
            f"the table of persons holds {largest:g}, which is no log2 of an expression; leave out --already-log2"
        )
    present = values[~np.isnan(values)]
    if not already_log2 and largest < LARGEST_LOG2 and (present != np.floor(present)).any():
        raise ValueError(
            f"the largest value of the table of persons is {largest:g}: it looks like logarithms, and TPM are wanted; "
            "give --already-log2 where they are log2(TPM + pseudocount)"
        )
    return values


def rows_of_samples(samples: pd.DataFrame | None, names: pd.Index, wanted: Sequence[str]) -> pd.DataFrame:
    """Rows of a table of samples, in the order of an expression table.

    Parameters
    ----------
    samples : pd.DataFrame or None
        Index: sample names; None where none is given.
    names : pd.Index
        Columns of the expression table.
    wanted : sequence of str
        Columns that are needed, for the message.

    Returns
    -------
    pd.DataFrame

    Raises
    ------
    ValueError
        If there is no table and columns are needed, or a sample has no row, or several.
    """
    columns = [str(name) for name in names]
    if samples is None:
        if wanted:
            raise ValueError(f"{listed(wanted)}: no table of samples is given; name it (--samples)")
        return pd.DataFrame(index=columns)
    known = samples.set_axis([str(name) for name in samples.index], axis=0)
    repeated = known.index[known.index.duplicated()].unique()
    if len(repeated):
        raise ValueError(f"samples have several rows in the table of samples: {listed(repeated)}; keep one each")
    lost = [name for name in columns if name not in known.index]
    if lost:
        raise ValueError(
            f"{len(lost)} of {len(columns)} samples have no row in the table of samples: {listed(lost)}; add them, or "
            "leave these samples out"
        )
    return known.loc[columns]


def _step(name: str, values: Float, note: str) -> dict[str, object]:
    with np.errstate(invalid="ignore"):
        spread = float(np.nanmean(np.nanstd(values[~np.isnan(values).all(axis=1)], axis=1, ddof=0)))
    return {
        "step": name, "n_genes": len(values), "n_samples": values.shape[1], "mean_sd": spread,
        "share_alone": np.nan, "share_beside_others": np.nan, "note": note,
    }  # fmt: skip


def _removal_steps(removal: Removal, removed: Covariates, kept: Covariates) -> list[dict[str, object]]:
    rows = []
    for term, alone, beside in zip(*(removal.shares[column] for column in removal.shares), strict=True):
        is_kept, is_hidden = term in kept.names, term in removal.factors.columns
        what = "kept in the values" if is_kept else "hidden factor, taken out" if is_hidden else "taken out"
        row: dict[str, object] = {"step": f"covariate {term}" if not is_hidden else str(term)}
        rows.append(
            row | {"n_genes": len(removal.adjusted), "n_samples": removal.adjusted.shape[1], "mean_sd": np.nan}
            | {"share_alone": alone, "share_beside_others": beside, "note": what}
        )  # fmt: skip
    n_terms = len(set(removed.names)) + removal.factors.shape[1]
    note = "each gene keeps its mean" if n_terms else "no covariate was named"
    return [*rows, _step("covariates out", removal.adjusted, note)]


def table_counts(targets: pd.DataFrame, n_samples: int) -> dict[str, int]:
    """Counts of a finished table of targets."""
    return {
        "n_genes": len(targets),
        "n_samples": n_samples,
        "n_tasks": targets.shape[1] - 1,
        "n_missing": int(targets.isna().sum().sum()),
    }


def _warn(levels: bool, hidden_factors: int, keep: Sequence[str]) -> None:
    if levels:
        logger.warning(LEVELS_WARNING)
    if hidden_factors:
        logger.warning(
            "%d hidden factors are taken out: they can hold the phenotype that you study; protected (--keep): %s",
            *(hidden_factors, listed(keep) if keep else "none"),
        )
