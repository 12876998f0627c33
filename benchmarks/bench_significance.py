"""Are p-values uniform where no site matters, and do decoys keep the false discovery rate where some do?

Simulated data sets with known truth go through the package's own null and decoys. What is fitted to them is a
closed-form ridge, so that many data sets are affordable, and at scale 1 also a small default network.

- no signal: length acts, no site does. p-values of `empirical_significance` on 20 refits, by task and overall.
- independent: 40 of 100 regulators act, binding is independent given length. Share of false discoveries at 5 % by
  decoys, each task a family of its own and overall, and the share of acting regulators that is found (power).
- co-bound: the same, but genes differ in their propensity to bind anything.
- in pairs: every second regulator has 60 % of the sites of the one before it, whether that acts or not.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kstest

from benchmarks.measure import Row
from benchmarks.simulated_significance import RidgeScorer, Simulated, simulate, targets_table
from decode.features.matrix import RegulatoryFeatures
from decode.features.regulators import regulators_of
from decode.ranking.decoys import decoy_table, with_decoys
from decode.ranking.null import shuffled_scores
from decode.ranking.null_file import Scores
from decode.ranking.rank import overall_score
from decode.ranking.refit_scores import NetworkScorer, Scorer, score_regulators
from decode.statistics.multiple_testing import false_discovery_rate
from decode.statistics.significance import empirical_significance
from decode.statistics.strata import bound_gene_strata

DEFAULT_SCALE = 0.25
N_DATA_SETS = 200  # at scale 1; 50 by default
N_NETWORKS = 4  # data sets without signal for the network, at scale 1
N_DRIVERS = 40
N_REFITS = 20
LEVEL = 0.05
BINDING: dict[str, dict[str, float]] = {"independent": {}, "co-bound": {"propensity": 1.0}, "in pairs": {"copied": 0.6}}


class Fitted(NamedTuple):
    """Scores of a data set, and how it is fitted again."""

    scores: Scores
    refit: Scorer


class Tested(NamedTuple):
    """p-values of one data set against its null: by task (n_regulators, n_tasks), overall (n_regulators,)."""

    by_task: NDArray[np.float64]
    overall: NDArray[np.float64]


def ridge(data: Simulated) -> Fitted:
    """The ridge of a data set."""
    score = RidgeScorer(data.targets, data.parts)
    return Fitted(score(data.features, 0), score)


def network(data: Simulated, *, as_fitted: bool = True) -> Fitted:
    """A small default network of two members."""
    from decode.attribution.job import make_job
    from decode.dataset import prepare_dataset
    from decode.models.config import NetworkConfig
    from decode.training.config import TrainingConfig
    from decode.training.ensemble import train_dataset

    parts = np.where((data.parts == "train") & (np.arange(len(data.parts)) % 10 == 1), "validation", data.parts)
    split = dict(zip(data.features.ids.tolist(), parts.tolist(), strict=True))
    dataset = prepare_dataset(data.features, targets_table(data), split=split, track_ids=data.features.track_ids)
    training = TrainingConfig(members=2, max_epochs=30, patience=5, batch_size=64)
    bundle = train_dataset(dataset, NetworkConfig(width=32, dropout=0.2, input_dropout=0.1), training)
    job = make_job(bundle, data.features, engine="exact", reference="own_length", genes=None, part="test")
    return Fitted(score_regulators(job), NetworkScorer.of_model(bundle, dataset, as_fitted=as_fitted))


def null_test(data: Simulated, fitted: Fitted, *, seed: int, refits: int = N_REFITS) -> Tested:
    """Significance of all regulators of a data set, as `decode null` and `decode rank` give it."""
    null = shuffled_scores(fitted.refit, data.features, data.parts, refits=refits, seed=seed)[0].mean
    observed = fitted.scores.mean
    table = regulators_of(data.features).table
    strata = bound_gene_strata(table["kind"].to_numpy(), table["n_bound_genes"].to_numpy())
    is_change = np.ones(observed.shape[1], dtype=bool)
    overall = (overall_score(observed, is_change), overall_score(null, is_change))
    return Tested(
        empirical_significance(observed, null, strata, two_sided=True).p_value,
        empirical_significance(*overall, strata, two_sided=False).p_value,
    )


def decoy_discoveries(data: Simulated, score: Callable[[RegulatoryFeatures, int], Scores], *, seed: int) -> Any:
    """Which regulators are found at 5 % by decoys: (n_regulators, 1 + n_tasks), overall first; and the truth."""
    both = with_decoys(data.features, data.parts, seed=seed)
    tasks = [f"task{i}" for i in range(data.targets.shape[1])]
    table = decoy_table(regulators_of(both).table, score(both, seed).mean, tasks, ["fold_change"] * len(tasks))
    wide = table.assign(name=table["kind"] + ":" + table["regulator"]).pivot(
        index="name", columns="task", values="q_value"
    )
    found = wide.loc[regulators_of(data.features).table.index, ["overall", *tasks]].to_numpy() <= LEVEL
    return found, _truth(data)


def _truth(data: Simulated) -> NDArray[np.bool_]:
    acts = data.effects != 0
    return np.column_stack([acts.any(axis=1), acts])


def error_rates(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Share of false discoveries (0 where there is none) and power of each family, shape (n_families,)."""
    false = (found & ~truth).sum(axis=0) / np.maximum(found.sum(axis=0), 1)
    power = (found & truth).sum(axis=0) / np.maximum(truth.sum(axis=0), 1)
    return false, power


