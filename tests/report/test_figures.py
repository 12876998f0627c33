from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from kinds import kinds_of
from matplotlib.figure import Figure
from matplotlib.image import imread

from decode.report import figures
from decode.report.files import save_figure


def correlation(n_tasks: int = 3) -> pd.DataFrame:
    names = [f"tissue_{i}" for i in range(n_tasks)]
    values = np.random.default_rng(0).uniform(-0.3, 0.3, (n_tasks, n_tasks)) + 0.5 * np.eye(n_tasks)
    return pd.DataFrame(values, index=names, columns=names)


def accuracies(n_tasks: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    tasks = ["median_level", *(f"tissue_{i}" for i in range(n_tasks))]
    table = pd.DataFrame(rng.uniform(0, 0.6, (n_tasks + 1, 3)), columns=["model", "length_only", "ridge_totals"])
    table.insert(0, "task", tasks)
    table.insert(1, "task_kind", kinds_of(tasks))
    table["mean"] = np.nan
    return table


def history(n_epochs: int = 12) -> pd.DataFrame:
    epoch = np.arange(n_epochs)
    return pd.DataFrame({"epoch": epoch, "train_loss": 1 / (1 + epoch), "validation_loss": 0.5 + (epoch - 6) ** 2 / 90})


def recovered() -> pd.DataFrame:
    return pd.DataFrame(
        {"model": [0.9, 0.1], "paper": [0.7, np.nan], "ridge_totals": [0.8, -0.1]}, index=["activators", "TF pair"]
    )


def genes(n_genes: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    actual = rng.normal(size=n_genes)
    return actual, 0.5 * actual + rng.normal(size=n_genes)


DRAW: dict[str, Callable[[], Figure]] = {
    "heatmap": lambda: figures.specificity_heatmap(correlation(), title="chr1"),
    "heatmap_54": lambda: figures.specificity_heatmap(correlation(54)),
    "heatmap_one": lambda: figures.specificity_heatmap(correlation(1)),
    "heatmap_undefined": lambda: figures.specificity_heatmap(correlation() * np.nan),
    "accuracy": lambda: figures.per_task_accuracy(accuracies(), title="default"),
    "accuracy_54": lambda: figures.per_task_accuracy(accuracies(54)),
    "accuracy_model_only": lambda: figures.per_task_accuracy(accuracies()[["task", "task_kind", "model"]].iloc[1:]),
    "scatter": lambda: figures.predicted_against_actual(*genes(50), title="liver"),
    "hexbin": lambda: figures.predicted_against_actual(*genes(1000)),
    "one_gene": lambda: figures.predicted_against_actual([1.0], [2.0]),
    "constant": lambda: figures.predicted_against_actual(genes(1000)[0], np.zeros(1000)),
    "history": lambda: figures.training_history([history(), history(20)], title="default"),
    "recovered": lambda: figures.recovered_effects(recovered(), title="toy"),
    "one_epoch": lambda: figures.training_history([history(1)]),
}


@pytest.mark.parametrize("name", DRAW)
def test_every_figure_is_a_readable_png(tmp_path: Path, name: str) -> None:
    before = dict(matplotlib.rcParams)
    save_figure(DRAW[name](), tmp_path / "figure.png")
    image = imread(tmp_path / "figure.png")
    assert min(image.shape[:2]) > 150
    assert np.ptp(image[..., :3]) > 0.5  # something is drawn
    assert [path.name for path in tmp_path.iterdir()] == ["figure.png"]
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("suffix", [".pdf", ".svg"])
def test_vector_formats(tmp_path: Path, suffix: str) -> None:
    for name in ("figure", "again"):
        save_figure(figures.training_history([history()]), tmp_path / f"{name}{suffix}")
    start = (tmp_path / f"figure{suffix}").read_bytes()[:400]
    assert b"%PDF" in start or b"svg" in start
    assert (tmp_path / f"figure{suffix}").read_bytes() == (tmp_path / f"again{suffix}").read_bytes()


def test_heatmap_marks_own_and_other_columns() -> None:
    table = pd.DataFrame([[0.5, 0.1, 0.0], [0.4, 0.2, 0.1], [np.nan] * 3], index=list("abc"), columns=list("abc"))
    axes = figures.specificity_heatmap(table).axes[0]
    marks = [(line.get_xdata()[0], line.get_ydata()[0], line.get_markerfacecolor()) for line in axes.lines]  # type: ignore[index]
    assert marks == [(0, 0, "#000000"), (0, 1, "white")]  # (column, row)
    edges = [line.get_markeredgecolor() for line in axes.lines]
    assert edges == ["white", "#000000"]  # seen on dark and on pale cells
    title = axes.get_title(loc="left")
    assert "own column highest: 1 of 3 tasks" in title
    assert "another column highest: 1" in title
    assert axes.get_ylabel().startswith("predicted")


def test_accuracy_orders_tasks_and_averages_fold_changes_only() -> None:
    table = pd.DataFrame(
        {
            "task": ["low", "median_level", "high", "undefined"],
            "model": [0.1, 0.9, 0.3, np.nan],
            "mean": [np.nan] * 4,
            "length_only": [0.0, 0.5, 0.1, 0.2],
        }
    ).assign(task_kind=["fold_change", "median_level", "fold_change", "fold_change"])
    figure = figures.per_task_accuracy(table)
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["median_level", "high", "low", "undefined"]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["model (0.200)", "length only (0.100)"]  # the mean is nowhere defined, and not drawn
    assert figure.legends[0].get_title().get_text() == "mean over fold change tasks in brackets"
    kinds = ["level", "median_level", "level", "other"]  # the mean is over levels, not over what is of neither kind
    figure = figures.per_task_accuracy(table.assign(task_kind=kinds))
    assert figure.legends[0].get_title().get_text() == "mean over level tasks in brackets"
    assert figure.legends[0].get_texts()[1].get_text() == "length only (0.050)"
    assert table["task"].tolist() == ["low", "median_level", "high", "undefined"]  # the caller's table is as it was


def test_tasks_alike_stand_beside_each_other() -> None:
    rng = np.random.default_rng(3)
    brain, gut = rng.normal(size=(2, 80))
    names = ["brain_a", "gut_a", "brain_b", "gut_b", "brain_c", "gut_c"]
    values = pd.DataFrame(
        {name: (brain if name.startswith("brain") else gut) + 0.3 * rng.normal(size=80) for name in names}
    )
    order = figures.clustered_order(values.assign(constant=1.0))
    assert sorted(order) == sorted([*names, "constant"])
    assert order[-1] == "constant"
    groups = [name.split("_")[0] for name in order[:-1]]
    assert groups in (["brain"] * 3 + ["gut"] * 3, ["gut"] * 3 + ["brain"] * 3)
    assert figures.clustered_order(values[["gut_a", "brain_a"]]) == ["gut_a", "brain_a"]


def test_incomplete_genes_are_left_out() -> None:
    figure = figures.predicted_against_actual([1.0, 2.0, 3.0, np.nan], [1.0, 3.0, 2.5, 1.0])
    assert figure.axes[0].texts[0].get_text() == "Spearman 0.500\n3 genes"
    assert figure.axes[0].get_xlabel() == "actual log2 fold change"


def test_history_counts_epochs_from_one() -> None:
    axes = figures.training_history([history()]).axes[0]
    train, validation, best = axes.lines
    assert np.asarray(train.get_xdata())[0] == 1
    assert np.asarray(best.get_xdata()).tolist() == [7]
    assert np.asarray(validation.get_ydata()).min() == 0.5


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: figures.specificity_heatmap(correlation().iloc[:2]), "same tasks in the same order"),
        (lambda: figures.specificity_heatmap(correlation().iloc[::-1]), "same tasks in the same order"),
        (lambda: figures.specificity_heatmap(pd.DataFrame()), "same tasks in the same order"),
        (
            lambda: figures.specificity_heatmap(correlation(2).set_axis(["a", "a"]).set_axis(["a", "a"], axis=1)),
            "more than once: a",
        ),
        (lambda: figures.per_task_accuracy(accuracies().drop(columns="model")), "lacks the column"),
        (lambda: figures.per_task_accuracy(accuracies().iloc[[0, 0]]), "more than once: median_level"),
        (lambda: figures.per_task_accuracy(accuracies().iloc[:0]), "has no task"),
        (lambda: figures.predicted_against_actual([1.0, 2.0], [1.0]), r"shape \(2,\) and predicted \(1,\)"),
        (lambda: figures.predicted_against_actual([np.nan], [1.0]), "no gene has both"),
        (lambda: figures.recovered_effects(recovered().iloc[:0]), "table of recovered effects is empty"),
        (lambda: figures.training_history([]), "no training history"),
        (lambda: figures.training_history([history(0)]), "member 1 has no epoch"),
        (lambda: figures.training_history([history().drop(columns="epoch")]), "lacks the column"),
    ],
)
def test_bad_input_is_named(draw: Callable[[], Figure], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw()


def test_unknown_suffix_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"figure suffix is '\.jpeg'"):
        save_figure(figures.training_history([history()]), tmp_path / "figure.jpeg")
    assert not list(tmp_path.iterdir())


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist"):
        save_figure(figures.training_history([history()]), tmp_path / "absent" / "figure.png")


def test_pyplot_is_not_loaded() -> None:
    code = "import sys, decode.report.figures; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
