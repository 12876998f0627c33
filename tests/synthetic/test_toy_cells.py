"""Toy cells: an h5ad file of raw counts, with a planted contrast in one type of cells only."""

from __future__ import annotations

import h5py
import numpy as np
import pandas as pd
import pytest

import decode
from decode.core.ids import strip_version


@pytest.fixture(scope="module")
def contrast(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cells")
    toy = decode.make_toy_data(folder / "toy", n_genes=300, seed=3)
    made = decode.make_toy_contrast(folder, toy, n_samples=4)
    ids = pd.read_csv(made.tpm, sep="\t", usecols=["gene_id"])["gene_id"]
    stable = strip_version(ids.tolist())
    return made, pd.DataFrame({"gene_id": stable, "gene_name": [f"NAME{i}" for i in range(len(stable))]})


@pytest.fixture(scope="module")
def cells(contrast, tmp_path_factory):
    return decode.make_toy_cells(tmp_path_factory.mktemp("h5ad") / "cells.h5ad", *contrast, n_cells=30)


def test_counts_of_every_donor_and_type(cells, contrast):
    assert cells.n_cells == 8 * 2 * 30
    found = decode.pseudobulk(cells.path, "donor", "cell_type")
    assert found.matrix == "X"
    assert found.cpm.shape == (300, 16)
    assert found.samples.groupby(["cell_type", "condition"]).size().tolist() == [4, 4, 4, 4]
    assert (found.samples["n_cells"] == 30).all()
    assert found.cpm.index.tolist() == contrast[1]["gene_id"].tolist()


def test_the_contrast_is_in_the_responders_alone(cells, contrast):
    tpm = pd.read_csv(contrast[0].tpm, sep="\t", index_col="gene_id")
    level = np.log2(tpm + 1).to_numpy()
    planted = level[:, 4:].mean(axis=1) - level[:, :4].mean(axis=1)
    found = decode.pseudobulk(cells.path, "donor", "cell_type")
    r = {}
    for cell_type, part in found.samples.groupby("cell_type"):
        log2 = np.log2(found.cpm[part.index].to_numpy() + 1)
        is_treated = (part["condition"] == "treated").to_numpy()
        r[cell_type] = np.corrcoef(planted, log2[:, is_treated].mean(axis=1) - log2[:, ~is_treated].mean(axis=1))[0, 1]
    assert r["responder"] > 0.9
    assert abs(r["bystander"]) < 0.2


def test_equal_seeds_give_equal_counts(cells, contrast, tmp_path):
    again = decode.make_toy_cells(tmp_path / "again.h5ad", *contrast, n_cells=30)
    other = decode.make_toy_cells(tmp_path / "other.h5ad", *contrast, n_cells=30, seed=1)
    counts = []
    for path in (cells.path, again.path, other.path):
        with h5py.File(path) as file:
            counts.append(file["X/data"][:])
    assert np.array_equal(counts[0], counts[1])
    assert not np.array_equal(counts[0], counts[2])


def test_numbers_out_of_range_and_missing_folders(contrast, tmp_path):
    with pytest.raises(ValueError, match="n_cells"):
        decode.make_toy_cells(tmp_path / "x.h5ad", *contrast, n_cells=0)
    with pytest.raises(FileNotFoundError):
        decode.make_toy_cells(tmp_path / "nowhere" / "x.h5ad", *contrast)
    with pytest.raises(KeyError):
        decode.make_toy_cells(tmp_path / "x.h5ad", contrast[0], contrast[1].iloc[:5])
    assert list(tmp_path.iterdir()) == []


def test_anndata_reads_it(cells):
    anndata = pytest.importorskip("anndata", reason="anndata is absent (it caps pandas at 2): pip install '.[h5ad]'")
    read = anndata.read_h5ad(cells.path)
    assert read.shape == (480, 300)
    assert list(read.obs.columns) == ["donor", "condition", "cell_type"]
    found, expected = (decode.pseudobulk(what, "donor", "cell_type") for what in (read, cells.path))
    pd.testing.assert_frame_equal(found.cpm, expected.cpm)
