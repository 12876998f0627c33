from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decode.insilico.coexpression import CoexpressionDrivers
from decode.insilico.mediation import mediate
from decode.report.coexpression import coexpression_figure
from decode.report.mediation import draws_table, mediation_histogram, mediation_numbers, mediation_sentence


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(30, 40)), index=[f"R{i}" for i in range(30)])
    for gene in "AB":
        frame.loc[gene] = frame.loc["R0"] + 0.3 * rng.normal(size=40)
    return frame


def test_histogram_has_one_panel_a_kind_of_draws(table):
    own = {f"R{i}": [f"R{i}"] for i in range(30)}
    found = mediate(table, ("A", "B"), {"R0": ["R0"], "miR": []}, own, n_draws=50, match_on=["expression"])
    figure = mediation_histogram(found, title="toy")
    assert len(figure.axes) == 2
    assert [axes.texts[0].get_text().split(",")[0] for axes in figure.axes] == [
        "random regulators",
        "matched on mean expression",
    ]
    counts = sum(patch.get_height() for patch in figure.axes[0].patches)
    assert counts == 50
    numbers = mediation_numbers(found)
    assert numbers["drivers_not_used"] == {"miR": "has no expression in the table"}
    assert numbers["draws"]["none"]["n_draws"] == 50
    assert len(draws_table(found)) == 100
    assert "share" in mediation_sentence(found)
    with pytest.raises(ValueError, match="no draws"):
        mediation_histogram(mediate(table, ("A", "B"), {"R0": ["R0"]}))


def test_effects_of_both_genes_are_side_by_side():
    effects = pd.DataFrame(
        {"model": "m", "gene": list("aab"), "partner": list("bba"), "unit": ["TF:X", "TF:Y", "RBP:Z"],
         "shapley": [-0.3, 0.1, 0.0],
         "coefficient": [-0.2, 0.1, 0.0], "single_effect": [-0.1, 0.0, np.nan], "sd_tasks": [0.1, 0.05, np.nan],
         "is_significant": [True, False, False]}
    )  # fmt: skip
    heads = pd.DataFrame(
        {
            "model": "m",
            "gene": ["a", "b"],
            "partner": ["b", "a"],
            "correlation": 0.8,
            "without_any": 0.1,
            "n_units": [2, 1],
        }
    )
    result = CoexpressionDrivers(effects, pd.DataFrame(), heads, {"models": 1})
    figure = coexpression_figure(result)
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["TF:X *", "TF:Y"]
    assert len(figure.axes) == 2
    with pytest.raises(KeyError, match="'other' is not among m"):
        coexpression_figure(result, model="other")
