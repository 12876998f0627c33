from __future__ import annotations

import json

import pandas as pd
import pytest
from command_line import call

from decode.synthetic.profiles import make_toy_profiles

TRAIN = ("--hidden", 8, "--bottleneck", 4, "--epochs", 3, "--min-updates", 0, "--members", 2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A matrix, its samples, prepared profiles and an autoencoder, as the commands write them."""
    folder = tmp_path_factory.mktemp("landmark")
    toy = make_toy_profiles(80, n_factors=4, followers=5, n_noise_genes=16)
    toy.expression.to_csv(folder / "matrix.tsv", sep="\t")
    toy.samples.assign(age=1).to_csv(folder / "samples.tsv", sep="\t")
    found = call(
        "landmark", "prepare", folder / "matrix.tsv", "--labels", folder / "samples.tsv", "--out", folder / "p.h5"
    )
    assert found.status == 0, found.err
    assert "n samples 80" in found.out
    found = call("landmark", "train", folder / "p.h5", "--out", folder / "AE", *TRAIN)
    assert found.status == 0, found.err
    assert "test: gene MAE" in found.out
    return folder


def test_select_writes_the_panel_and_its_record(folder):
    out, scores = folder / "panel.tsv", folder / "scores.tsv.gz"
    command = ("landmark", "select", folder / "AE", folder / "p.h5", "--size", 6, "--repeats", 3, "--out", out)
    found = call(*command, "--all-scores", scores)
    assert found.status == 0, found.err
    assert "6 of 40 genes by deeplift; two repeats share" in found.out
    panel = pd.read_csv(out, sep="\t")
    assert list(panel.columns) == ["rank", "gene_id", "gene_name", "score", "score_signed", "method", "stability"]
    assert len(panel) == 6
    assert len(pd.read_csv(scores, sep="\t")) == 40
    record = json.loads((folder / "panel.tsv.run.json").read_text())
    assert record["counts"]["n_repeats"] == 6  # two members
    assert record["options"]["size"] == 6
    assert not (folder / "panel.tsv.work").exists()
    again = call(*command)
    assert (again.status, "already holds this result" in again.out) == (0, True)
    other = call(*(7 if item == 6 else item for item in command))
    assert (other.status, "--force" in other.err) == (2, True)


def test_embed_judges_the_bottleneck_beside_components(folder):
    found = call(
        "landmark", "embed", folder / "AE", folder / "matrix.tsv", "--labels", folder / "samples.tsv",
        "--out", folder / "embedding.tsv",
    )  # fmt: skip
    assert found.status == 0, found.err
    table = pd.read_csv(folder / "embedding.tsv", sep="\t")
    assert table.shape == (80, 5)
    judged = pd.read_csv(folder / "embedding.groups.tsv", sep="\t")
    assert judged["space"].tolist() == ["bottleneck", "principal components", "all genes"]
    assert judged["n_dimensions"].tolist() == [4, 4, 40]
    for name in ("plane.png", "plane.svg", "tree.png", "tree.svg"):
        assert (folder / f"embedding.{name}").stat().st_size > 1000


def test_a_finished_prepare_and_train_are_not_done_again(folder):
    again = call("landmark", "train", folder / "p.h5", "--out", folder / "AE", *TRAIN)
    assert (again.status, "already holds" in again.out) == (0, True)
    record = json.loads((folder / "AE.run.json").read_text())
    assert record["counts"]["n_updates"] == 12
    assert {"AE/history.png", "AE/history.svg", "AE/autoencoder.json"} <= set(record["files"])
    assert not (folder / "AE.work").exists()


def test_errors_are_one_line(folder, tmp_path):
    cases = [
        (
            ("train", folder / "p.h5", "--out", tmp_path / "A", "--bottleneck", 64),
            "not smaller than the 64 training samples",
        ),
        (("train", folder / "matrix.tsv", "--out", tmp_path / "A"), "give the output of decode landmark prepare"),
        (
            ("select", folder / "AE", folder / "p.h5", "--size", 41, "--out", tmp_path / "p.tsv"),
            "larger than the 40 genes",
        ),
        (("select", folder, folder / "p.h5", "--out", tmp_path / "p.tsv"), "is no autoencoder"),
        (("prepare", tmp_path / "absent.gctx", "--out", tmp_path / "p.h5"), "does not exist"),
        (
            ("prepare", folder / "matrix.tsv", "--group-column", "x", "--out", tmp_path / "p.h5"),
            "needs a table of samples",
        ),
    ]
    for arguments, expected in cases:
        found = call("landmark", *arguments)
        assert found.status == 2, arguments
        assert expected in found.err
        assert found.err.strip().splitlines()[-1].startswith("decode: error: ")
