"""Figures under public names: a result goes in, a figure that a notebook draws comes out."""

from __future__ import annotations

import matplotlib.figure
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from toy_drivers import driver_features, planted_table

import decode
from decode.regulators.atlas import PLACE_COLUMNS, GeneView
from decode.report.style import new_figure


@pytest.fixture(scope="module")
def drivers():
    config = decode.DriversConfig(independent_genes=True, n_null=50)
    return decode.find_drivers(planted_table(driver_features()), driver_features(), config=config)


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text)]


def test_a_figure_draws_itself_and_is_unknown_to_pyplot():
    figure = new_figure((2.0, 1.0))
    assert isinstance(figure, matplotlib.figure.Figure)
    figure.add_subplot().plot([0, 1])
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert plt.get_fignums() == []


def test_drivers_of_a_contrast(drivers):
    for plot in (decode.plot_drivers, decode.plot_volcano):
        shown = texts(plot(drivers, n=5, marked=["TF3"]))
        assert any(text.startswith("TF3 *") for text in shown), plot.__name__
        assert "kd" in shown
        assert not any(text.startswith("TF8 *") for text in shown)
        with pytest.raises(KeyError, match=r"not in the drivers: nobody"):
            plot(drivers, marked=["nobody"])
        with pytest.raises(KeyError, match=r"1 contrast\(s\) not in the drivers: other; it holds kd"):
            plot(drivers, "other")
    assert "another" in texts(decode.plot_driver_positions(drivers, "kd", n=2, title="another"))
    assert (drivers.drivers["regulator"] == "TF3").any()  # the star is the figure's alone


def test_p_values_by_term():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(5, 1, (50, 12)), columns=[f"s{i}" for i in range(12)])
    samples = pd.DataFrame({"sex": ["f", "m"] * 6, "age": np.arange(12.0)}, index=table.columns)
    shown = texts(decode.plot_p_values(decode.differential(table, samples, "~ age + sex")))
    assert any(text.startswith("age\n") for text in shown)
    assert any(text.startswith("sex[T.m]\n") for text in shown)


def view(n_tasks: int = 20, measured: bool = True) -> GeneView:
    predicted = np.linspace(-2, 3, n_tasks)
    tasks = pd.DataFrame({"task": [f"task{i}" for i in range(n_tasks)], "kind": "fold_change", "predicted": predicted})
    tasks.loc[n_tasks] = {"task": "median_level", "kind": "median_level", "predicted": 4.25}
    tasks["measured"] = tasks["predicted"] if measured else np.nan
    regulators = pd.DataFrame({
        "regulator": ["TF:A", "RBP:B"], "kind": ["TF", "RBP"], "effect": [0.1, -0.1],
        "strongest_task": ["task1", "task2"], "strongest_effect": [0.8, -0.3],
    })  # fmt: skip
    rows = [
        ("TF:A", "promoter", -100, -1, 50.0, "task1", 0.8, True),
        ("RBP:B", "rna", 0, 99, 9.0, "task2", -0.3, False),
    ]
    gene = {
        "gene_id": "ENSG1", "gene_name": "LAPTM5", "chrom": "chr1", "strand": "-", "tss": 999, "length_bp": 500,
        "build": "hg19", "split": "test",
    }  # fmt: skip
    return GeneView(gene, tasks, regulators, pd.DataFrame(rows, columns=PLACE_COLUMNS), 0.0)


def test_a_gene_in_one_figure():
    figure = decode.plot_gene(view(), n_tasks=3)
    left, middle, right = figure.axes
    assert [label.get_text() for label in left.get_yticklabels()] == [f"task{i}" for i in (19, 18, 17, 2, 1, 0)]
    assert [round(bar.get_width(), 1) for bar in middle.patches] == [0.8, -0.3]
    assert right.get_title(loc="left") == "strongest bins (position_blind)"
    assert {text.get_text() for text in right.get_legend().get_texts()} == {"promoter", "RNA"}
    [points] = [part.get_offsets() for part in right.collections if len(part.get_offsets()) and part.get_alpha()][:1]
    assert points.tolist() == [[-50.5, 0.0]]
    heading = figure.get_suptitle()
    assert "LAPTM5  chr1:1,000 (-, hg19)" in heading
    assert "held out" in heading
    assert "median level 4.2" in heading
    assert "measured" in texts(figure)


def test_a_gene_without_measurements_or_places():
    found = view(measured=False)
    bare = GeneView(found.gene, found.tasks, found.regulators.iloc[:0], found.places.iloc[:0], 0.0)
    figure = decode.plot_gene(bare)
    assert "measured" not in texts(figure)
    assert figure._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="n_tasks"):
        decode.plot_gene(found, n_tasks=0)
