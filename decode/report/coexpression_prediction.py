"""Files and figure of co-expression prediction."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import gaussian_kde

from decode.insilico.coexpression_prediction import NEGATIVE, NULL, POSITIVE, CoexpressionPrediction
from decode.report.files import with_counts, write_run
from decode.report.style import BLUE, GREY, VERMILION, new_figure

LINES = ((POSITIVE, VERMILION, "-"), (NEGATIVE, BLUE, "-"), (NULL, GREY, "--"))
MAX_POINTS = 5_000  # of a density


def prediction_sentence(result: CoexpressionPrediction) -> str:
    """What was found, in a few lines."""
    n, counts = result.numbers, result.counts
    lines = [
        f"{counts['genes']} {n['part']} genes over {counts['persons']} persons: {counts['positive_pairs']:,} pairs "
        f"with rho above {n['threshold']:g}, {counts['negative_pairs']:,} below -{n['threshold']:g}",
        f"AUROC of the sign {_number(n['auroc_sign'])} ({_number(n['auroc_sign_low'])} to "
        f"{_number(n['auroc_sign_high'])}); success: {_number(n['success_positive'])} of positive, "
        f"{_number(n['success_negative'])} of negative pairs",
    ]
    if n["null_above_success_limit"] is not None:
        lines.append(
            f"pairs matched on {n['matched_on']}: {n['null_above_success_limit']:.1%} have |rho| above the same limit"
        )
    for row in result.classes.itertuples():
        lines.append(f"  {row.succeeds}: {row.n_pairs:,} pairs ({row.share:.1%}), full model {row.full_success:.1%}")
    return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "undefined"


def coexpression_density(result: CoexpressionPrediction, *, title: str = "") -> Figure:
    """Draw the densities of predicted correlations of pairs that go together, against each other, and matched pairs.

    Parameters
    ----------
    result : CoexpressionPrediction
    title : str, optional
        Line above the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Gaussian kernel density (Scott's rule) of at most 5,000 pairs of a group, evenly taken.
    """
    figure = new_figure(figsize=(5.8, 3.8), layout="constrained")
    axes = figure.add_subplot()
    grid = np.linspace(-1, 1, 401)
    limit = result.numbers["threshold"]
    words = {
        POSITIVE: f"actual \u03c1 > {limit:g}",
        NEGATIVE: f"actual \u03c1 < \u2212{limit:g}",
        NULL: "matched pairs",
    }
    for name, colour, style in LINES:
        values = result.pairs.loc[result.pairs["group"] == name, "predicted"].to_numpy()
        some = values[:: max(1, len(values) // MAX_POINTS)]
        if len(some) < 3 or some.std() == 0:
            continue
        density = gaussian_kde(some)(grid)
        axes.plot(grid, density, style, color=colour, linewidth=1.8, label=f"{words[name]} ({len(values):,})")
        if name != NULL:
            axes.fill_between(grid, density, color=colour, alpha=0.15, linewidth=0)
    axes.axvline(0, color=GREY, linewidth=0.6)
    axes.set_xlim(-1, 1)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("predicted Spearman correlation over persons", fontsize=10)
    axes.set_ylabel("density of pairs", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=3, fontsize=8, frameon=False)
    own = f"AUROC of the sign {_number(result.numbers['auroc_sign'])}"
    axes.set_title(f"{title}\n{own}" if title else own, fontsize=10, loc="left")
    return figure


def write_coexpression_prediction(
    result: CoexpressionPrediction, out: str | Path, *, record: Mapping[str, Any] | None = None, force: bool = False
) -> list[Path]:
    """Write pairs, classes, numbers, density figure and run.json into a folder.

    Raises
    ------
    FileExistsError
        If the folder holds a finished run and `force` is false.
    """
    tables = {"pairs.tsv.gz": result.pairs} | ({} if result.classes.empty else {"classes.tsv": result.classes})
    return write_run(
        out, "coexpression-prediction", tables=tables, figures={"density": coexpression_density(result)},
        numbers={"metrics.json": result.numbers | {"counts": result.counts}}, record=with_counts(record, result.counts),
        force=force,
    )  # fmt: skip
