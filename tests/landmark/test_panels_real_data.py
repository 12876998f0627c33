from __future__ import annotations

from pathlib import Path

import pytest

from decode.landmark.panel_evaluation import evaluate_panel
from decode.landmark.prepare import prepare_expression
from decode.landmark.probes import read_probe_map
from decode.landmark.sources import open_samples

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def found(shared: Path, tmp_path_factory):
    """Greedy panels and L1000's genes on the 240 arrays, in one held-out split."""
    data = shared / "data" / "landmark"
    maps = [data / "dgex_landmarks.txt", data / "dgex_targets.txt.gz"]
    out = tmp_path_factory.mktemp("arrays") / "arrays.h5"
    with open_samples(data / "u133a240_mas5.npz") as source, prepare_expression(
        source, out=out, probe_map=maps
    ) as prepared:  # fmt: skip
        landmarks = list(dict.fromkeys(read_probe_map(maps[0])["gene_id"]))
        yield evaluate_panel(prepared, landmarks, methods=["greedy"], sizes=(50, 200), n_random=20)


def test_greedy_beats_every_random_panel_and_landmarks(found):
    errors = found.panels.groupby(["panel", "size"])["mean_mae"].mean()
    drawn = found.panels[found.panels["panel"] == "random"].groupby("size")["mean_mae"].min()
    for size in (50, 200):
        assert errors["greedy", size] < drawn[size]
        assert errors["greedy", size] < errors["panel", size]


def test_more_genes_help_and_most_targets_are_left(found):
    errors = found.panels.groupby(["panel", "size"])["mean_mae"].mean()
    for panel in ("panel", "greedy", "random"):
        assert errors[panel, 200] < errors[panel, 50]
    assert found.panels["n_targets"].min() > 5000
