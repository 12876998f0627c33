from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from kinds import kinds_of

from decode.evaluation.calibration import calibrate, interval_factors
from decode.evaluation.crossval import CrossValidation
from decode.report.crossval import folds_plot, write_cross_validation


def result(tasks: tuple[str, ...] = ("median_level", "liver", "brain"), *, calibrated: bool = True) -> CrossValidation:
    rng = np.random.default_rng(0)
    ids = [f"G{i}" for i in range(30)]
    actual, predicted = (rng.normal(size=(30, len(tasks))) for _ in range(2))
    spread = rng.uniform(0.1, 1, actual.shape)
    table = pd.DataFrame(actual, columns=list(tasks))
    table.insert(0, "gene_id", ids)
    rows = [
        {
            "fold": fold,
            "task": task,
            "task_kind": kinds_of([task])[0],
            "n_genes": 10,
            "model": rng.random(),
            "mean": np.nan,
            "ridge_totals": rng.random(),
        }
        | {"task_kind": kinds_of([task])[0], "member_mean": rng.random(), "rmse": 1.0}
        for fold in ("fold_1", "fold_2", "fold_3")
        for task in tasks
    ]
    per_fold = pd.DataFrame(rows)
    per_task = per_fold.drop(columns="fold").groupby(["task", "task_kind"], sort=False).mean().reset_index()
    folds = pd.DataFrame({"fold": ["fold_1", "fold_2", "fold_3"], "chromosomes": ["chr1", "chr2", "chr3,chr4"]})
    factors = [interval_factors(actual, predicted, spread)]
    return CrossValidation(
        predictions=table,
        spread=table,
        actual=table,
        genes=pd.DataFrame({"gene_id": ids, "chrom": "chr1", "fold": "fold_1"}),
        folds=folds,
        per_fold=per_fold,
        per_task=per_task,
        calibration=calibrate(actual, predicted, spread, tasks, kinds_of(tasks), factors=factors)
        if calibrated
        else None,
        metrics={"n_genes": 30, "baselines": {"mean": {}, "ridge_totals": {}}, "model": {"x": float("nan")}},
    )


TABLES = ["folds.tsv", "genes.tsv.gz", "metrics.json", "per_fold.tsv", "per_task.tsv", "run.json"]
TABLES += [f"{name}{end}" for name in ("folds", "per_task") for end in (".png", ".svg")]


def test_all_files_are_written(tmp_path):
    written = write_cross_validation(result(), tmp_path / "out", record={"command": []}, title="toy")
    expected = [*TABLES, "predictions.tsv.gz", "spread.tsv.gz", "intervals.tsv"]
    expected += [f"calibration{end}" for end in (".json", ".png", ".svg", "_bins.tsv", "_tasks.tsv")]
    assert [path.name for path in written] == sorted(expected)
    assert sorted((tmp_path / "out").iterdir()) == written
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["model"] == {"x": None}
    back = pd.read_csv(tmp_path / "out" / "predictions.tsv.gz", sep="\t")
    pd.testing.assert_frame_equal(back, result().predictions)
    assert "nan" not in (tmp_path / "out" / "per_fold.tsv").read_text().lower()


@pytest.mark.parametrize("tasks", [("median_level",), ("liver",)])
def test_without_a_spread_and_with_one_task(tmp_path, tasks):
    written = write_cross_validation(result(tasks, calibrated=False), tmp_path / "out")
    assert [path.name for path in written] == sorted([*TABLES, "predictions.tsv.gz", "spread.tsv.gz"])
    assert (tmp_path / "out" / "folds.png").stat().st_size > 5000


def test_bad_input(tmp_path):
    with pytest.raises(ValueError, match=r"accuracy by fold lacks the column\(s\) model"):
        folds_plot(result().per_fold.drop(columns="model"))
    with pytest.raises(FileNotFoundError):
        write_cross_validation(result(), tmp_path / "no" / "out")
    assert not any(tmp_path.iterdir())
