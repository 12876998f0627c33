"""In words: what random panels swallow, where a panel differs from the reference, and how few genes are as good."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from decode.landmark.panel_comparisons import ALL
from decode.landmark.panel_curves import RANDOM


def summary_lines(panels: pd.DataFrame, comparisons: pd.DataFrame, *, reference: str | None = None) -> list[str]:
    """Sentences on the mean absolute error of every panel.

    Parameters
    ----------
    panels : pd.DataFrame
        Of `decode.landmark.panel_curves.panels_table`.
    comparisons : pd.DataFrame
        Of `decode.landmark.panel_comparisons.compare_panels`.
    reference : str, optional
        The panel that the others are compared with.

    Returns
    -------
    list of str
    """
    lines = []
    for panel in dict.fromkeys(panels["panel"]):
        if panel == RANDOM:
            continue
        own = comparisons[comparisons["panel"] == panel]
        lines += _on_random(panel, own[own["reference"] == RANDOM], panels)
        if reference is not None and panel != reference:
            lines += _on_reference(panel, own[(own["reference"] == reference) & (own["split"] == ALL)], reference)
            lines += _as_good(panel, panels, reference)
    return lines


def _on_random(panel: str, rows: pd.DataFrame, panels: pd.DataFrame) -> list[str]:
    if rows.empty:
        return []
    drawn = panels[panels["panel"] == RANDOM]
    n_random, n_splits = int(drawn["draw"].nunique()), rows.loc[rows["split"] != ALL, "split"].nunique()
    by_size: dict[str, list[int]] = {}
    for size, some in rows[rows["split"] != ALL].groupby("size"):
        outside = not some["is_in_band"].any()
        kind = "in"
        if outside and (some["difference"] < 0).all():
            kind = "below"
        elif outside and (some["difference"] > 0).all():
            kind = "above"
        by_size.setdefault(kind, []).append(int(str(size)))
    every = f" in each of {n_splits} splits" if n_splits > 1 else ""
    said: dict[str, Callable[[str], str]] = {
        "below": lambda sizes: f"its error is below that of all {n_random} random panels{every} with {sizes} genes",
        "above": lambda sizes: f"its error is above that of all {n_random} random panels{every} with {sizes} genes",
        "in": lambda sizes: f"the band of random panels swallows the difference with {sizes} genes",
    }
    return [f"{panel}: {'; '.join(said[kind](_sizes(by_size[kind])) for kind in said if kind in by_size)}."]


def _on_reference(panel: str, rows: pd.DataFrame, reference: str) -> list[str]:
    if rows.empty:
        return []
    lower, higher = rows[rows["high"] < 0]["size"], rows[rows["low"] > 0]["size"]
    neither = rows[(rows["low"] <= 0) & (rows["high"] >= 0)]["size"]
    parts = [
        f"{what} with {_sizes(sizes.tolist())} genes"
        for what, sizes in (
            (f"lower error than {reference}", lower), (f"higher error than {reference}", higher),
            (f"no difference from {reference} outside the interval of the bootstrap", neither),
        )
        if len(sizes)
    ]  # fmt: skip
    return [f"{panel}: {'; '.join(parts)}."]


def _as_good(panel: str, panels: pd.DataFrame, reference: str) -> list[str]:
    """The smallest panel whose error is no higher than the whole reference's, over the splits that both have."""
    mine, theirs = panels[panels["panel"] == panel], panels[panels["panel"] == reference]
    common = set(mine["split"]) & set(theirs["split"])
    if not common:
        return []
    mine, theirs = (
        some[some["split"].isin(common)].pivot_table(index="n_genes", columns="split", values="mean_mae")
        for some in (mine, theirs)
    )
    n_reference = int(theirs.index.max())
    if int(mine.index.min()) >= n_reference:
        return []
    goal = theirs.loc[theirs.index.max()]
    fewer = [n for n, errors in mine.iterrows() if int(str(n)) < n_reference and errors.mean() <= goal.mean()]
    if not fewer:
        return [f"{panel}: no smaller panel reaches the error of {reference}'s {n_reference} genes."]
    n = min(int(str(found)) for found in fewer)
    n_held = int((mine.loc[n] <= goal).sum())
    splits = f" (mean of {len(goal)} splits; in {n_held} of them)" if len(goal) > 1 else ""
    return [
        f"{panel}: {n} genes reach the error of {reference}'s {n_reference}{splits}, {1 - n / n_reference:.0%} fewer."
    ]


def _sizes(sizes: list[int]) -> str:
    *first, last = [str(size) for size in sorted(sizes)]
    return f"{', '.join(first)} and {last}" if first else last
