from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decode.attribution.bins import read_bin_attributions
from decode.attribution.result import read_attributions
from decode.features.matrix import RegulatoryFeatures


@pytest.fixture(scope="module")
def genes(features_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("genes") / "genes.txt"
    ids = RegulatoryFeatures.read(features_file).ids[[3, 11]]
    path.write_text("# two genes\n" + "".join(f"{name}.2\twhatever\n" for name in ids))
    return path


def test_test_genes(run, trained, features_file, tmp_path):
    out = tmp_path / "attributions.nc"
    result = run("attribute", trained, features_file, "--out", out)
    assert result.status == 0, result.err
    assert "reference own_length; largest additivity error" in result.out
    split = pd.read_csv(trained / "split.tsv.gz", sep="\t")
    with read_attributions(out) as found:
        assert found.sizes["gene"] == (split["split"] == "test").sum()
        assert found.attrs["engine_agreement"] < 1e-4
        assert found.attrs["additivity_error_max"] < 1e-4
    assert sorted(item.name for item in tmp_path.iterdir()) == ["attributions.nc", "attributions.nc.run.json"]
    before = out.stat().st_mtime_ns
    again = run("attribute", trained, features_file, "--out", out)
    assert (again.status, out.stat().st_mtime_ns) == (0, before)
    assert "already holds this result" in again.out
    other = run("attribute", trained, features_file, "--out", out, "--reference", "mean_gene")
    assert other.status == 2
    assert "give --force to replace it" in other.err


def test_genes_of_a_file(run, trained, features_file, genes, tmp_path):
    out = tmp_path / "a.nc"
    options = ("--genes", genes, "--reference", "matched_genes", "--matched", 5, "--engine", "shap")
    result = run("attribute", trained, features_file, "--out", out, *options)
    assert result.status == 0, result.err
    with read_attributions(out) as found:
        assert found.sizes["gene"] == 2
        assert found.attrs["reference"] == "matched_genes"
        assert found.attrs["n_matched"] == 5


def test_bins(run, trained, features_file, genes, toy, tmp_path):
    out, folder = tmp_path / "bins.nc", tmp_path / "browser"
    options = ("--bins", "--genes", genes, "--tasks", "median_level", "--bedgraph", folder)
    result = run(
        *("attribute", trained, features_file, "--out", out, *options),
        *("--annotation", toy.annotation, "--sizes", toy.sizes),
    )
    assert result.status == 0, result.err
    assert "bins of 2 genes" in result.out
    ids = RegulatoryFeatures.read(features_file).ids[[3, 11]]
    assert sorted(path.name for path in folder.iterdir()) == sorted(f"{i}.median_level.bedgraph" for i in ids)
    with read_bin_attributions(out, str(ids[0])) as found:
        assert np.isfinite(found["attribution_rna"]).all()
        assert found["task"].to_numpy().tolist() == ["median_level"]
    text = (folder / f"{ids[0]}.median_level.bedgraph").read_text()
    assert "rna all tracks" in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--bins"], "needs --genes"),
        (["--tasks", "liver"], "--tasks goes with --bins"),
        (["--annotation", "x.gtf"], "give --bedgraph too"),
        (["--genes", "absent.txt"], "gene list absent.txt does not exist"),
        (["--matched", "0", "--reference", "matched_genes"], "n_matched is 0"),
        (["--executor", "cloud"], "executor is 'cloud'"),
    ],
)
def test_bad_input(run, trained, features_file, tmp_path, options, message):
    result = run("attribute", trained, features_file, "--out", tmp_path / "a.nc", *options)
    assert result.status == 2
    assert message in result.err
    assert not list(tmp_path.iterdir())


def test_genes_that_are_not_there(run, trained, features_file, tmp_path):
    (tmp_path / "genes.txt").write_text("XYZ\n")
    options = ("--out", tmp_path / "a.nc", "--genes", tmp_path / "genes.txt")
    result = run("attribute", trained, features_file, *options)
    assert result.status == 2
    assert "not in the features: XYZ" in result.err
    (tmp_path / "genes.txt").write_text("# nothing\n\n")
    assert "names no gene" in run("attribute", trained, features_file, *options).err


def test_features_that_lack_tracks(run, trained, features_file, tmp_path):
    RegulatoryFeatures.read(features_file).select(kinds=["TF"]).write(tmp_path / "few.h5")
    result = run("attribute", trained, tmp_path / "few.h5", "--out", tmp_path / "a.nc")
    assert result.status == 2
    assert "the features lack" in result.err
