"""Long work on two worker processes, one of them killed in mid-run, gives what this process gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from killed_worker import KillingExecutor, two_workers
from planted import TINY, planted_dataset
from toy_drivers import driver_features, planted_table
from toy_networks import random_bundle

from decode.attribution.attribute import attribute
from decode.drivers.engine import DriversConfig
from decode.drivers.find import find_drivers
from decode.insilico.knockout import knock_out
from decode.landmark.autoencoder import AutoencoderConfig
from decode.landmark.autoencoder_fit import train_autoencoder
from decode.landmark.panel_evaluation import evaluate_panel
from decode.landmark.prepare import prepare_expression
from decode.synthetic.profiles import make_toy_profiles

pytestmark = pytest.mark.slow


@pytest.fixture
def runner(tmp_path_factory):
    with two_workers(tmp_path_factory.mktemp("cluster")) as client:  # one a test: who was killed may stay away
        runner = KillingExecutor(client)
        yield runner
        assert runner.n_killed >= 1


@pytest.fixture(scope="module")
def dataset():
    return planted_dataset(100)


@pytest.fixture(scope="module")
def profiles(tmp_path_factory):
    toy = make_toy_profiles(200, n_factors=6, followers=10, n_noise_genes=30, seed=1)
    path = tmp_path_factory.mktemp("prepared") / "p.h5"
    with prepare_expression(toy.expression, labels=toy.samples, deduplicate=False, out=path) as prepared:
        yield prepared


def test_attributions(dataset, tmp_path, runner):
    bundle = random_bundle(dataset, TINY, members=3)
    options = {"block_genes": 3, "agreement_genes": 0, "part": "all"}
    with (
        attribute(bundle, dataset.features, out=tmp_path / "far.nc", executor=runner, **options) as far,
        attribute(bundle, dataset.features, out=tmp_path / "near.nc", executor="serial", **options) as near,
    ):
        xr.testing.assert_identical(far.load(), near.load())


def test_knockouts(dataset, runner):
    bundle = random_bundle(dataset, TINY, members=2)
    far, near = (knock_out(bundle, dataset.features, executor=where) for where in (runner, "serial"))
    xr.testing.assert_identical(far, near)


def test_drivers_of_many_contrasts(runner):
    features = driver_features()
    table = planted_table(features)
    statistic = pd.concat([table.statistic["kd"].sample(frac=1, random_state=n).set_axis(table.statistic.index)
                           if n else table.statistic["kd"] for n in range(6)], axis=1)  # fmt: skip
    names = [f"c{n}" for n in range(6)]
    fold = pd.concat([table.log2_fold_change["kd"]] * 6, axis=1)
    adjusted = pd.concat([table.adjusted_p["kd"]] * 6, axis=1)
    many = table._replace(
        statistic=statistic.set_axis(names, axis=1), log2_fold_change=fold.set_axis(names, axis=1),
        adjusted_p=adjusted.set_axis(names, axis=1),
    )  # fmt: skip
    config = DriversConfig(score="joint", n_null=100, independent_genes=True, n_top=3, n_targets=5)
    far, near, threads = (
        find_drivers(many, features, config=config, executor=where) for where in (runner, "serial", "threads:2")
    )
    assert far.drivers["contrast"].unique().tolist() == names
    for name in ("drivers", "targets", "sites", "where", "positions", "contrasts"):
        pd.testing.assert_frame_equal(getattr(far, name), getattr(near, name), rtol=1e-9)
        pd.testing.assert_frame_equal(getattr(threads, name), getattr(near, name), rtol=1e-9)
    assert far.counts["inputs"] == near.counts["inputs"]


def test_members_of_an_autoencoder(profiles, tmp_path, runner):
    config = replace(AutoencoderConfig(hidden=6, bottleneck=3, epochs=4, min_updates=0), members=3)
    far = train_autoencoder(profiles, config, out=tmp_path / "far", executor=runner)
    near = train_autoencoder(profiles, config)
    for one, other in zip(far.members, near.members, strict=True):
        for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-6)
    pd.testing.assert_frame_equal(far.history, near.history, rtol=1e-5)


def test_splits_of_a_panel(profiles, runner):
    options = {"methods": ["variance"], "sizes": (3, 6), "n_random": 3, "n_splits": 4}
    panel = profiles.gene_ids[:6].tolist()
    far, near = (evaluate_panel(profiles, panel, executor=where, **options) for where in (runner, "serial"))
    for name in ("panels", "curves", "comparisons", "band", "per_gene"):
        pd.testing.assert_frame_equal(getattr(far, name), getattr(near, name), rtol=1e-9)
    assert far.summary == near.summary
