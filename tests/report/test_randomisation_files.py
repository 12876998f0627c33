from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from kinds import kinds_of
from matplotlib.image import imread

from decode.evaluation.randomisation import RandomisationResult, compare_variants, summarise_variants
from decode.report.randomisation import randomisation_plot, write_randomisation


def result(tasks: tuple[str, ...] = ("median_level", "liver", "lung"), seeds: int = 2) -> RandomisationResult:
    rng = np.random.default_rng(0)
    keys = [("full", False), ("rna_shuffled", False), ("rna_shuffled", True), ("length_only", False)]
    rows = [
        pd.DataFrame(
            {"variant": name, "stratified": within, "seed": seed, "task": tasks, "spearman": rng.random(len(tasks))}
            | {"task_kind": kinds_of(tasks)}
        )
        for seed in range(seeds)
        for name, within in keys
    ]
    table = pd.concat(rows, ignore_index=True)
    return RandomisationResult(table, summarise_variants(table), compare_variants(table, tasks), {"train": 5})


def test_all_files_are_written(tmp_path):
    written = write_randomisation(result(), tmp_path / "out", record={"command": []}, title="toy")
    assert [path.name for path in written] == [
        "comparison.tsv",
        "randomisation.png",
        "randomisation.svg",
        "randomisation.tsv",
        "run.json",
        "summary.tsv",
    ]
    assert sorted((tmp_path / "out").iterdir()) == written
    assert json.loads((tmp_path / "out" / "run.json").read_text())["counts"] == {"train": 5}
    back = pd.read_csv(tmp_path / "out" / "randomisation.tsv", sep="\t")
    pd.testing.assert_frame_equal(back, result().table, check_dtype=False)
    height, width = imread(tmp_path / "out" / "randomisation.png").shape[:2]
    assert width > height > 150


def test_undefined_numbers_are_empty_and_not_drawn(tmp_path):
    one = result(seeds=1)
    table = one.table.assign(spearman=np.nan)
    undefined = RandomisationResult(table, summarise_variants(table), compare_variants(table, ["a", "b", "c"]), {})
    write_randomisation(undefined, tmp_path / "out")
    assert "nan" not in (tmp_path / "out" / "comparison.tsv").read_text().lower()
    assert (tmp_path / "out" / "randomisation.png").stat().st_size > 5000


def test_bad_input(tmp_path):
    found = result()
    with pytest.raises(ValueError, match=r"table of a randomisation lacks the column\(s\) seed"):
        randomisation_plot(found.table.drop(columns="seed"), found.comparison)
    level = found.table[found.table["task"] == "median_level"]
    with pytest.raises(ValueError, match="no task beside the median level"):
        randomisation_plot(level, found.comparison)
    with pytest.raises(FileNotFoundError):
        write_randomisation(found, tmp_path / "no" / "out")
