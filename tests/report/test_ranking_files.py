from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from ranking_data import attributions

from decode.ranking.kinds import compare_classes
from decode.ranking.rank import rank_regulators, regulator_scores
from decode.ranking.table import read_ranking
from decode.report.ranking import top_overall, top_regulators, write_ranking, write_ranking_figures


@pytest.fixture(scope="module")
def scores():
    return regulator_scores(attributions()[0])


def test_tables(scores, tmp_path):
    ranking, kinds = rank_regulators(scores), compare_classes(scores)
    written = write_ranking(ranking, kinds, tmp_path / "r.tsv.gz", record={"reference": "own_length"})
    assert [path.name for path in written] == ["r.tsv.gz", "r.classes.tsv", "r.tsv.gz.run.json"]
    found = read_ranking(tmp_path / "r.tsv.gz")
    np.testing.assert_allclose(found["mean"], ranking["mean"])
    assert len(pd.read_csv(tmp_path / "r.classes.tsv", sep="\t")) == len(kinds)
    record = json.loads((tmp_path / "r.tsv.gz.run.json").read_text())
    assert (record["kind"], record["reference"]) == ("rank", "own_length")
    assert set(record["files"]) == {"r.tsv.gz", "r.classes.tsv"}
    assert [path.name for path in write_ranking(ranking, None, tmp_path / "s.tsv")] == ["s.tsv", "s.tsv.run.json"]
    with pytest.raises(FileExistsError, match="--force"):
        write_ranking(ranking, None, tmp_path / "s.tsv")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        write_ranking(ranking, None, tmp_path / "no" / "s.tsv")


@pytest.mark.parametrize("usage", [False, True])
def test_figures(tmp_path, usage):
    found = regulator_scores(attributions(gene_ids=["G0", "G0", "G1", "G1"])[0], usage=usage)
    written = write_ranking_figures(found, rank_regulators(found), tmp_path / "figures", title="toy")
    names = [f"{name}{end}" for name in ("classes", "top_overall", "top_regulators") for end in (".png", ".svg")]
    assert sorted(path.name for path in written) == sorted([*names, "run.json"])
    assert all(path.stat().st_size > 5000 for path in written if path.name != "run.json")


def test_figures_at_the_edges(scores, tmp_path):
    single = regulator_scores(attributions(n_members=1)[0].isel(task=[0, 1], regulator=[0]))
    assert len(write_ranking_figures(single, rank_regulators(single), tmp_path / "single")) == 7
    zero = scores._replace(mean=np.zeros_like(scores.mean))
    assert len(write_ranking_figures(zero, rank_regulators(zero), tmp_path / "zero")) == 7
    level = regulator_scores(attributions()[0].isel(task=[0]))
    ranking = rank_regulators(level)
    written = [path.name for path in write_ranking_figures(level, ranking, tmp_path / "level")]
    assert written == ["classes.png", "classes.svg", "run.json"]
    with pytest.raises(ValueError, match="no task beside the median level; nothing to draw"):
        top_regulators(level)
    with pytest.raises(ValueError, match="no overall score; nothing to draw"):
        top_overall(ranking)
    for draw in (lambda **o: top_regulators(scores, **o),
                 lambda **o: top_overall(rank_regulators(scores), **o)):  # fmt: skip
        with pytest.raises(ValueError, match="n_top is 0"):
            draw(n_top=0)
