"""Look a gene or a task up in the summary of a model: the same views as by computing, without network or features."""

from __future__ import annotations

import numpy as np
import pandas as pd

from decode.core.checks import check_count, check_named
from decode.registry.summary import AttributionSummary
from decode.regulators.gene_view import N_TOP, PLACE_COLUMNS, GeneView, resolved_gene, task_levels


def can_look_up(summary: AttributionSummary, *, task: str | None = None, n_top: int = N_TOP) -> bool:
    """Whether a summary holds as many regulators of a gene as are wanted."""
    held = summary.leading_regulator if task is None else summary.top_regulator
    return n_top <= int(held.shape[-1])


def gene_in_summary(
    summary: AttributionSummary,
    gene: str,
    *,
    task: str | None = None,
    targets: pd.DataFrame | None = None,
    n_top: int = N_TOP,
) -> GeneView:
    """Levels, regulators and places of one gene, looked up.

    Parameters
    ----------
    summary : AttributionSummary
    gene, task, targets, n_top
        As in `decode.regulators.atlas.look_up_gene`.

    Returns
    -------
    GeneView
        As by `look_up_gene`, rounded to the steps of the summary, at most as many regulators as it holds. With `task`
        the places are those of regulators that lead the gene, in the task where they act most.

    Raises
    ------
    KeyError, ValueError
        As `look_up_gene`.
    """
    check_count("n_top", n_top)
    if task is not None:
        check_named("task(s)", [task], summary.tasks, "the model")
    gene_id = resolved_gene(summary.genes, gene)
    row = int(np.flatnonzero(summary.genes["gene_id"] == gene_id)[0])
    regulators = (_leading(summary, row) if task is None else _top(summary, row, task)).head(n_top)
    described = summary.genes.iloc[row]
    return GeneView(
        gene={
            **{name: described[name] for name in ("gene_id", "gene_name", "chrom", "strand")},
            **{name: int(described[name]) for name in ("tss", "length_bp")},
            "build": str(summary.about.get("build", "")),
            "split": described["split"],
        },
        tasks=task_levels(summary.tasks, summary.task_kinds, summary.predicted[row], targets, gene_id),
        regulators=regulators.reset_index(drop=True),
        places=_places(summary, row, regulators["regulator"].tolist()),
        length_effect=float(summary.length_effect[row]),
    )


def task_in_summary(summary: AttributionSummary, task: str) -> pd.DataFrame:
    """The ranking of a task, or of "overall", as `AttributionSummary.ranking`; KeyError with the nearest names."""
    ranking = summary.ranking
    check_named("task(s)", [task], list(dict.fromkeys(ranking["task"])), "the model")
    return ranking[ranking["task"] == task].reset_index(drop=True)


def _leading(summary: AttributionSummary, row: int) -> pd.DataFrame:
    codes = summary.leading_regulator[row]
    codes = codes[codes >= 0]
    names = [summary.regulators[code] for code in codes]
    n_found = len(codes)
    return pd.DataFrame(
        {
            "regulator": names,
            "kind": [name.partition(":")[0] for name in names],
            "effect": summary.leading_effect[row, :n_found].astype(np.float64),
            "sd": summary.leading_sd[row, :n_found].astype(np.float64),
            "strongest_task": [summary.tasks[code] for code in summary.leading_task[row, :n_found]],
            "strongest_effect": summary.leading_strongest[row, :n_found].astype(np.float64),
        }
    )


def _top(summary: AttributionSummary, row: int, task: str) -> pd.DataFrame:
    number = summary.tasks.index(task)
    codes = summary.top_regulator[row, number]
    names = [summary.regulators[code] for code in codes[codes >= 0]]
    effect = summary.top_effect[row, number, : len(names)].astype(np.float64)
    kinds = [name.partition(":")[0] for name in names]
    return pd.DataFrame(
        {"regulator": names, "kind": kinds, "effect": effect, "strongest_task": task, "strongest_effect": effect}
    )


def _places(summary: AttributionSummary, row: int, regulators: list[str]) -> pd.DataFrame:
    """Bins of the regulators that lead the gene, in the order of `regulators`."""
    leading = {
        summary.regulators[code]: place for place, code in enumerate(summary.leading_regulator[row]) if code >= 0
    }
    length = int(summary.genes["length_bp"].iloc[row])
    rows = []
    for name in regulators:
        place = leading.get(name)
        if place is None:
            continue
        task = summary.tasks[summary.leading_task[row, place]]
        for number in np.flatnonzero(summary.place_region[row, place] >= 0):
            region = summary.regions.iloc[summary.place_region[row, place, number]]
            first = int(region["first_bp"]) + int(region["bin_size"]) * int(summary.place_bin[row, place, number])
            last = first + int(region["bin_size"]) - 1
            rows.append(
                {
                    "regulator": name,
                    "region": region["name"],
                    "first_bp": first,
                    "last_bp": min(last, length - 1) if region["name"] == "rna" else last,
                    "bases": float(summary.place_bases[row, place, number]),
                    "task": task,
                    "effect": float(summary.place_effect[row, place, number]),
                    "position_blind": bool(region["is_blind"]),
                }
            )
    return pd.DataFrame(rows, columns=PLACE_COLUMNS)
