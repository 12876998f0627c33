"""Files of a hyper-parameter search: the best configuration, the table of trials and a figure."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from decode.core.checks import check_columns
from decode.core.files import run_record
from decode.report.files import write_run
from decode.report.style import BLACK, BLUE, GREY, ORANGE, new_figure
from decode.tuning.config_file import write_config
from decode.tuning.search import TuningResult


def write_tuning(
    result: TuningResult, out: str | Path, *, record: dict[str, Any] | None = None, title: str = "", force: bool = False
) -> list[Path]:
    """Write what a search found into a folder, all of it or nothing.

    Parameters
    ----------
    result : TuningResult
        From `decode.tune`.
    out : str or Path
        Folder; created if needed, its parent must exist. A finished run in it is replaced with `force` only.
    record : dict, optional
        What was run, see `decode.core.files.run_record`; written as run.json with the score and the counts.
    title : str, optional
        Line above the figure.
    force : bool, default False
        Replace a finished run.

    Returns
    -------
    list of Path
        best.json (for `decode train --config`), trials.tsv, tuning.png and .svg, run.json.

    Raises
    ------
    FileNotFoundError, FileExistsError, PermissionError
        If the folder cannot be used.
    """
    found = {"objective": result.objective, "score": result.score, "counts": result.counts}
    return write_run(
        out,
        "tune",
        tables={"trials.tsv": result.trials},
        figures={"tuning": tuning_plot(result.trials, objective=result.objective, title=title)},
        texts={"best.json": partial(write_config, result.configuration)},
        record=(run_record() if record is None else record) | found,
        force=force,
    )


def tuning_plot(trials: pd.DataFrame, *, objective: str = "validation_spearman", title: str = "") -> Figure:
    """Draw the score of every trial in order, the best so far, and the first trial, which is the start.

    Parameters
    ----------
    trials : pd.DataFrame
        Columns architecture and score, one row a trial in order; failed trials have no score and are not drawn.
    objective : str
        Name of the score; one that ends in "loss" is better when lower.
    title : str, optional
        Line above the figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a column is missing.
    """
    check_columns("trials", trials, ["architecture", "score"])
    score = trials["score"].to_numpy(dtype=np.float64)
    number = np.arange(1, len(score) + 1)
    figure = new_figure(figsize=(6.2, 3.8), layout="constrained")
    axes = figure.add_subplot()
    for architecture, colour in (("default", BLUE), ("paper", ORANGE)):
        chosen = (trials["architecture"] == architecture).to_numpy() & np.isfinite(score)
        if chosen.any():
            axes.plot(number[chosen], score[chosen], "o", color=colour, markersize=5, label=f"{architecture} network")
    filled = pd.Series(score)
    best = filled.cummin() if objective.endswith("loss") else filled.cummax()
    axes.step(number, best.ffill(), where="post", color=BLACK, linewidth=1.2, label="best so far")
    if len(score) and np.isfinite(score[0]):
        axes.axhline(score[0], color=GREY, linestyle="--", linewidth=1, label="start (first trial)")
    axes.set_xlabel("trial", fontsize=10)
    axes.set_ylabel(objective.replace("_", " "), fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=8, frameon=False)
    if title:
        axes.set_title(title, fontsize=10, loc="left")
    return figure
