from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decode.report.landmark_panels import curves_figure, genes_figure


@pytest.fixture
def panels() -> pd.DataFrame:
    """Two splits of two sizes: random panels, one better panel, and one far above all others."""
    rows = []
    for split in (0, 1):
        for size in (10, 100):
            for panel, draws, error in (("panel", 1, 0.40), ("worst", 1, 0.90), ("random", 3, 0.45)):
                rows += [
                    {
                        "split": split, "panel": panel, "method": panel, "draw": draw, "size": size, "n_genes": size,
                        "mean_mae": error + 0.01 * draw + 0.02 * split - size / 1e4, "mean_pcc": 0.5,
                        "share_passing": 0.3,
                    }
                    for draw in range(draws)
                ]  # fmt: skip
    return pd.DataFrame(rows)


def test_curves_draw_every_panel_before_the_band(panels):
    from decode.landmark.panel_curves import curves_table

    curves = curves_table(panels)
    figure = curves_figure(curves, panels, {"panel": "mine"})
    axes = figure.axes[0]
    lines = {line.get_label(): line.get_ydata() for line in axes.lines}
    assert set(lines) == {"their mean", "mine", "worst"}
    np.testing.assert_allclose(lines["mine"], [0.409, 0.4])
    band = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == pytest.approx((0.45, 0.479))  # means over splits of the least and the greatest
    assert axes.get_ylim()[1] < 0.9  # one panel far away does not flatten the others
    assert "worst" in axes.get_title()
    near = curves_figure(curves[curves["panel"] != "worst"], panels)
    assert near.axes[0].get_title() == ""


def test_curves_show_the_splits_that_all_panels_share(panels):
    from decode.landmark.panel_curves import curves_table

    some = panels[(panels["panel"] != "panel") | (panels["split"] == 0)]
    lines = {line.get_label(): line.get_ydata() for line in curves_figure(curves_table(some), some).axes[0].lines}
    np.testing.assert_allclose(lines["panel"], [0.399, 0.39])
    np.testing.assert_allclose(lines["their mean"], [0.459, 0.45])  # of the first split alone


def test_genes_are_matched_by_id():
    mine = pd.DataFrame(
        {"gene_id": ["a", "b", "c"], "panel": "panel", "size": 9, "mae": [1.0, 2, 3], "pcc": [0.9, 0, 0.2]}
    )
    other = mine.iloc[::-1].assign(panel="other", size=7, mae=[3.5, 1.5, 4.0], pcc=[0.1, 0.1, 0.1])
    figure = genes_figure(pd.concat([mine, other]), "panel", "other")
    offsets = np.asarray(figure.axes[0].collections[0].get_offsets())
    np.testing.assert_allclose(offsets, [[4.0, 1.0], [1.5, 2.0], [3.5, 3.0]])
    assert figure.axes[0].get_title() == "panel is better for 67% of 3 genes"
    assert figure.axes[1].get_title() == "panel is better for 67% of 3 genes"
    assert figure.axes[0].get_xlabel() == "mean absolute error, other (7 genes)"
