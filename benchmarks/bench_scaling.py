"""Growth with genes, sites, persons and contrasts: CPU seconds, memory and disk at three sizes, slopes, and forecasts.

Every size runs in a process of its own. A line through the three sizes (least squares) tells what a command costs once
(imports, reading) from what it costs a gene, site, person or contrast. A forecast is that line far beyond the sizes
measured; `largest` in its numbers is the size that 16 GiB of memory hold. At scale 1 three forecasts are run as well.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from benchmarks.bench_features import ours as build_of_peaks
from benchmarks.bench_features import simulate_peaks
from benchmarks.bench_training import simulated_features
from benchmarks.measure import Finish, Row, Work, measured

SEED = 0
MODEL, FEATURES = "tissue-hpa37-encode-hg19", "encode-hg19"  # both are in the package
N_FILES, N_GENES = 20, 20_000  # of the builds
N_PERSON_GENES = 300  # simulated, 1,096 tracks
MEMORY_GIB = 16.0
DEFAULT_SCALE = 0.25


def sites(folder: str, size: int) -> Work:
    """Build promoters of 20,000 genes from so many sites in 20 files."""
    simulate_peaks(Path(folder), N_FILES, size // N_FILES, N_GENES)
    return build_of_peaks(folder, N_GENES, str(Path(folder) / "out.npz"))


def build_genes(folder: str, size: int) -> Work:
    """Build promoters of so many genes from 400,000 sites."""
    simulate_peaks(Path(folder), N_FILES, 20_000, size)
    return build_of_peaks(folder, size, str(Path(folder) / "out.npz"))


def explain_genes(folder: str, size: int) -> Work:
    """Attributions of so many genes by the model in the package, to a file."""
    from decode.registry.open import load_features, load_pretrained

    bundle, features = load_pretrained(MODEL), load_features(FEATURES)
    genes = features.ids[np.linspace(0, features.n_genes - 1, size).astype(int)].tolist()
    return _attribution(bundle, features, genes, folder)


def explain_persons(folder: str, size: int) -> Work:
    """Attributions of 300 simulated genes by an untrained model of so many persons, five members."""
    from decode.models.bundle import make_bundle

    del make_bundle  # loads TensorFlow before the work is measured
    features = simulated_features(N_PERSON_GENES)
    return _attribution(_ensemble(features, size), features, features.ids.tolist(), folder)


def _ensemble(features: Any, n_tasks: int) -> Any:
    from decode.dataset import prepare_dataset
    from decode.models.architectures import build_network
    from decode.models.bundle import make_bundle
    from decode.models.config import network_config
    from decode.models.scales import fit_region_scales, fit_task_scale

    dataset = prepare_dataset(features, _targets(features, n_tasks), min_bound_genes=0)
    config = network_config("default")
    scales, task_scale = fit_region_scales(dataset, config), fit_task_scale(dataset, config)
    seeds = list(range(5))
    return make_bundle(
        dataset, [build_network(config, scales, task_scale, seed=seed) for seed in seeds], network=config, training={},
        seeds=seeds, validation_loss=[0.0] * len(seeds), history=pd.DataFrame(),
    )  # fmt: skip


def _targets(features: Any, n_tasks: int) -> pd.DataFrame:
    values = np.random.default_rng(SEED).normal(size=(features.n_genes, n_tasks))
    targets = pd.DataFrame(values, columns=[f"person{i}" for i in range(n_tasks)])
    targets.insert(0, "gene_id", features.ids)
    return targets


def _attribution(bundle: Any, features: Any, genes: list[str], folder: str) -> Work:
    from decode.attribution.attribute import attribute

    path = Path(folder) / "a.nc"

    def work() -> Finish:
        attribute(bundle, features, genes=genes, out=path, agreement_genes=0, executor="threads").close()
        return lambda: {"disk_mb": path.stat().st_size / 1e6}

    return work


def train_persons(folder: str, size: int) -> Work:
    """One member, three epochs, targets of so many persons for the genes of the package."""
    from decode.dataset import prepare_dataset
    from decode.models.config import network_config
    from decode.registry.open import load_features
    from decode.training.config import TrainingConfig
    from decode.training.ensemble import train_dataset

    features = load_features(FEATURES)
    dataset = prepare_dataset(features, _targets(features, size))
    config = TrainingConfig(members=1, max_epochs=3, seed=SEED)

    def work() -> Finish:
        train_dataset(dataset, network_config("default"), config)
        return dict

    return work


def contrasts(folder: str, size: int) -> Work:
    """Drivers of so many contrasts on the features of the package, without other evidence."""
    from decode.drivers.engine import DriversConfig
    from decode.drivers.find import find_drivers
    from decode.expression.de_table import DeTable
    from decode.registry.open import load_features

    features = load_features(FEATURES)
    values = np.random.default_rng(SEED).normal(size=(features.n_genes, size))
    frame = pd.DataFrame(values, index=features.ids, columns=[f"c{i}" for i in range(size)])
    table = DeTable(frame, None, None, None, "simulated", "statistic", False, {})

    def work() -> Finish:
        find_drivers(table, features, config=DriversConfig(n_null=200, n_top=2, n_targets=20))
        return dict

    return work


class Axis(NamedTuple):
    """What grows, in which function, at which sizes (at scale 1); how far it is forecast, and whether that is run."""

    name: str
    unit: str
    function: Callable[..., Work]
    sizes: tuple[int, int, int]
    forecast: int
    is_checked: bool = False


AXES = (
    Axis("features build, sites", "sites", sites, (1_600_000, 3_200_000, 6_400_000), 490_000_000),
    Axis("features build, genes", "genes", build_genes, (20_000, 40_000, 80_000), 201_510, True),
    Axis("attribute, genes (38 tasks)", "genes", explain_genes, (4_000, 8_000, 16_000), 201_510),
    Axis("attribute, persons (300 genes)", "persons", explain_persons, (100, 200, 400), 1_000, True),
    Axis("train, persons (one member, three epochs)", "persons", train_persons, (100, 200, 400), 1_000, True),
    Axis("drivers, contrasts", "contrasts", contrasts, (8, 16, 32), 1_000),
)


class Line(NamedTuple):
    """Least-squares line through sizes and numbers."""

    constant: float
    slope: float

    @classmethod
    def through(cls, sizes: list[int], numbers: list[float]) -> Line:
        """Fit it.

        Examples
        --------
        >>> Line.through([1, 2, 4], [3.0, 5.0, 9.0])
        Line(constant=1.0, slope=2.0)
        """
        slope, constant = np.polyfit(np.asarray(sizes, dtype=float), np.asarray(numbers), 1)
        return cls(round(float(constant), 9), round(float(slope), 15))

    def at(self, size: float) -> float:
        """The line's number, never below 0."""
        return max(0.0, self.constant + self.slope * size)

    def reaches(self, number: float) -> float:
        """Size at which the line reaches a number; infinite where it does not grow."""
        return (number - self.constant) / self.slope if self.slope > 0 else float("inf")


