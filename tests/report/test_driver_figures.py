from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decode.report.drivers import draw_drivers, draw_volcano


@pytest.fixture
def drivers() -> pd.DataFrame:
    n = 30
    effect = np.linspace(-0.3, 0.3, n)
    strength = 20 * np.abs(effect)
    return pd.DataFrame(
        {
            "kind": ["TF", "RBP", "miRNA"] * 10,
            "regulator": [f"R{i}" for i in range(n)],
            "effect": effect,
            "sd": 0.05,
            "z": effect / 0.05,
            "direction_fdr": 0.01,
            "strength": strength,
            "fdr": np.where(np.abs(effect) > 0.25, 0.01, 0.5),
            "rank": (-strength).argsort(kind="stable").argsort(kind="stable") + 1,
        }
    )


def test_effects_have_intervals_and_strengths_are_bars(drivers):
    left, right = draw_drivers(drivers, title="contrast", n=6).axes
    assert [label.get_text() for label in left.get_yticklabels()][-1] == "R0 (TF)"
    segments = left.collections[0].get_segments()
    assert len(segments) == len(right.patches) == 6
    widths = [segment[1, 0] - segment[0, 0] for segment in segments]
    np.testing.assert_allclose(widths, 4 * 0.05)
    assert max(bar.get_width() for bar in right.patches) == pytest.approx(6.0)


def test_volcano_without_fdr(drivers):
    (axes,) = draw_volcano(drivers.assign(fdr=np.nan), n=4).axes
    assert len(axes.texts) == 4
    assert np.isfinite(axes.get_ylim()).all()
    assert axes.get_ylabel().endswith("(0: none could be computed)")


def test_volcano_names_the_first_and_shows_every_kind(drivers):
    (axes,) = draw_volcano(drivers, title="contrast", n=4).axes
    assert {text.get_text() for text in axes.texts} == {"R0", "R29", "R1", "R28"}
    assert sum(len(points.get_offsets()) for points in axes.collections) == len(drivers)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["TF", "RBP", "miRNA"]
    heights = sorted(text.get_position()[1] for text in axes.texts)
    assert (np.diff(heights) > 0).all()  # names of like FDR do not lie on each other
