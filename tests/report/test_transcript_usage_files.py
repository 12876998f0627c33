from __future__ import annotations

import json

import numpy as np
import pandas as pd

from decode.evaluation.transcript_usage import UsageResult, summarise_usage, usage_accuracy
from decode.report.transcript_usage import usage_table, write_usage


def result(*, with_level: bool = True) -> UsageResult:
    rng = np.random.default_rng(0)
    ids, genes = [f"T{i}" for i in range(12)], [f"G{i // 3}" for i in range(12)]
    tasks = ["median_level", "liver", "lung"] if with_level else ["liver", "lung"]
    tables = [
        pd.DataFrame(rng.normal(size=(12, len(tasks))), columns=tasks).assign(transcript_id=ids) for _ in range(2)
    ]
    of_gene = dict(zip(ids, genes, strict=True))
    table = pd.concat([usage_accuracy(*tables, of_gene).assign(predictor=name) for name in ("model", "mean", "paper")])
    table.loc[table["predictor"] == "mean", "spearman_pooled"] = np.nan
    metrics = {
        "split": "test",
        "n_transcripts_with_usage": 12,
        "n_genes_with_usage": 4,
        "predictors": {name: summarise_usage(part) for name, part in table.groupby("predictor", sort=False)},
    }
    frames = [frame.assign(gene_id=genes) for frame in tables]
    return UsageResult(table, frames[0], frames[1], metrics)


def test_all_files_are_written(tmp_path):
    written = write_usage(result(), tmp_path / "out", record={"command": []}, title="toy")
    assert [path.name for path in written] == [
        "metrics.json",
        "run.json",
        "usage.tsv",
        "usage_actual.tsv.gz",
        "usage_median_level.png",
        "usage_median_level.svg",
        "usage_per_task.png",
        "usage_per_task.svg",
        "usage_predicted.tsv.gz",
    ]
    assert (
        json.loads((tmp_path / "out" / "metrics.json").read_text())["predictors"]["mean"]["level_mean_pooled"] is None
    )
    assert len(pd.read_csv(tmp_path / "out" / "usage.tsv", sep="\t")) == 3 * 5


def test_without_median_level(tmp_path):
    names = [path.name for path in write_usage(result(with_level=False), tmp_path / "out")]
    assert "usage_median_level.png" not in names
    assert "usage_per_task.png" in names


def test_table_of_headline_figures():
    lines = usage_table(result().metrics).splitlines()
    assert lines[0].startswith("12 test transcripts of 4 genes")
    assert lines[1].split() == ["median", "level", "level", "mean", "fold", "change", "mean"]
    assert lines[3].startswith("mean")
    assert "- (" in lines[3]
