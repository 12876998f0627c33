"""Is a planted TF found by the regression on sites? What the largest penalty of the regression was chosen by.

One TF and eight other regulators of the real corpus act on a statistic (1 % of its variance) that also follows a
programme, the eight main axes of binding (5 %). With a larger penalty the joint regression turns into the marginal
correlation, which takes the programme for the regulator.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy import DATA, MERGED, corpus_features
from benchmarks.measure import Row

TOP = 0.1  # share of the ranking that counts as found
N_PLANTED = 60
PLANTED_PENALTIES = (0.01, 0.1, 0.3, 1.0, 3.0, 30.0)
ACTING, PROGRAMME = 0.01, 0.05  # shares of the statistic's variance
N_ENDS = 300
Float = NDArray[np.float64]


def planted_shares(features: Any) -> dict[float, Float]:
    """Rank of a planted TF over the number of TFs, by |z| of the screen, for several penalties."""
    from decode.drivers.design import make_design
    from decode.drivers.inputs import driver_inputs
    from decode.drivers.noise import IndependentGenes, significance
    from decode.drivers.screen import screener

    inputs = driver_inputs(features, features.ids.tolist(), None)
    table, code = inputs.regulators
    tfs = np.flatnonzero(table["kind"] == "TF")
    design = make_design(inputs.x, inputs.covariates, groups=features.genes["chrom"])
    is_bound = (inputs.x > 0).astype(np.float64)
    is_bound = (is_bound - is_bound.mean(axis=0)) / np.maximum(is_bound.std(axis=0), 1e-6)
    axes = design.columns @ np.linalg.eigh(design.gram)[1][:, -8:]
    axes /= axes.std(axis=0)
    screens = {penalty: screener(design, code, penalties=[penalty]) for penalty in PLANTED_PENALTIES}
    null = IndependentGenes(inputs.strata, n_draws=50)
    shares: dict[float, list[float]] = {penalty: [] for penalty in PLANTED_PENALTIES}
    for number in range(N_PLANTED):
        rng = np.random.default_rng(number)
        planted = rng.choice(tfs)
        effect = np.zeros(len(table))
        effect[rng.choice(len(table), 8, replace=False)] = rng.normal(size=8) / 2
        effect[planted] = rng.choice([-1.0, 1.0])
        parts = [is_bound @ effect[code], axes @ rng.normal(size=axes.shape[1]), rng.standard_t(5, size=len(is_bound))]
        share = [ACTING, PROGRAMME, 1 - ACTING - PROGRAMME]
        y = sum(np.sqrt(w) * part / part.std() for w, part in zip(share, parts, strict=True))
        order = np.argsort(y)
        signs = np.zeros(len(y))
        signs[order[:N_ENDS]], signs[order[-N_ENDS:]] = -1.0, 1.0
        for penalty, found in shares.items():
            screened = screens[penalty](signs)
            targets = null.draw(signs, screened, None, by_rank=False)
            z = np.abs(significance(screened, None, targets, null.df()).z)
            found.append(float((z[tfs] >= z[planted]).sum() / len(tfs)))
    return {penalty: np.array(found) for penalty, found in shares.items()}


def run(scale: float | None = None) -> list[Row]:
    """All penalties; the scale plays no part."""
    if not DATA.is_dir():
        return [Row("planted", None, note=f"did not run: {DATA} is absent")]
    rows: list[Row] = []
    for penalty, found in planted_shares(corpus_features(MERGED)).items():
        top = float((found <= TOP).mean())
        note = f"top 10 %: {top:.2f}; mean rank {found.mean():.2f}"
        numbers = {"top_share": top, "mean_rank_share": float(found.mean())}
        rows.append(Row(f"planted, penalty {penalty:g} n", None, note=note, numbers=numbers))
    return rows
