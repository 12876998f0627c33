from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest

from decode.expression.targets import read_targets
from decode.expression.task_kinds import (
    headline_label,
    kinds_of_tasks,
    kinds_sentence,
    main_kind,
    main_tasks,
    tasks_by_kind,
    with_task_kinds,
)
from decode.expression.tissue import table_targets, tissue_targets


def targets() -> pd.DataFrame:
    return pd.DataFrame(
        {"gene_id": ["A", "B"], "median_level": [1.0, 2.0], "liver": [0.2, -1.0], "lung": [0.1, np.nan]}
    )


class TestKinds:
    def test_what_is_said_wins_over_what_the_table_carries(self):
        assert kinds_of_tasks(targets()) == ["median_level", "fold_change", "fold_change"]
        marked = with_task_kinds(targets(), {"lung": "other"})
        assert kinds_of_tasks(marked) == ["median_level", "fold_change", "other"]
        assert kinds_of_tasks(marked, "level") == ["median_level", "level", "level"]
        assert kinds_of_tasks(marked, {"liver": "level"}) == ["median_level", "level", "other"]
        assert "task_kinds" not in targets().attrs

    def test_chosen_columns_keep_their_kind(self):
        marked = with_task_kinds(targets(), {"lung": "other", "liver": "level"})
        assert kinds_of_tasks(marked[["gene_id", "lung"]]) == ["other"]
        assert kinds_of_tasks(marked.iloc[:1]) == ["median_level", "level", "other"]

    def test_bad_input(self):
        with pytest.raises(ValueError, match="kind of task liver"):
            kinds_of_tasks(targets(), "levels")  # type: ignore[arg-type]
        with pytest.raises(KeyError, match="spleen"):
            kinds_of_tasks(targets(), {"spleen": "level"})
        with pytest.raises(ValueError, match="the column median_level, and no other"):
            kinds_of_tasks(targets(), {"liver": "median_level"})
        with pytest.raises(ValueError, match="the column median_level, and no other"):
            kinds_of_tasks(targets(), {"median_level": "level"})

    def test_levels_that_nobody_named_are_told(self, caplog):
        table = pd.DataFrame(
            {"gene_id": list("ABC"), "a": [4.0, 5.0, -2.0], "b": [0.0, 0.5, 0.2], "c": [-0.1, 0.2, 3.0]}
        )
        with caplog.at_level(logging.WARNING):
            kinds_of_tasks(table)
        assert "2 of 3 tasks are taken for log2 fold changes but hardly fall below 0: a, b;" in caplog.text
        caplog.clear()
        kinds_of_tasks(table, "fold_change")
        kinds_of_tasks(table.assign(a=np.nan, b=0.0))  # nothing measured, nothing changes
        assert not caplog.text


def test_main_tasks_and_order():
    assert [kind for kind, _ in tasks_by_kind(["median_level", "other", "level", "fold_change"])] == [
        "fold_change", "level", "other", "median_level",
    ]  # fmt: skip
    assert main_tasks(["other", "median_level"]).tolist() == [True, False]
    assert main_tasks(["median_level"]).tolist() == [False]
    assert main_tasks([]).tolist() == []
    assert (main_kind(["other", "level"]), main_kind(["median_level"])) == ("level", "median_level")
    assert headline_label("level_mean_spearman_sd_over_folds") == "level"


class TestMadeTables:
    def test_every_maker_says_what_it_made(self):
        tpm = pd.DataFrame({"liver": [30.0, 1.0], "lung": [10.0, 5.0]}, index=["A", "B"])
        assert kinds_sentence(tissue_targets(tpm).targets) == "2 fold change, 1 median level"
        levels = table_targets(tpm, already_log2=False, centre=False).targets
        assert kinds_of_tasks(levels) == ["level", "level"]
        assert "--task-kind level" in kinds_sentence(levels)
        assert kinds_of_tasks(table_targets(tpm, already_log2=True).targets) == ["median_level", *["fold_change"] * 2]
        other = table_targets(tpm, already_log2=True, centre=False, kind="other").targets
        assert kinds_of_tasks(other) == ["other", "other"]
        with pytest.raises(ValueError, match="kind is 'level' and centre True"):
            table_targets(tpm, already_log2=True, kind="level")

    def test_a_file_has_no_kinds_and_levels_are_told(self, tmp_path, caplog):
        levels = table_targets(pd.DataFrame({"a": [30.0, 7.0]}, index=["A", "B"]), already_log2=False, centre=False)
        levels.targets.to_csv(tmp_path / "t.tsv", sep="\t", index=False)
        back = read_targets(tmp_path / "t.tsv")
        assert kinds_of_tasks(back) == ["fold_change"]
        assert "say what they are" in caplog.text
