"""Do TFs, RNA-binding proteins or miRNAs count more? Scores of the kinds of regulators against each other."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from decode.core.checks import listed
from decode.genome.site_files import KINDS
from decode.ranking.rank import RegulatorScores
from decode.ranking.table import OVERALL
from decode.statistics.multiple_testing import false_discovery_rate


def kind_scores(scores: RegulatorScores) -> dict[str, NDArray[np.float64]]:
    """What is compared: |mean| of every regulator in each task, and the overall score first.

    Parameters
    ----------
    scores : RegulatorScores

    Returns
    -------
    dict of str to float64 array, shape (n_regulators,)
    """
    found = {OVERALL: scores.overall()} if scores.is_main_task.any() else {}
    return found | dict(zip(scores.tasks, np.abs(scores.mean).T, strict=True))


def compare_classes(scores: RegulatorScores) -> pd.DataFrame:
    """Compare the contributions of every two kinds of regulators by Wilcoxon's rank-sum test.

    Parameters
    ----------
    scores : RegulatorScores

    Returns
    -------
    pd.DataFrame
        One row a task ("overall" first) and pair of kinds: task, kind_a, kind_b, n_a, n_b (regulators), median_a,
        median_b and share_a, share_b (of the sum of scores over all regulators), probability (that a regulator of a
        scores higher than one of b, ties counting half), p_value (two-sided) and fdr (Benjamini-Hochberg: the overall
        rows are one family, those of all tasks another).

    Raises
    ------
    ValueError
        If the regulators are all of one kind.

    Notes
    -----
    probability = U / (n_a n_b), U being the statistic of Mann and Whitney. The test takes regulators as independent.
    Those that bind the same genes are not, so that p-values are too small; read them beside probability. A kind bound
    to more genes has larger means for that reason alone (n_bound_genes in the ranking).

    References
    ----------
    Mann and Whitney 1947, Ann Math Stat 18:50. Tasaki et al. 2020 compare RBPs and TFs by the same test.
    """
    kinds = scores.regulators["kind"].to_numpy().astype(str)
    present = [kind for kind in KINDS if (kinds == kind).any()]
    if len(present) < 2:
        raise ValueError(f"the regulators are all of kind {listed(present)}; two kinds are needed to compare them")
    rows = []
    for task, values in kind_scores(scores).items():
        total = values.sum()
        for a, b in combinations(present, 2):
            x, y = values[kinds == a], values[kinds == b]
            test = mannwhitneyu(x, y, alternative="two-sided")
            row = {"task": task, "kind_a": a, "kind_b": b, "n_a": len(x), "n_b": len(y)}
            row |= {"median_a": np.median(x), "median_b": np.median(y)}
            row |= {"share_a": x.sum() / total, "share_b": y.sum() / total} if total > 0 else {}
            rows.append(row | {"probability": test.statistic / (len(x) * len(y)), "p_value": test.pvalue})
    columns = ["task", "kind_a", "kind_b", "n_a", "n_b", "median_a", "median_b", "share_a", "share_b", "probability"]
    table = pd.DataFrame(rows, columns=[*columns, "p_value"])
    table["fdr"] = np.nan
    is_overall = table["task"] == OVERALL
    for family in (is_overall, ~is_overall):
        table.loc[family, "fdr"] = false_discovery_rate(table.loc[family, "p_value"].to_numpy())
    return table
