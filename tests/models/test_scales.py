from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from planted import TINY, TINY_PAPER, planted_dataset

from decode.dataset import TEST, TRAIN
from decode.models.scales import fit_region_scales, fit_task_scale


@pytest.fixture(scope="module")
def dataset():
    return planted_dataset()


def test_paper_divides_by_the_largest_bin_of_training_genes(dataset):
    scales = fit_region_scales(dataset, TINY_PAPER)
    for region, scale in scales.items():
        values, length_bp = dataset.features.dense(region, dataset.rows(TRAIN))
        largest = np.concatenate([[length_bp.max()], values.max(axis=(0, 1))])
        np.testing.assert_allclose(scale.factor, 1 / largest, rtol=1e-6)
        assert not scale.shift.any()
        assert scale.factor.dtype == np.float32


def test_default_standardises_log_totals_of_training_genes(dataset):
    rows = dataset.rows(TRAIN)
    for region, scale in fit_region_scales(dataset, TINY).items():
        totals = np.column_stack([dataset.features.lengths(region), dataset.features.totals(region)])[rows]
        logs = np.log1p(totals.astype(float))
        np.testing.assert_allclose(scale.shift, logs.mean(axis=0), rtol=1e-5)
        varies = logs.std(axis=0) > 1e-6  # every promoter is equally long
        np.testing.assert_allclose(scale.factor[varies], 1 / logs.std(axis=0)[varies], rtol=1e-4)
        assert (scale.factor[~varies] == 0).all()


@pytest.mark.parametrize("config", [TINY, TINY_PAPER])
def test_held_out_genes_play_no_part(dataset, config):
    rows = np.concatenate([dataset.rows(TRAIN), dataset.rows("validation")])
    ids = [str(i) for i in dataset.features.ids[rows]]
    without = replace(
        dataset, features=dataset.features.select(genes=ids), targets=dataset.targets[rows], split=dataset.split[rows]
    )
    assert TEST not in without.split
    for region, scale in fit_region_scales(dataset, config).items():
        np.testing.assert_array_equal(scale.factor, fit_region_scales(without, config)[region].factor)
    np.testing.assert_array_equal(fit_task_scale(dataset, config).sd, fit_task_scale(without, config).sd)


@pytest.mark.parametrize("config", [TINY, TINY_PAPER])
def test_a_track_without_sites_is_switched_off(dataset, config):
    rows = np.flatnonzero(dataset.features.totals()[:, 0] == 0)
    split = np.full(len(dataset.split), TEST, dtype="<U10")
    split[rows] = TRAIN
    scale = fit_region_scales(replace(dataset, split=split), config)["promoter"]
    assert scale.factor[1] == 0
    assert np.isfinite(scale.factor).all()
    assert (scale.factor[2:] > 0).any()


@pytest.mark.parametrize("config", [TINY, TINY_PAPER])
def test_a_region_without_tracks(dataset, config):
    features = dataset.features.select(kinds=["TF"])
    scale = fit_region_scales(replace(dataset, features=features), config)["rna"]
    assert scale.factor.shape == (1,)
    assert scale.factor[0] > 0


class TestTaskScale:
    # columns: median level, two fold changes, a constant one, one without a value in training genes
    values = np.array(
        [
            [1.0, 1.0, 4.0, 3.0, np.nan],
            [3.0, -1.0, np.nan, 3.0, np.nan],
            [5.0, 0.0, 2.0, 3.0, np.nan],
            [9.0, 9.0, 9.0, 9.0, 1.0],
        ]
    )

    @pytest.fixture
    def small(self, dataset):
        ids = [str(i) for i in dataset.features.ids[:4]]
        return replace(
            dataset,
            features=dataset.features.select(genes=ids),
            targets=self.values.astype(np.float32),
            tasks=["median_level", "a", "b", "flat", "empty"],
            task_kinds=["median_level", *["fold_change"] * 4],
            split=np.array([TRAIN, TRAIN, TRAIN, TEST]),
        )

    def test_default_standardises_each_task(self, small):
        scale = fit_task_scale(small, TINY)
        np.testing.assert_allclose(scale.mean, [3, 0, 3, 3, 0], atol=1e-6)
        np.testing.assert_allclose(scale.sd, [np.sqrt(8 / 3), np.sqrt(2 / 3), 1, 0, 0], rtol=1e-6)

    def test_paper_shares_one_scale_among_fold_changes(self, small):
        scale = fit_task_scale(small, TINY_PAPER)
        common = np.nanstd(self.values[:3, 1:4])
        np.testing.assert_allclose(scale.sd, [np.sqrt(8 / 3), common, common, 0, 0], rtol=1e-6)
        np.testing.assert_allclose(scale.mean, [0, 0, 0, 3, 0])  # nothing is centred; a constant task is its mean


def test_an_almost_constant_channel_is_switched_off(dataset):
    region = dataset.features.regions["promoter"]
    length_bp = np.zeros_like(region.bin_length_bp)
    length_bp[region.offsets[:-1]] = 3000
    length_bp[region.offsets[dataset.rows(TRAIN)[0]]] = 2900  # one promoter reaches a chromosome's end
    regions = {**dataset.features.regions, "promoter": replace(region, bin_length_bp=length_bp)}
    features = replace(dataset.features, regions=regions)
    assert len(np.unique(features.lengths("promoter"))) == 2
    assert fit_region_scales(replace(dataset, features=features), TINY)["promoter"].factor[0] == 0