def uniformity(p_values: list[NDArray[np.float64]]) -> dict[str, float]:
    """Share of small p-values with its standard error over data sets, and the distance to the uniform distribution."""
    small = np.array([np.mean(p <= LEVEL) for p in p_values])
    by_data_set = [kstest(p.ravel(), "uniform").pvalue for p in p_values]
    return {
        "share_below_0.05": float(small.mean()),
        "standard_error": float(small.std(ddof=1) / np.sqrt(len(small))) if len(small) > 1 else float("nan"),
        "share_below_0.01": float(np.mean([np.mean(p <= 0.01) for p in p_values])),
        "ks_distance": float(kstest(np.concatenate([p.ravel() for p in p_values]), "uniform").statistic),
        "data_sets_with_ks_p_below_0.05": float(np.mean(np.array(by_data_set) < LEVEL)),
    }


def no_signal(n_data_sets: int, make: Callable[[Simulated], Fitted], first_seed: int = 0) -> list[Tested]:
    """p-values where only length acts."""
    found = []
    for seed in range(first_seed, first_seed + n_data_sets):
        data = simulate(seed)
        found.append(null_test(data, make(data), seed=seed))
    return found


def with_signal(n_data_sets: int, *, first_seed: int, **binding: float) -> dict[str, float]:
    """False discoveries and power where 40 of 100 regulators act."""
    rates, refit_rates = [], []
    for seed in range(first_seed, first_seed + n_data_sets):
        data = simulate(seed, n_drivers=N_DRIVERS, **binding)  # type: ignore[arg-type]
        rates.append(error_rates(*decoy_discoveries(data, RidgeScorer(data.targets, data.parts), seed=seed)))
        tested = null_test(data, ridge(data), seed=seed)
        fdr = false_discovery_rate(np.column_stack([tested.overall, tested.by_task]))
        refit_rates.append(error_rates(fdr <= LEVEL, _truth(data)))
    numbers: dict[str, float] = {}
    for method, found in (("decoys", rates), ("refits", refit_rates)):
        false, power = (np.stack(values) for values in zip(*found, strict=True))
        for name, chosen in (("overall", slice(0, 1)), ("by_task", slice(1, None))):
            of_data_set = false[:, chosen].mean(axis=1)
            numbers[f"{method}_{name}_false_discoveries"] = float(of_data_set.mean())
            numbers[f"{method}_{name}_standard_error"] = float(of_data_set.std(ddof=1) / np.sqrt(len(of_data_set)))
            numbers[f"{method}_{name}_power"] = float(power[:, chosen].mean())
    return numbers


def _note(numbers: dict[str, float]) -> str:
    return "; ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in numbers.items())


def run(scale: float | None = None, *, figure: Path | None = None) -> list[Row]:
    """All cases; the figure shows the p-values of the data sets without signal."""
    from decode.report.files import save_figure
    from decode.report.significance import p_value_plot

    scale = DEFAULT_SCALE if scale is None else scale
    logging.getLogger("decode").setLevel(logging.WARNING)
    n_data_sets = max(2, round(N_DATA_SETS * scale))
    rows, series = [], {}
    n_networks = round(N_NETWORKS * scale) if scale >= 0.5 else 0
    for what, make, n in (("ridge", ridge, n_data_sets), ("network", network, n_networks)):
        if not n:
            continue
        start = time.process_time()
        tested = no_signal(n, make)
        for name in Tested._fields:
            p_values = [getattr(one, name) for one in tested]
            numbers = uniformity(p_values)
            label = name.replace("_", " ")
            series[f"{what}, {label}"] = np.concatenate([p.ravel() for p in p_values])
            case = f"no signal, {what}, {label}, {n} data sets"
            rows.append(Row(case, None, time.process_time() - start, note=_note(numbers), numbers=numbers))
    for number, (name, binding) in enumerate(BINDING.items(), 1):
        start = time.process_time()
        numbers = with_signal(n_data_sets, first_seed=10_000 * number, **binding)
        case = f"{N_DRIVERS} regulators act, {name}, ridge, {n_data_sets} data sets"
        rows.append(Row(case, None, time.process_time() - start, note=_note(numbers), numbers=numbers))
    if figure is not None:
        save_figure(
            p_value_plot(series, title=f"no site matters: {n_data_sets} data sets, {N_REFITS} refits each"), figure
        )
    return rows
