from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from rankings import ranking_of

from decode.core.files import write_table
from decode.ranking.table import check_ranking, read_ranking, scores_of_task, signed_means

MEANS = np.array([[0.1, -0.3], [-0.2, 0.0]])


@pytest.fixture
def ranking() -> pd.DataFrame:
    return ranking_of(MEANS, ["SPI1", "NA"], ["liver", "lung"], kinds=["TF", "RBP"])


def test_a_ranking_is_read_as_it_was_written(ranking, tmp_path):
    write_table(ranking, tmp_path / "ranking.tsv")
    pd.testing.assert_frame_equal(read_ranking(tmp_path / "ranking.tsv"), ranking, check_dtype=False)


def test_scores_are_absolute_and_overall_is_mean_abs(ranking):
    assert scores_of_task(ranking)["score"].tolist() == [0.2, 0.1]
    assert scores_of_task(ranking, "lung")["score"].tolist() == [0.3, 0.0]
    assert scores_of_task(ranking, kinds=["RBP"])["regulator"].tolist() == ["NA"]


def test_undefined_scores_are_left_out_and_logged(ranking, caplog):
    ranking.loc[0, "mean"] = np.nan
    assert scores_of_task(ranking, "liver")["regulator"].tolist() == ["NA"]
    assert "1 regulators have no score in liver" in caplog.text
    ranking["mean"] = np.nan
    with pytest.raises(ValueError, match="no regulator with a defined score"):
        scores_of_task(ranking, "liver")


def test_signed_means_leave_out_overall_and_median_level(ranking):
    wide = signed_means(ranking)
    assert list(wide.columns) == ["liver", "lung"]
    assert list(wide.index) == [("TF", "SPI1"), ("RBP", "NA")]
    np.testing.assert_array_equal(wide.to_numpy(), MEANS)
    with pytest.raises(ValueError, match="no task beside the median level"):
        signed_means(ranking[ranking["task"] == "overall"])


def test_bad_rankings(ranking, tmp_path):
    with pytest.raises(TypeError, match="DataFrame"):
        check_ranking([1])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="lacks the column"):
        check_ranking(ranking.drop(columns="mean_abs"))
    with pytest.raises(ValueError, match="no row"):
        check_ranking(ranking.iloc[:0])
    with pytest.raises(ValueError, match="more than once"):
        check_ranking(pd.concat([ranking, ranking.iloc[:1]]))
    with pytest.raises(ValueError, match="text where numbers belong"):
        check_ranking(ranking.assign(mean="high"))
    with pytest.raises(ValueError, match="empty cells in kind"):
        check_ranking(ranking.assign(kind=None))
    with pytest.raises(KeyError, match="not in the ranking"):
        scores_of_task(ranking, "heart")
    with pytest.raises(KeyError, match="kinds not in"):
        scores_of_task(ranking, kinds=["miRNA"])
    (tmp_path / "ragged.tsv").write_text("a\tb\n1\t2\t3\t4\n1\n1\t2\t3\t4\t5\t6\n")
    with pytest.raises(ValueError, match=r"ragged\.tsv: rows with another number of cells"):
        read_ranking(tmp_path / "ragged.tsv")
    with pytest.raises(FileNotFoundError):
        read_ranking(tmp_path / "none.tsv")
