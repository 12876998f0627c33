"""Numbers, table and figure of a mediation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from decode.core.checks import listed
from decode.core.files import to_json
from decode.insilico.mediation import DrawnNull, Mediation
from decode.report.files import Content
from decode.report.style import BLACK, GREY, LIGHT_GREY, SKY, VERMILION, new_figure

DRAW_LABELS = {
    "none": "random regulators",
    "expression": "matched on mean expression",
    "fractions": "matched on cell fractions",
}


def mediation_numbers(result: Mediation) -> dict[str, Any]:
    """All numbers of a mediation, JSON-ready."""
    return {
        "pair": list(result.pair),
        "rows": list(result.rows),
        "n_samples": result.n_samples,
        "covariates": result.covariates,
        "correlation_before": result.correlation_before,
        "correlation_after": result.correlation_after,
        "r2_before": result.r2_before,
        "r2_after": result.r2_after,
        "share": result.share,
        "p_after": result.p_after,
        "drivers": result.drivers.loc[result.drivers["is_used"], "regulator"].tolist(),
        "drivers_not_used": dict(result.drivers.loc[~result.drivers["is_used"], ["regulator", "why_not"]].to_numpy()),
        "draws": {name: _null_numbers(drawn) for name, drawn in result.draws.items()},
        "counts": result.counts,
    }


def _null_numbers(drawn: DrawnNull) -> dict[str, Any]:
    finite = drawn.share[np.isfinite(drawn.share)]
    quantiles = np.quantile(finite, (0.05, 0.5, 0.95)).tolist() if len(finite) else [None] * 3
    return {
        "match_on": drawn.match_on,
        "n_candidates": drawn.n_candidates,
        "n_draws": len(drawn.share),
        "p_value": drawn.p_value,
        "share_mean": float(finite.mean()) if len(finite) else None,
        "share_quantiles_5_50_95": quantiles,
    }


def draws_table(result: Mediation) -> pd.DataFrame:
    """One row a draw: match_on, correlation and r2 after, share."""
    parts = [
        pd.DataFrame(
            {"match_on": name, "correlation_after": d.correlation, "r2_after": d.correlation**2, "share": d.share}
        )
        for name, d in result.draws.items()
    ]
    columns = ["match_on", "correlation_after", "r2_after", "share"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def mediation_sentence(result: Mediation) -> str:
    """What was found, in a few lines."""
    first, second = result.pair
    beside = f" beside {', '.join(result.covariates)}" if result.covariates else ""
    lines = [
        f"{first} and {second}, {result.n_samples} samples{beside}: R2 {result.r2_before:.3f}, "
        f"{result.r2_after:.3f} beside {int(result.drivers['is_used'].sum())} drivers"
    ]
    if np.isfinite(result.share):
        lines[0] += f" (share {result.share:.1%})"
        for name, d in result.draws.items():
            label = DRAW_LABELS[name]
            lines.append(f"  {label}: median share {np.nanmedian(d.share):.1%}, p {d.p_value:.2g}")
    else:
        lines[0] += "; the two genes hardly go together, so there is nothing to mediate"
    if not result.draws:
        lines.append("  no draws: give --features or --candidates")
    lost = result.drivers.loc[~result.drivers["is_used"]]
    if len(lost):
        lines.append(f"  drivers not used: {listed(lost['regulator'] + ' (' + lost['why_not'] + ')')}")
    return "\n".join(lines)


def mediation_histogram(result: Mediation, *, title: str = "") -> Figure:
    """Draw the share that the drivers take beside the shares of random regulators in their place.

    Parameters
    ----------
    result : Mediation
    title : str, optional
        Line above the figure; default: the pair.

    Returns
    -------
    matplotlib.figure.Figure
        One panel for each kind of draws.

    Raises
    ------
    ValueError
        If there are no draws, or the share is undefined.
    """
    if not result.draws or not np.isfinite(result.share):
        raise ValueError("the mediation has no draws or no share (R2 below 0.01); there is nothing to draw")
    shares = [drawn.share[np.isfinite(drawn.share)] for drawn in result.draws.values()]
    ends = np.concatenate([*shares, [result.share, 0.0]])
    low, high = float(np.quantile(ends, 0.002)), float(ends.max())
    low = min(low, result.share, 0.0)
    pad = 0.06 * (high - low)
    figure = new_figure(figsize=(6.2, 1.0 + 1.7 * len(shares)), layout="constrained")
    panels = np.atleast_1d(figure.subplots(len(shares), 1, sharex=True))
    for number, (axes, drawn, share) in enumerate(zip(panels, result.draws.values(), shares, strict=True)):
        edges = np.linspace(low - pad, high + pad, 50)
        axes.hist(np.clip(share, edges[0], edges[-1]), bins=edges, color=SKY if number == 0 else LIGHT_GREY)
        _mark(axes, result.share, drawn, is_first=number == 0)
    panels[-1].set_xlabel("share of R² that the regulators account for", fontsize=10)
    panels[0].set_xlim(low - pad, high + pad)
    n_used = int(result.drivers["is_used"].sum())
    own = f"{' and '.join(result.pair)}: R² {result.r2_before:.2f}, {result.r2_after:.2f} beside {n_used} drivers"
    panels[0].set_title(f"{title}\n{own}" if title else own, fontsize=10, loc="left")
    return figure


def _mark(axes: Axes, share: float, drawn: DrawnNull, *, is_first: bool) -> None:
    axes.axvline(share, color=VERMILION, linewidth=1.8)
    axes.axvline(float(np.nanmedian(drawn.share)), color=GREY, linewidth=1, linestyle="--")
    if axes.get_xlim()[0] < 0:
        axes.axvline(0, color=BLACK, linewidth=0.6)
    axes.set_ylabel("draws", fontsize=9)
    top = axes.get_ylim()[1]
    axes.set_ylim(0, top * 1.45)
    text = f"{DRAW_LABELS[drawn.match_on]}, from {drawn.n_candidates}: p = {drawn.p_value:.2g}"
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
    axes.text(0.01, 0.95, text, transform=axes.transAxes, fontsize=8.5, va="top", bbox=box)
    if is_first:
        axes.annotate(
            "the drivers", (share, top * 1.12), xytext=(-4, 0), textcoords="offset points",
            ha="right", va="center", fontsize=8.5, color=VERMILION,
        )  # fmt: skip
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def mediation_files(result: Mediation, out: Path) -> dict[Path, Content]:
    """Files of a mediation beside each other: OUT, its draws, and the figure where there are draws."""
    stem = out.with_suffix("")
    draws = stem.with_name(f"{stem.name}.draws.tsv.gz")
    drivers = stem.with_name(f"{stem.name}.drivers.tsv")
    files: dict[Path, Content] = {out: to_json(mediation_numbers(result)), drivers: result.drivers}
    if result.draws:
        files[draws] = draws_table(result)
        if np.isfinite(result.share):
            figure = mediation_histogram(result)
            files |= {stem.with_name(f"{stem.name}{suffix}"): figure for suffix in (".png", ".svg")}
    return files
