"""Regulators ranked by a trained network."""

from __future__ import annotations

import numpy as np
import pandas as pd

from decode.report.page.charts import ranked, series
from decode.report.page.content import Chart, Number, Part, Section
from decode.report.page.methods import cite, methods_of, record_rows
from decode.report.page.runs import Run, in_order
from decode.report.page.sections.common import number, rest_of, table_part

N_ROWS = 20
FDR = 0.05
NO_HIT = "None has an FDR below 5 % in this task."
UNJUDGED = "Ranks without a null have no p-values."
OVERALL = "overall"
N_TASKS = 6  # tasks with a figure
NO_NULL = (
    "No null was given (decode rank --null), so that ranks have no p-values: what comes first is not thereby"
    " significant."
)
MODEL_ONLY = "Attributions say what the model's predictions rest on; they are no experiment."


def rank_section(run: Run) -> Section:
    """A run of `decode rank`."""
    file = next((name for name in run.named(".tsv") if not name.endswith(".classes.tsv")), "")
    ranking = run.table(file)
    if ranking is None or not {"regulator", "kind", "task", "mean", "rank"} <= set(ranking):
        return Section(run.name, "ranked regulators", parts=rest_of(run), record=record_rows(run))
    tasks = in_order(ranking["task"])
    has_fdr = "fdr" in ranking and ranking["fdr"].notna().any()
    parts: list[Part] = []
    for task in tasks[:N_TASKS]:
        own = ranking[ranking["task"] == task]
        caveat = UNJUDGED if not has_fdr else "" if (own["fdr"] < FDR).any() else NO_HIT
        parts.append(_chart(run, own, str(task), caveat))
    parts.append(
        table_part(run, ranking, file, "Regulators, task by task", first=("task", "rank", "regulator", "kind", "mean"))
    )
    numbers = [Number("Regulators", number(ranking["regulator"].nunique())), Number("Tasks", number(len(tasks)))]
    caveats = [MODEL_ONLY]
    if has_fdr:
        called = ranking[ranking["fdr"] < FDR]
        numbers.append(
            Number(
                "Pairs of regulator and task, FDR < 5 %",
                number(len(called)),
                note=f"of {number(len(ranking))}",
                caveat="" if len(called) else "nothing is significant; the order is no evidence",
            )
        )
    else:
        caveats.append(NO_NULL)
    return Section(
        run.name,
        "ranked regulators",
        "Which regulators do the model's predictions rest on, task by task?",
        tuple(numbers),
        tuple(caveats),
        (*parts, *rest_of(run, tables={file})),
        methods=methods_of(
            run,
            f"Regulators were ranked by their mean DeepLIFT attributions {cite('shrikumar2017')} in the network"
            f" {cite('tasaki2020')}"
            + (
                "; false discovery rates against refits on exchanged sites are Benjamini and Hochberg's"
                f" {cite('benjamini1995')}"
                if has_fdr
                else ""
            )
            + ".",
        ),
        record=record_rows(run),
    )


def _chart(run: Run, own: pd.DataFrame, task: str, caveat: str) -> Chart:
    top = own.sort_values("rank", kind="stable").head(N_ROWS).reset_index(drop=True)
    rows = pd.Series(np.arange(len(top)))
    column = "mean_abs" if task == OVERALL and "mean_abs" in top else "mean"  # what is ranked
    what = "mean absolute attribution" if column == "mean_abs" else "mean attribution"
    has_spread = "sd_members" in top and top["sd_members"].notna().any()
    low = top[column] - top["sd_members"] if has_spread else None
    high = top[column] + top["sd_members"] if has_spread else None
    more = {"genes bound": top["n_bound_genes"]} if "n_bound_genes" in top else None
    names = [f"{name} ({kind})" for name, kind in zip(top["regulator"], top["kind"], strict=True)]
    spec = ranked(
        names,
        [series(top[column], rows, name=what, low=low, high=high, more=more, bars=True)],
        name=f"{run.name}_{task}",
        title=f"Regulators of {task}.",
        x_label=f"{what} (log2)",
    )
    order = (
        "over all tasks, by mean absolute attribution"
        if column == "mean_abs"
        else "by the size of their mean attribution"
    )
    lines = "; lines are SD over members of the ensemble" if has_spread else ""
    return Chart(spec, f"{task}: the first {len(top)} regulators {order}{lines}.", caveat)
