from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from planted import planted_dataset, quick_bundle

from decode.models.bundle import load_bundle
from decode.persons.critical_regulators import CriticalResult
from decode.persons.de_prior_model import DePriorResult
from decode.report.de_prior import accuracy_plot, de_prior_text, regulator_plot, roc_plot, write_de_prior


@pytest.fixture
def result():
    rng = np.random.default_rng(0)
    rank = rng.random(200)
    predictions = pd.DataFrame(
        {"gene_id": [f"G{i}" for i in range(200)], "gene_name": "x", "chrom": "chr1", "split": "test"}
    ).assign(de_prior_rank=rank, de_prior=rank - 0.5, predicted=rank + rng.normal(size=200))
    figures = {"n_genes": 200, "n_high": 20, "spearman": 0.4, "auroc": 0.7, "auroc_low": 0.65, "auroc_high": 0.75}
    nothing = figures | {"spearman": np.nan, "auroc": 0.5, "auroc_low": 0.5, "auroc_high": 0.5}
    accuracy = pd.DataFrame(
        [
            {"part": "test", "predictor": "model", **figures},
            {"part": "test", "predictor": "mean", **nothing},
            {"part": "validation", "predictor": "model", **figures},
        ]
    )
    randomisation = pd.DataFrame(
        [{"variant": name, "seed": seed, **figures} for name in ("full", "rna_shuffled") for seed in (0, 1)]
    )
    bundle = quick_bundle(planted_dataset(60), members=1)
    return DePriorResult(bundle, accuracy, randomisation, predictions, {"de_prior": {"infinite": 1}})


@pytest.fixture
def critical():
    table = pd.DataFrame(
        {
            "kind": ["TF", "TF", "TF", "RBP"],
            "regulator": list("ABCD"),
            "mean": [0.4, -0.1, 0.01, 0.9],
            "sd_members": 0.1,
        }
    ).assign(score=[0.4, 0.1, 0.01, 0.9], is_critical=[True, False, False, False])
    return CriticalResult(table, pd.DataFrame(), {"critical": 1})


def test_files(result, critical, tmp_path):
    paths = write_de_prior(result, critical, tmp_path / "out")
    names = {path.name for path in paths}
    assert {"accuracy.tsv", "randomisation_summary.tsv", "predictions.tsv.gz", "roc.svg", "regulators.png"} <= names
    assert "gene_sets.tsv" not in names
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["kind"] == "deprior"
    assert record["counts"]["de_prior"] == {"infinite": 1}
    assert record["counts"]["critical_regulators"] == {"critical": 1}
    accuracy = (tmp_path / "out" / "accuracy.tsv").read_text()
    assert "nan" not in accuracy.lower()
    sets = pd.DataFrame({"gene_set": ["s"], "p_value": [0.5]})
    again = write_de_prior(result, critical._replace(gene_sets=sets), tmp_path / "out", force=True)
    assert "gene_sets.tsv" in {path.name for path in again}
    assert record["files"].keys() == {
        path.relative_to(tmp_path / "out").as_posix() for path in paths if path.name != "run.json"
    }
    assert load_bundle(tmp_path / "out" / "model").tasks == result.bundle.tasks


def test_text(result, critical):
    text = de_prior_text(result, critical)
    assert "0.650 to 0.750" in text
    assert "RNA shuffled" in text
    assert text.endswith("critical: A")


def test_figures_show_what_the_tables_hold(result, critical):
    figure = accuracy_plot(result.accuracy, result.randomisation)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["model", "mean", "single member, all sites", "single member, RNA shuffled"]
    curve = roc_plot(result.predictions).axes[0].lines[1]
    assert curve.get_xdata()[-1] == curve.get_ydata()[-1] == 1
    bars = regulator_plot(critical.regulators).axes[0]
    assert [label.get_text() for label in bars.get_yticklabels()] == ["A", "C", "B"]  # the RBP is no TF
    with pytest.raises(ValueError, match="auroc"):
        accuracy_plot(result.accuracy.drop(columns="auroc"), result.randomisation)
