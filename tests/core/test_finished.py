from __future__ import annotations

import json

import numpy as np
import pytest

from decode.core.finished import FinishedRuns, content_hash, file_name


def test_a_finished_run_is_reused_and_another_signature_refused(tmp_path):
    runs = FinishedRuns(tmp_path / "runs")
    assert runs.load("full", "a") is None
    runs.save("full", "a", {"spearman": [0.1, np.nan], "n": 3})
    assert runs.load("full", "a") == {"spearman": [0.1, None], "n": 3}
    assert "numpy" in json.loads((tmp_path / "runs" / "full.json").read_text())["versions"]
    with pytest.raises(ValueError, match="belongs to a run with other data or options; remove"):
        runs.load("full", "b")
    (tmp_path / "runs" / "full.json").write_text("{")
    with pytest.raises(ValueError, match="is damaged"):
        runs.load("full", "a")


def test_without_a_folder_nothing_is_kept(tmp_path):
    runs = FinishedRuns(None)
    runs.save("full", "a", {})
    assert runs.load("full", "a") is None


def test_folders_are_made_when_there_is_something_to_keep(tmp_path):
    runs = FinishedRuns(tmp_path / "out" / "runs")
    assert not any(tmp_path.iterdir())
    runs.save("full", "a", {})
    assert (tmp_path / "out" / "runs" / "full.json").is_file()
    with pytest.raises(FileNotFoundError, match="does not exist"):
        FinishedRuns(tmp_path / "no" / "out" / "runs")
    with pytest.raises(FileExistsError, match="is a file"):
        FinishedRuns(tmp_path / "out" / "runs" / "full.json")


def test_hash_tells_content_type_and_shape_apart():
    same = content_hash([np.array(["a", "b"]), "x"])
    assert content_hash([np.array(["a", "b"], dtype=object), "x"]) == same
    others = [[np.array(["ab"]), "x"], [np.arange(4)], [np.arange(4).reshape(2, 2)], [np.arange(4, dtype=np.int32)], []]
    assert len({same, *map(content_hash, others)}) == 6


def test_file_name_is_safe():
    assert file_name("a/b c.d-é") == "a_b_c.d-_"
