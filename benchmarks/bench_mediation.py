"""1,000 random draws of ten regulators in the place of a pair's drivers, against a loop of statsmodels regressions.

The peer fits each gene on the draw's regulators and then one gene's residuals on the other's, by three OLS models a
draw: what a script would do. Expression is simulated with factors that genes share. R2 must agree to 1e-10.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import Finish, Row, Work, measured, ratio

N_SAMPLES, N_CANDIDATES, N_DRIVERS, N_DRAWS = 350, 300, 10, 1_000
Float = NDArray[np.float64]


def _inputs(n_draws: int) -> tuple[Float, Float, NDArray[np.int64]]:
    """Pair, candidates and draws."""
    from decode.insilico.replacements import random_draws

    rng = np.random.default_rng(0)
    factors = rng.normal(size=(N_SAMPLES, 6))
    values = factors @ rng.normal(size=(6, N_CANDIDATES + 2)) + rng.normal(size=(N_SAMPLES, N_CANDIDATES + 2)) + 8.0
    return values[:, :2], values[:, 2:], random_draws(N_CANDIDATES, N_DRIVERS, n_draws, rng)


def ours(n_draws: int) -> Work:
    from decode.insilico.conditional import drawn_correlations

    pair, columns, draws = _inputs(n_draws)

    def work() -> Finish:
        r2 = drawn_correlations(pair, columns, draws, np.empty((N_SAMPLES, 0))) ** 2
        return lambda: {"r2": r2.tolist()}

    return work


def statsmodels_loop(n_draws: int) -> Work:
    import statsmodels.api as sm

    pair, columns, draws = _inputs(n_draws)

    def work() -> Finish:
        r2 = []
        for draw in draws:
            design = sm.add_constant(columns[:, draw])
            first, second = (sm.OLS(pair[:, gene], design).fit().resid for gene in (0, 1))
            r2.append(float(sm.OLS(first, sm.add_constant(second)).fit().rsquared))
        return lambda: {"r2": r2}

    return work


def run(scale: float | None) -> list[Row]:
    """One row: all draws, ours against the loop."""
    n_draws = max(10, round(N_DRAWS * (1.0 if scale is None else scale)))
    mine, peer = (measured(side, {"OPENBLAS_NUM_THREADS": "1"}, n_draws=n_draws) for side in (ours, statsmodels_loop))
    difference = float(np.abs(np.subtract(mine.result["r2"], peer.result["r2"])).max())
    return [
        Row(
            f"{n_draws:,} draws of {N_DRIVERS} among {N_CANDIDATES}, {N_SAMPLES} samples",
            "statsmodels",
            mine.cpu_s,
            peer.cpu_s,
            ratio(peer.cpu_s, mine.cpu_s),
            difference,
            mine.peak_gib,
            "largest difference of R2",
        )
    ]