def rows_of(axis: Axis, scale: float) -> list[Row]:
    """Measure three sizes, then the line and the forecast."""
    sizes = [max(2, round(size * scale)) for size in axis.sizes]
    rows = [_row(axis, size) for size in sizes]
    cpu = Line.through(sizes, [row.ours_s or 0.0 for row in rows])
    memory = Line.through(sizes, [row.peak_gib or 0.0 for row in rows])
    numbers = {
        "size": float(axis.forecast), "cpu_constant_s": cpu.constant, "cpu_slope_s": cpu.slope,
        "memory_constant_gib": memory.constant, "memory_slope_gib": memory.slope,
    }  # fmt: skip
    largest = memory.reaches(MEMORY_GIB)
    note = f"line: {cpu.constant:.3g} + {cpu.slope:.3g} s and {memory.slope * 1024:.3g} MiB for each of the {axis.unit}"
    if np.isfinite(largest):
        numbers["largest"] = largest
        note += f"; {MEMORY_GIB:g} GiB hold {largest:,.0f}"
    if all("disk_mb" in row.numbers for row in rows):
        disk = Line.through(sizes, [row.numbers["disk_mb"] for row in rows])
        numbers |= {"disk_slope_mb": disk.slope, "disk_mb": disk.at(axis.forecast)}
        note += f"; {disk.at(axis.forecast) / 1000:.3g} GB on disk"
    case = f"{axis.name}: {axis.forecast:,} (forecast)"
    forecast = Row(case, None, cpu.at(axis.forecast), peak_gib=memory.at(axis.forecast), note=note, numbers=numbers)
    return [*rows, forecast, *([checked_row(axis, forecast)] if axis.is_checked and scale >= 1 else [])]


def _row(axis: Axis, size: int) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        found = measured(axis.function, folder=folder, size=size)
    numbers = {"size": float(size), **found.result}
    return Row(f"{axis.name}: {size:,}", None, found.cpu_s, peak_gib=found.peak_gib, numbers=numbers)


def checked_row(axis: Axis, forecast: Row) -> Row:
    """The size of a forecast, run; the note says how far the forecast was off."""
    row = _row(axis, axis.forecast)
    cpu, memory = ((was or 0.0) / (found or 1.0) for was, found in
                   ((forecast.ours_s, row.ours_s), (forecast.peak_gib, row.peak_gib)))  # fmt: skip
    numbers = row.numbers | {"forecast_over_cpu": cpu, "forecast_over_peak": memory}
    note = f"measured; the forecast was {cpu:.2f} times the CPU seconds and {memory:.2f} times the memory"
    return replace(row, note=note, numbers=numbers)


def run(scale: float | None = None) -> list[Row]:
    """Measure every axis.

    Parameters
    ----------
    scale : float, optional
        Share of the full sizes; default 0.25.
    """
    return [row for axis in AXES for row in rows_of(axis, DEFAULT_SCALE if scale is None else scale)]
