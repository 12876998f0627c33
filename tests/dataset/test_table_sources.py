"""Sites given as a table in memory and as a file are the same to everything that comes after."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from planted import TINY, quick_bundle

from decode.dataset import prepare_dataset
from decode.expression import read_expression, tissue_targets
from decode.features.build import build_features
from decode.features.exchange import exchange_sites, kept_share, strata_by_region
from decode.features.matrix import RegulatoryFeatures
from decode.genome import SiteTable, gene_models, read_annotation, read_sites
from decode.synthetic import make_toy_data, toy_sources

Pair = tuple[RegulatoryFeatures, RegulatoryFeatures]


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return make_toy_data(tmp_path_factory.mktemp("toy"), n_genes=150)


@pytest.fixture(scope="module")
def built(toy) -> Pair:
    models = gene_models(read_annotation(toy.annotation, build="toy", sizes=toy.sizes))
    files = toy_sources(toy)
    tables = [SiteTable(read_sites(source, build=models.assembly), source.region) for source in files]
    return build_features(models, files), build_features(models, tables)


def test_cell_by_cell(built: Pair):
    from_file, from_table = built
    pd.testing.assert_frame_equal(from_table.tracks, from_file.tracks)
    assert set(from_table.tracks["value_kind"]) == {"bases"}
    for name, matrix in from_file.regions.items():
        other = from_table.regions[name]
        assert other.data.dtype == matrix.data.dtype == np.int16
        assert matrix.data.nnz
        np.testing.assert_array_equal(other.data.toarray(), matrix.data.toarray())
        np.testing.assert_array_equal(other.bin_length_bp, matrix.bin_length_bp)


def test_export(built: Pair):
    from_file, from_table = (features.to_long() for features in built)
    pd.testing.assert_frame_equal(from_table, from_file)
    assert from_table["bases"].min() > 0
    assert "signal" not in from_table


def test_exchange(built: Pair):
    parts = np.full(built[0].n_genes, "train")
    moved = [exchange_sites(features, strata_by_region(features, parts), seed=1) for features in built]
    for name in moved[0].regions:
        np.testing.assert_array_equal(moved[1].totals(name), moved[0].totals(name))
    assert kept_share(built[1], moved[1]) == kept_share(built[0], moved[0]) > 0.8


def test_a_model_of_the_one_predicts_the_other(toy, built: Pair):
    from decode.evaluation.predict import predict

    targets = tissue_targets(read_expression(toy.tissue_tpm)).targets
    bundle = quick_bundle(prepare_dataset(built[0], targets, min_bound_genes=5), TINY, members=1)
    pd.testing.assert_frame_equal(predict(bundle, built[1]), predict(bundle, built[0]))
