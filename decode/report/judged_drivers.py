"""A ranking of drivers beside the truth: text and figures of the demo."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from decode.drivers.find import DriversResult
from decode.drivers.targets import FDR_LIMIT
from decode.report.drivers import draw_drivers, draw_positions, draw_volcano

N_LISTED = 12


def driver_counts(judged: pd.DataFrame) -> dict[str, Any]:
    """How many planted drivers were found, and what was called beside them.

    Parameters
    ----------
    judged : pd.DataFrame
        From `decode.synthetic.judge_drivers`.

    Returns
    -------
    dict
        n_regulators, n_planted, found, missed, wrong_sign, and the names that were called without reason: false.

    Examples
    --------
    >>> table = pd.DataFrame({"regulator": ["A", "N"], "is_planted": [True, False], "verdict": ["found", "false"]})
    >>> driver_counts(table)
    {'n_regulators': 2, 'n_planted': 1, 'found': 1, 'missed': 0, 'wrong_sign': 0, 'false': ['N']}
    """
    counts = {verdict: int((judged["verdict"] == verdict).sum()) for verdict in ("found", "missed", "wrong sign")}
    false = judged[judged["verdict"] == "false"]
    return {
        "n_regulators": len(judged),
        "n_planted": int(judged["is_planted"].sum()),
        **{verdict.replace(" ", "_"): count for verdict, count in counts.items()},
        "false": false["regulator"].tolist(),
    }


NOTE = [
    "This contrast was simulated for the demo, with genes that vary independently, and is judged so (joint score,",
    "independent genes; chosen on such contrasts). It shows the way, not the power or the false calls to expect: real",
    "genes go together, the defaults of `decode drivers` count that, and call less (docs/drivers.md).",
]


def judged_text(judged: pd.DataFrame) -> str:
    """The first regulators of the planted contrast with right and wrong marks, and what became of the decoys."""
    counts = driver_counts(judged)
    lines = [
        f"Drivers of a planted contrast ({counts['n_planted']} of {counts['n_regulators']} regulators change their "
        f"activity between control and treated samples):",
        f"{'rank':>4}  {'regulator':11}{'kind':7}{'role':16}{'planted':>8}{'effect':>8}{'FDR':>8}  verdict",
    ]
    marks = {
        "found": "right: found",
        "left out": "right: not called",
        "missed": "wrong: missed",
        "false": "wrong: called",
        "wrong sign": "wrong: its sign",
    }
    for row in judged.head(N_LISTED).to_dict("records"):
        planted = f"{row['change']:+.2f}" if row["is_planted"] else "-"
        lines.append(
            f"{row['rank']:4d}  {row['regulator']:11}{row['kind']:7}{str(row['role']).replace('_', ' '):16}"
            f"{planted:>8}{row['effect']:>+8.2f}{row['fdr']:>8.2g}  {marks[row['verdict']]}"
        )
    idle = judged[~judged["is_planted"]]
    groups = {
        "null regulators": idle["role"] == "null",
        "decoys": idle["role"].isin(["decoy", "co_bound_decoy"]),
        "regulators that act alike in both": ~idle["role"].isin(["null", "decoy", "co_bound_decoy"]),
    }
    called = ", ".join(
        f"{int(idle.loc[own, 'is_called'].sum())} of {int(own.sum())} {name}" for name, own in groups.items()
    )
    lines.append(
        f"At FDR < {FDR_LIMIT:.0%}: {counts['found']} of {counts['n_planted']} planted drivers found with their "
        f"direction; called without reason: {called}."
    )
    lines += NOTE
    return "\n".join(lines)


def judged_figures(found: DriversResult, judged: pd.DataFrame) -> dict[str, Figure]:
    """The figures of `decode drivers`, with a star beside what was planted."""
    counts = driver_counts(judged)
    title = f"planted contrast: {counts['found']} of {counts['n_planted']} drivers found, {len(counts['false'])} false"
    planted = judged.loc[judged["is_planted"], "regulator"]
    marked = found.drivers.assign(
        regulator=found.drivers["regulator"].where(~found.drivers["regulator"].isin(planted), lambda name: name + " *")
    )
    return {
        "drivers": draw_drivers(marked, title=f"{title}; *: planted"),
        "volcano": draw_volcano(marked, title=f"{title}; *: planted"),
        "positions": draw_positions(found.drivers, found.positions, title=title),
    }
