"""How far attributions depend on the reference, on the terminal."""

from __future__ import annotations

import pandas as pd


def stability_text(table: pd.DataFrame) -> str:
    """How well two references agree on the regulators, as text.

    Parameters
    ----------
    table : pd.DataFrame
        From `decode.attribution.stability.reference_stability`: reference_a, reference_b, task, spearman_mean,
        spearman_mean_abs, top_shared.

    Returns
    -------
    str
        One line a pair of references: medians over tasks.
    """
    columns = ["spearman_mean", "spearman_mean_abs", "top_shared"]
    lines = [f"{'':32}{'signed mean':>13}{'mean absolute':>15}{'top shared':>12}"]
    medians = table.groupby(["reference_a", "reference_b"], sort=False)[columns].median().reset_index()
    for row in medians.to_dict("records"):
        pair = f"{row['reference_a']}, {row['reference_b']}"
        lines.append(f"{pair:32}{row[columns[0]]:>13.2f}{row[columns[1]]:>15.2f}{row[columns[2]]:>12.2f}")
    return "\n".join(lines)
