"""Which differences between panels are more than chance? Bootstrap over samples, a test over genes, random panels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import ttest_rel

from decode.landmark.panel_curves import RANDOM, JudgedPanel

Float = NDArray[np.float64]

ALL = "all"
N_BOOTSTRAPS = 2000
COVERAGE = 0.95
COLUMNS = [
    "split", "panel", "reference", "size", "n_genes", "n_genes_reference", "difference", "low", "high", "n_test",
    "share_genes_better", "t_genes", "p_genes", "n_random_better", "is_in_band",
]  # fmt: skip


class Errors(NamedTuple):
    """Mean absolute error of a panel of one size on one split, mean over its draws.

    Attributes
    ----------
    by_sample : float64 array, shape (n_test,)
    by_gene : float64 array, shape (n_targets,)
    by_draw : float64 array, shape (n_draws,)
    n_genes : int
        Of the panel.
    """

    by_sample: Float
    by_gene: Float
    by_draw: Float
    n_genes: int


def band_table(judged: Sequence[JudgedPanel]) -> pd.DataFrame:
    """The spread of random panels: split, size, measure, n_random, lowest, q025, mean, q975, highest."""
    rows = []
    drawn: dict[tuple[int, int], list[JudgedPanel]] = {}
    for one in judged:
        if one.panel == RANDOM:
            drawn.setdefault((one.split, one.size), []).append(one)
    for (split, size), panels in drawn.items():
        measures = {
            "mean_mae": [one.scores.mae.mean() for one in panels],
            "mean_pcc": [np.nanmean(one.scores.pcc) for one in panels],
            "share_passing": [one.scores.is_passing.mean() for one in panels],
        }
        for name, values in measures.items():
            low, high = np.quantile(values, [0.025, 0.975])
            rows.append(
                {
                    "split": split, "size": size, "measure": name, "n_random": len(values), "lowest": min(values),
                    "q025": low, "mean": np.mean(values), "q975": high, "highest": max(values),
                }
            )  # fmt: skip
    return pd.DataFrame(
        rows, columns=["split", "size", "measure", "n_random", "lowest", "q025", "mean", "q975", "highest"]
    )


def compare_panels(
    judged: Sequence[JudgedPanel],
    *,
    reference: str | None = None,
    samples: Mapping[int, Sequence[str]] | None = None,
    n_bootstraps: int = N_BOOTSTRAPS,
    seed: int = 0,
) -> pd.DataFrame:
    """Differences of the mean absolute error of every panel to a reference panel and to the mean of random panels.

    Parameters
    ----------
    judged : sequence of JudgedPanel
    reference : str, optional
        A panel; without it, or where a split lacks it, only random panels are compared with.
    samples : mapping of split to sequence of str, optional
        Test samples of each split; needed for the row "all" where there are several splits, since a sample may be
        tested in more than one.
    n_bootstraps : int, default 2000
    seed : int

    Returns
    -------
    pd.DataFrame
        One row a split (then "all"), panel, reference and size. difference: panel minus reference, below 0 where the
        panel is better; low, high: 95 % percentile interval over bootstraps of the test samples (the training samples
        and the panels stay as they are). share_genes_better, t_genes, p_genes: paired t test over targets, within a
        split. n_random_better, is_in_band: random panels with a lower error, and whether the panel's error lies between
        the lowest and the highest of them (in "all": in any split).

    Notes
    -----
    Genes correlate, so a paired test over genes is far too sure: read its p-value as descriptive. The row "all" first
    takes the mean difference of each sample over the splits that test it.

    References
    ----------
    Kong et al. 2021, BMC Bioinformatics 22:27: paired t test over genes. Efron & Tibshirani 1993, An Introduction to
    the Bootstrap, chapter 13 (percentile interval).
    """
    errors = _errors(judged)
    rows = []
    for to in ([] if reference is None else [reference]) + [RANDOM]:
        for panel, size in dict.fromkeys((one.panel, one.size) for one in judged if one.panel not in (to, RANDOM)):
            keys = [split for split, name, n in errors if (name, n) == (panel, size) and (split, to, size) in errors]
            if keys:
                rows += _rows(errors, panel, to, size, keys, samples, n_bootstraps, seed)
    table = pd.DataFrame(rows, columns=COLUMNS)
    table["n_random_better"] = table["n_random_better"].astype("Int64")
    return table


def _errors(judged: Sequence[JudgedPanel]) -> dict[tuple[int, str, int], Errors]:
    drawn: dict[tuple[int, str, int], list[JudgedPanel]] = {}
    for one in judged:
        drawn.setdefault((one.split, one.panel, one.size), []).append(one)
    return {
        key: Errors(
            np.mean([one.scores.sample_mae for one in some], axis=0), np.mean([one.scores.mae for one in some], axis=0),
            np.array([one.scores.mae.mean() for one in some]), len(some[0].columns),
        )
        for key, some in drawn.items()
    }  # fmt: skip


def _rows(
    errors: dict[tuple[int, str, int], Errors], panel: str, to: str, size: int, splits: list[int],
    samples: Mapping[int, Sequence[str]] | None, n_bootstraps: int, seed: int,
) -> list[dict[str, object]]:  # fmt: skip
    rows: list[dict[str, object]] = []
    differences: dict[int, Float] = {}
    for split in splits:
        mine, theirs = errors[split, panel, size], errors[split, to, size]
        differences[split] = mine.by_sample - theirs.by_sample
        row: dict[str, object] = {
            "split": str(split), "panel": panel, "reference": to, "size": size, "n_genes": mine.n_genes,
            "n_genes_reference": theirs.n_genes, "share_genes_better": float((mine.by_gene < theirs.by_gene).mean()),
            "t_genes": float("nan"), "p_genes": float("nan"),
        }  # fmt: skip
        if np.ptp(mine.by_gene - theirs.by_gene) > 0:
            test = ttest_rel(mine.by_gene, theirs.by_gene)
            row |= {"t_genes": float(test.statistic), "p_genes": float(test.pvalue)}
        if to == RANDOM:
            error = mine.by_draw.mean()
            n_better = int((theirs.by_draw < error).sum())
            row |= {"n_random_better": n_better, "is_in_band": theirs.by_draw.min() <= error <= theirs.by_draw.max()}
        rows.append(row | _interval(differences[split], n_bootstraps, seed))
    if len(splits) > 1 and samples is None:
        raise ValueError("several splits are compared; name the test samples of each")
    names = [np.asarray((samples or {}).get(split, range(len(differences[split])))).astype(str) for split in splits]
    pooled = pd.Series(np.concatenate([differences[split] for split in splits])).groupby(np.concatenate(names)).mean()
    common: dict[str, object] = {
        name: rows[0][name] for name in ("panel", "reference", "size", "n_genes", "n_genes_reference")
    }
    common |= {"split": ALL, "share_genes_better": np.mean([row["share_genes_better"] for row in rows])}
    if to == RANDOM:
        common["is_in_band"] = any(bool(row["is_in_band"]) for row in rows)
    return [*rows, common | _interval(pooled.to_numpy(), n_bootstraps, seed)]


def _interval(difference: Float, n_bootstraps: int, seed: int) -> dict[str, object]:
    drawn = np.random.default_rng(seed).integers(len(difference), size=(n_bootstraps, len(difference)))
    low, high = np.quantile(difference[drawn].mean(axis=1), [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return {"difference": float(difference.mean()), "low": float(low), "high": float(high), "n_test": len(difference)}
