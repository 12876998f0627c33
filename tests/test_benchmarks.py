from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from benchmarks import bench_features
from benchmarks.__main__ import REGISTRY, main, table_of
from benchmarks.measure import Row, example_work, measured, ratio

N_PROMOTERS = 60
SIDES = {"pyranges": bench_features.pyranges_side, "bedtools": bench_features.bedtools_side}
SIDES["windows"] = bench_features.bedtools_windows_side


@pytest.fixture(scope="module")
def peaks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("peaks")
    assert bench_features.simulate_peaks(folder, 3, 300, N_PROMOTERS) >= 890
    return folder


@pytest.fixture(scope="module")
def ours(peaks: Path, tmp_path_factory: pytest.TempPathFactory) -> sparse.csr_array:
    out = tmp_path_factory.mktemp("ours") / "ours.npz"
    finish = bench_features.ours(str(peaks), N_PROMOTERS, str(out))()
    assert finish()["n_values"] > 0
    return sparse.load_npz(out)


def test_simulated_peaks_are_reproducible_and_sorted(peaks: Path, tmp_path: Path) -> None:
    bench_features.simulate_peaks(tmp_path, 3, 300, N_PROMOTERS)
    for path in sorted(peaks.iterdir()):
        text = path.read_text()
        assert text == (tmp_path / path.name).read_text()
        rows = [line.split("\t") for line in text.splitlines()]
        places = [(row[0], int(row[1])) for row in rows]
        assert places == sorted(places)
        assert all(int(row[1]) < int(row[2]) for row in rows)


@pytest.mark.parametrize("side", list(SIDES))
def test_peers_get_the_same_matrix(side: str, peaks: Path, ours: sparse.csr_array, tmp_path: Path) -> None:
    if side != "pyranges" and shutil.which("bedtools") is None:
        pytest.skip("bedtools is not installed")
    SIDES[side](str(peaks), N_PROMOTERS, str(tmp_path / "peer.npz"))()()
    theirs = sparse.load_npz(tmp_path / "peer.npz")
    assert ours.shape == theirs.shape == (N_PROMOTERS * 30, 3)
    assert abs(ours.astype(np.int64) - theirs.astype(np.int64)).max() == 0


def test_measured_runs_in_a_process_of_its_own() -> None:
    found = measured(example_work, n=1000)
    assert found.result == {"total": 499_500}
    assert found.cpu_s >= 0
    assert 0 < found.peak_gib < 8


def test_rows_and_ratios(tmp_path: Path) -> None:
    assert ratio(10.0, 2.0) == 5.0
    assert ratio(None, 2.0) is None
    rows = [Row("case", "peer", 1.0, 20.0, 20.0, 0.0, 0.5), Row("skipped", "bedtools", note="bedtools is absent")]
    assert table_of("features", rows).row_count == 2
    assert list(rows[1].to_dict())[:7] == [
        "case", "peer", "ours_s", "peer_s", "ratio", "largest_difference", "peak_gib",
    ]  # fmt: skip


def test_command_line_refuses_wrong_arguments(tmp_path: Path) -> None:
    for arguments in (
        ["nothing", "--out", str(tmp_path / "x.json")],
        ["features", "--scale", "2", "--out", str(tmp_path / "x.json")],
        ["features", "--out", str(tmp_path / "no" / "x.json")],
    ):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
    assert "features" in REGISTRY


@pytest.mark.slow
def test_features_at_a_tiny_scale(tmp_path: Path) -> None:
    out = tmp_path / "features.json"
    assert main(["features", "--scale", "0.001", "--out", str(out)]) == 0
    rows = json.loads(out.read_text())
    assert [row["case"].split()[0] for row in rows] == [
        "count", "count", "count", "random_access_128", "compile", "real_corpus",
    ]  # fmt: skip
    assert all(row["largest_difference"] in (0, None) for row in rows)
    assert rows[0]["peer"] == "pyranges"
    assert rows[0]["peak_gib"] < 1
