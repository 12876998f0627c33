from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from kinds import kinds_of

from decode.evaluation.evaluate import Evaluation
from decode.report.evaluation import median_task, write_evaluation


def evaluation(tasks: list[str], *, kinds: list[str] | None = None, n_genes: int = 20) -> Evaluation:
    rng = np.random.default_rng(0)
    actual = pd.DataFrame(rng.normal(size=(n_genes, len(tasks))), columns=tasks)
    predictions = actual + rng.normal(size=actual.shape)
    for table in (actual, predictions):
        table.insert(0, "gene_id", [f"gene_{i}" for i in range(n_genes)])
    accuracy = pd.DataFrame(
        {
            "task": tasks,
            "task_kind": kinds or kinds_of(tasks),
            "n_genes": n_genes,
            "model": np.linspace(0.7, 0.1, len(tasks)),
        }
    )
    accuracy[["mean", "length_only", "ridge_totals"]] = [np.nan, 0.1, 0.2]
    changes = [task for task in tasks if task != "median_level"]
    specificity = pd.DataFrame(np.eye(len(changes)), index=changes, columns=changes)
    scores = {"fold_change_mean_spearman": 0.4, "median_level_spearman": float("nan")}
    baselines = dict.fromkeys(["mean", "length_only", "ridge_totals"], scores)
    metrics = {"split": "test", "n_genes": n_genes, "model": scores, "baselines": baselines, "seeds": [1]}
    metrics["task_kinds"] = dict(zip(tasks, kinds or kinds_of(tasks), strict=True))
    return Evaluation(metrics, accuracy, predictions, actual, specificity)


FIGURES = ("per_task", "specificity", "fold_change", "median_level", "training")


def test_every_file_is_written_and_undefined_numbers_are_null(tmp_path: Path) -> None:
    history = pd.DataFrame(
        {"member": [0, 0, 1], "epoch": [0, 1, 0], "train_loss": [1.0, 0.9, 1.1], "validation_loss": [1.0, 0.8, 1.0]}
    )
    result = evaluation(["median_level", "a", "b", "c"])
    written = write_evaluation(result, tmp_path / "out", history=history, title="toy")
    assert {path.name for path in written} == {path.name for path in (tmp_path / "out").iterdir()}
    assert {path.name for path in written} == {
        "metrics.json", "per_task.tsv", "predictions.tsv.gz", "specificity.tsv", "run.json",
        *(f"{name}{end}" for name in FIGURES for end in (".png", ".svg")),
    }  # fmt: skip
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["model"] == {"fold_change_mean_spearman": 0.4, "median_level_spearman": None}
    predictions = pd.read_csv(tmp_path / "out" / "predictions.tsv.gz", sep="\t")
    pd.testing.assert_frame_equal(predictions, result.predictions)  # full float precision
    assert pd.read_csv(tmp_path / "out" / "specificity.tsv", sep="\t", index_col=0).shape == (3, 3)
    assert pd.read_csv(tmp_path / "out" / "per_task.tsv", sep="\t")["mean"].isna().all()


def test_a_table_without_median_level(tmp_path: Path) -> None:
    names = {path.name for path in write_evaluation(evaluation(["a", "b"]), tmp_path / "out")}
    assert "median_level.png" not in names
    assert "training.png" not in names
    assert "fold_change.png" in names


def test_a_table_of_levels(tmp_path: Path) -> None:
    names = {path.name for path in write_evaluation(evaluation(["a", "b"], kinds=["level"] * 2), tmp_path / "out")}
    assert {"level.png", "specificity.png", "per_task.png"} <= names
    assert not {"fold_change.png", "median_level.png"} & names


def test_a_table_of_the_median_level_alone(tmp_path: Path) -> None:
    names = {path.name for path in write_evaluation(evaluation(["median_level"]), tmp_path / "out")}
    assert "specificity.png" not in names
    assert {"median_level.png", "per_task.png"} <= names


def test_median_task_is_neither_best_nor_worst() -> None:
    table = pd.DataFrame({"task": ["median_level", "a", "b", "c", "d"], "model": [0.9, np.nan, 0.1, 0.5, 0.3]})
    table["task_kind"] = kinds_of(table["task"])
    assert median_task(table) == "d"
    assert median_task(table.iloc[:2]) is None


def test_missing_parent(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist"):
        write_evaluation(evaluation(["a"]), tmp_path / "absent" / "out")
