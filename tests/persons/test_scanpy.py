"""AnnData objects as scanpy makes them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from toy_drivers import driver_features, planted_table

import decode

anndata = pytest.importorskip("anndata", reason="anndata (extra h5ad) is not installed")
N_CELLS, N_GENES = 300, 800


@pytest.fixture(scope="module")
def cells():
    """Two cell types of three donors; the first 100 genes are 4 times as high in the first type."""
    random = np.random.default_rng(0)
    is_first = np.arange(N_CELLS) % 2 == 0
    rate = np.where(is_first[:, None] & (np.arange(N_GENES) < 100), 4.0, 1.0)
    counts = sparse.csr_matrix(random.poisson(rate).astype(np.float32))
    obs = pd.DataFrame(
        {"donor": np.array(["d1", "d2", "d3"])[np.arange(N_CELLS) % 3], "type": np.where(is_first, "T cell", "B cell")},
        index=[f"cell{number}" for number in range(N_CELLS)],
    )
    genes = driver_features().genes
    var = pd.DataFrame({"gene_ids": genes["gene_id"].to_numpy()}, index=genes["gene_name"].to_numpy())
    data = anndata.AnnData(counts, obs=obs.astype("category"), var=var)
    data.layers["counts"] = counts.copy()
    return data


def test_ranked_genes_are_the_table_that_scanpy_gives(cells):
    sc = pytest.importorskip("scanpy", reason="scanpy is not installed")
    data = cells.copy()
    sc.pp.normalize_total(data)
    sc.pp.log1p(data)
    sc.tl.rank_genes_groups(data, "type", method="t-test", key_added="by_type")
    found = decode.read_de_table(data, key="by_type")
    assert found.source == "scanpy"
    assert sorted(found.contrasts) == ["B cell", "T cell"]
    expected = sc.get.rank_genes_groups_df(data, "T cell", key="by_type").set_index("names")
    ids = cells.var["gene_ids"].astype(str)
    statistic = found.statistic["T cell"].loc[ids.loc[expected.index]]
    np.testing.assert_allclose(statistic, expected["scores"], rtol=1e-6)
    np.testing.assert_allclose(found.adjusted_p["T cell"].loc[statistic.index], expected["pvals_adj"], rtol=1e-6)
    is_high = found.statistic["T cell"].loc[ids.iloc[:100]]
    assert (is_high > 3).mean() > 0.9

    drivers = decode.find_drivers(
        found, driver_features(), config=decode.DriversConfig(independent_genes=True, n_null=50)
    )
    assert set(drivers.contrasts["contrast"]) == {"B cell", "T cell"}


def test_a_key_that_is_not_there_or_holds_something_else(cells):
    data = cells.copy()
    with pytest.raises(KeyError, match=r"has no uns.'rank_genes_groups'"):
        decode.read_de_table(data)
    data.uns["rank_genes_groups"] = {"names": np.array(["A"]), "scores": np.array([1.0])}
    with pytest.raises(ValueError, match=r"no result of scanpy.tl.rank_genes_groups"):
        decode.read_de_table(data)


@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csc_matrix, np.asarray])
@pytest.mark.parametrize("place", ["X", "raw", "layer"])
def test_pseudobulk_of_an_object_is_that_of_its_file(cells, tmp_path, form, place):
    data = cells.copy()
    counts = form(data.layers.pop("counts").toarray())
    if place == "raw":
        data.X = counts
        data.raw = data.copy()
    if place == "layer":
        data.layers["counts"] = counts
    data.X = (
        counts
        if place == "X"
        else sparse.csr_matrix(np.log1p(counts.toarray() if sparse.issparse(counts) else counts) / 3)
    )
    data.write_h5ad(tmp_path / "cells.h5ad")
    kept = data.copy()
    found = decode.pseudobulk(data, "donor", "type", min_cells=10)
    read = decode.pseudobulk(tmp_path / "cells.h5ad", "donor", "type", min_cells=10)
    pd.testing.assert_frame_equal(found.cpm, read.cpm)
    pd.testing.assert_frame_equal(found.samples, read.samples)
    assert found.matrix == {"X": "X", "raw": "raw/X", "layer": "layers/counts"}[place]
    own = cells[(cells.obs["donor"] == "d1") & (cells.obs["type"] == "T cell")].layers["counts"]
    sums = np.asarray(own.sum(axis=0)).ravel()
    np.testing.assert_allclose(found.cpm.loc[cells.var["gene_ids"], "d1|T cell"], 1e6 * sums / sums.sum(), rtol=1e-6)
    pd.testing.assert_frame_equal(data.obs, kept.obs)
    with pytest.raises(ValueError, match="obs of the AnnData object lacks"):
        decode.pseudobulk(data, "person")


def test_drivers_go_into_uns_and_into_a_file(cells, tmp_path):
    features = driver_features()
    result = decode.find_drivers(
        planted_table(features), features, config=decode.DriversConfig(independent_genes=True, n_null=50)
    )
    data = cells.copy()
    decode.add_drivers(data, result)
    data.write_h5ad(tmp_path / "cells.h5ad")
    found = anndata.read_h5ad(tmp_path / "cells.h5ad").uns["decode_drivers"]["drivers"]
    assert found["regulator"].astype(str).tolist() == result.drivers["regulator"].tolist()
    np.testing.assert_allclose(found["fdr"], result.drivers["fdr"])
    with pytest.raises(TypeError, match=r"result is a DataFrame; what decode.find_drivers returns"):
        decode.add_drivers(data, result.drivers)
