"""Sites taken away: knockouts of regulators, disrupted bins, and what makes two genes go together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from decode.report.page.charts import KIND_LOOKS, LOOKS, ranked, scatter, series
from decode.report.page.content import Chart, Number, Part, Section
from decode.report.page.methods import cite, methods_of, record_rows
from decode.report.page.runs import Run, in_order
from decode.report.page.sections.common import number, rest_of, table_part

N_ROWS = 25
N_GENES = 6  # of disrupted genes with a figure
MODEL_ONLY = (
    "This is a statement about the model: no other regulator moves in or out, and no experiment was made. On real "
    "perturbations knockouts of this kind did not rank the genes that change."
)
BLIND = (
    "position_blind: in these regions the network sees the total of each track, not its place. A bin acts by its share "
    "of the bases, wherever it lies; a peak in the figure is a bin with many bases, not a place that matters more."
)
OF_DRAWS = (
    "p-values are over random removals in the model, not over samples: more draws make them smaller. A star therefore "
    "asks for more: 2 SD over resampled tasks must leave 0 out, too."
)
NO_STAR = "No single one stands out from the tasks' own scatter."
SPREAD = "SD over members of the ensemble"


def knockout_section(run: Run) -> Section:
    """A run of `decode knockout`."""
    file = next((name for name in run.named(".tsv", ".tsv.gz")), "")
    summary = run.table(file)
    parts: list[Part] = []
    numbers: list[Number] = []
    caveats = [MODEL_ONLY]
    if summary is not None and {"regulator", "task", "mean_effect", "mean_abs_effect"} <= set(summary):
        tasks = in_order(summary["task"])
        numbers = [
            Number("Regulators", number(summary["regulator"].nunique())),
            Number("Tasks", number(len(tasks))),
            Number(
                "Genes with a site",
                number(summary.groupby("regulator")["n_genes"].max().median()),
                note="median over regulators",
            ),
        ]
        parts += [
            _knockout_chart(run, summary),
            table_part(run, summary, file, "Every regulator over the genes that it binds"),
        ]
        if (summary["n_genes"] == 0).any():
            caveats.append("Regulators without a site in these genes have no effect here: it is undefined, not zero.")
    elif not run.figures():
        caveats.append(
            "The run wrote no summary table; give decode knockout --summary FILE.tsv to see regulators here."
        )
    return Section(
        run.name,
        "knockout",
        "What would the model predict without the sites of a regulator? The effect is the prediction without minus with"
        " them (log2).",
        tuple(numbers),
        tuple(caveats),
        (*parts, *rest_of(run, tables={file})),
        methods=methods_of(
            run,
            f"All sites of a regulator were deleted from the inputs of the trained network {cite('tasaki2020')} and"
            " each gene that it binds was predicted anew; the effect is the prediction without the sites minus that"
            " with them, in log2 units, averaged over the members of the ensemble.",
        ),
        record=record_rows(run),
    )


def _knockout_chart(run: Run, summary: pd.DataFrame) -> Chart:
    largest = summary.groupby("regulator")["mean_abs_effect"].max().sort_values(ascending=False)
    names = largest.index[:N_ROWS].tolist()
    row_of = {name: row for row, name in enumerate(names)}
    shown = []
    tasks = in_order(summary["task"])
    for at, task in enumerate(tasks[: len(LOOKS)]):
        own = summary[(summary["task"] == task) & summary["regulator"].isin(names)]
        spread = own.get("mean_effect_sd", pd.Series(np.nan, index=own.index))
        shown.append(
            series(
                own["mean_effect"],
                own["regulator"].map(row_of),
                name=str(task),
                look=LOOKS[at],
                low=own["mean_effect"] - spread,
                high=own["mean_effect"] + spread,
                more={"genes with a site": own["n_genes"]},
            )
        )
    spec = ranked(
        names,
        shown,
        name=f"{run.name}_knockout",
        title="Mean effect of taking a regulator's sites away.",
        x_label="mean effect over the genes bound (log2)",
    )
    more = f" The first {len(LOOKS)} of {len(tasks)} tasks; all are in the table." if len(tasks) > len(LOOKS) else ""
    return Chart(
        spec,
        f"The {len(names)} regulators of the largest mean absolute effect in any task; bars are {SPREAD}. Negative: the"
        f" model predicts less without the sites, so there they raise the prediction.{more}",
    )


def disrupt_section(run: Run) -> Section:
    """A run of `decode disrupt`."""
    file = next((name for name in run.named(".tsv", ".tsv.gz")), "")
    windows = run.table(file)
    if windows is None or not {"gene_id", "region", "task", "effect"} <= set(windows):
        return Section(run.name, "disruption", parts=rest_of(run), record=record_rows(run))
    blind = (
        windows["position_blind"].astype(str).str.lower() == "true"
        if "position_blind" in windows
        else pd.Series(False, index=windows.index)
    )
    regions = in_order(windows.loc[blind, "region"])
    task = str(run.options.get("task") or windows["task"].iloc[-1])
    parts: list[Part] = []
    for gene, own in list(windows[windows["task"] == task].groupby("gene_id", sort=False))[:N_GENES]:
        parts.append(_windows_chart(run, str(gene), own, task))
    parts.append(table_part(run, windows, file, "Every window, task by task", is_folded=len(windows) > 1000))
    whole = "position_blind: none of these windows can be told from another by its place" if blind.all() else ""
    numbers = (
        Number("Genes", number(windows["gene_id"].nunique())),
        Number("Windows", number(len(windows) // max(windows["task"].nunique(), 1))),
        Number(
            "Windows that are position_blind",
            f"{number(int(blind.sum()) // max(windows['task'].nunique(), 1))}",
            caveat=whole,
        ),
        Number(
            "Largest effect",
            number(windows["effect"].abs().max()),
            note="log2, any task",
            caveat=BLIND.split(":")[0] if blind.any() else "",
        ),
    )
    caveats = [MODEL_ONLY]
    if blind.any():
        caveats.append(f"{BLIND} Regions: {', '.join(regions)}.")
    missing = run.counts.get("regions_not_on_genome")
    if missing:
        caveats.append(
            f"Not put on the genome: {', '.join(str(one) for one in missing)}; give decode disrupt --annotation."
        )
    return Section(
        run.name,
        "disruption",
        "What does each prediction owe to the sites in one bin after the other? The effect is the prediction without"
        " minus with them (log2).",
        numbers,
        tuple(caveats),
        (
            *parts,
            *rest_of(
                run,
                tables={file},
                captions={
                    name.rsplit(".", 1)[
                        0
                    ]: "Effects of windows along the regions, with the sites of the strongest regulators below."
                    for name in run.figures()
                },
            ),
        ),
        methods=methods_of(
            run,
            f"The sites in windows of {number(run.options.get('window'))} bin(s) along every region were deleted one"
            f" window after the other, and the gene was predicted anew {cite('tasaki2020')}."
            + (f" Within {', '.join(regions)} the network is blind to position." if regions else ""),
        ),
        record=record_rows(run),
    )


def _windows_chart(run: Run, gene: str, own: pd.DataFrame, task: str) -> Chart:
    shown = []
    label = str(own["gene_name"].iloc[0]) if "gene_name" in own and own["gene_name"].notna().all() else gene
    for at, (region, part) in enumerate(own.groupby("region", sort=False)):
        middle = (part["from_bp"] + part["to_bp"]) / 2
        is_blind = (
            bool((part["position_blind"].astype(str).str.lower() == "true").all())
            if "position_blind" in part
            else False
        )
        shown.append(
            series(
                middle,
                part["effect"],
                name=f"{region}{' (position_blind)' if is_blind else ''}",
                look=LOOKS[at % len(LOOKS)],
                line=True,
                low=part["effect"] - part["sd_members"],
                high=part["effect"] + part["sd_members"],
                text=[
                    f"{region} {low:,} to {high:,}" for low, high in zip(part["from_bp"], part["to_bp"], strict=True)
                ],
                more={"tracks with a site": part["n_tracks"]},
            )
        )
    spec = scatter(
        shown,
        name=f"{run.name}_{gene}",
        title=f"Effect of disrupted windows of {label}, {task}.",
        x_label="bases from the start of transcription, or of the RNA",
        y_label="effect (log2)",
        height=320,
        lines=[{"axis": "y", "at": 0}],
    )
    return Chart(spec, f"{label}: effect of taking away all sites of a window, {task}; the band is {SPREAD}.")


def coexpression_section(run: Run) -> Section:
    """A run of `decode coexpression`."""
    effects, pairs = run.table("effects.tsv"), run.rows("correlations.json")
    if effects is None or not len(pairs):
        return Section(run.name, "co-expression", parts=rest_of(run), record=record_rows(run))
    parts: list[Part] = []
    numbers: list[Number] = []
    is_blind = "position_blind" in pairs and bool(pairs["position_blind"].astype(bool).any())
    for row in pairs.to_dict("records"):
        own = effects[(effects["model"] == row["model"]) & (effects["gene"] == row["gene"])]
        parts.append(_units_chart(run, row, own))
        numbers.append(
            Number(
                f"{row['gene']} altered, with {row['partner']}",
                number(row["correlation"]),
                note=f"{row['model']}: predicted correlation; without any site {number(row['without_any'])}",
                caveat=f"over {number(row['n_tasks'])} tasks only" if (row.get("n_tasks") or 0) < 20 else "",
            )
        )
    first = (
        "model",
        "gene",
        "partner",
        "unit",
        "shapley",
        "coefficient",
        "p_bonferroni",
        "is_significant",
        "single_effect",
    )
    parts.append(table_part(run, effects, "effects.tsv", "Every regulator or bin", first=first, shown=first))
    caveats = [MODEL_ONLY, OF_DRAWS]
    if is_blind:
        caveats.append(BLIND)
    return Section(
        run.name,
        "co-expression",
        "Which sites make two genes go together over samples, as the model predicts them?",
        tuple(numbers),
        tuple(caveats),
        (
            *parts,
            *rest_of(
                run,
                tables={"effects.tsv"},
                captions={
                    "key": "Key drivers: significant in all models",
                    "effects": "Effects of removals on the correlation, both genes.",
                },
            ),
        ),
        methods=methods_of(
            run,
            f"Sites of one gene of the pair were removed at random ({number(run.options.get('draws'))} draws, each with"
            f" probability {run.options.get('deletion_rate')}), the gene was predicted anew {cite('tasaki2020')}, and"
            f" the change of its {str(run.options.get('correlation', 'spearman')).capitalize()} correlation with the"
            " other gene was regressed on what had been removed; Shapley values are means over all orders of removal.",
        ),
        record=record_rows(run),
    )


def _units_chart(run: Run, row: dict[Any, Any], own: pd.DataFrame) -> Chart:
    order = np.argsort(-own["shapley"].abs().to_numpy(), kind="stable")[:N_ROWS]
    top = own.iloc[order].reset_index(drop=True)
    rows = pd.Series(np.arange(len(top)))
    spread = 2 * pd.to_numeric(top["sd_tasks"], errors="coerce")
    is_called = (top["is_significant"].astype(str).str.lower() == "true") & (top["coefficient"].abs() > spread)
    names = [f"{unit}{' *' if called else ''}" for unit, called in zip(top["unit"], is_called, strict=True)]
    shown = [
        series(top["shapley"], rows, name="mean over all orders (Shapley)", look=(1, "square"), bars=True),
        series(
            top["coefficient"],
            rows,
            name="mean over random removals",
            look=KIND_LOOKS["TF"],
            low=top["coefficient"] - spread,
            high=top["coefficient"] + spread,
        ),
        series(top["single_effect"], rows, name="this one alone", look=(3, "diamond")),
    ]
    spec = ranked(
        names,
        shown,
        name=f"{run.name}_{row['model']}_{row['gene']}",
        title=f"{row['gene']} altered, {row['partner']} as it is.",
        x_label="change of the correlation when removed",
    )
    return Chart(
        spec,
        f"{row['gene']} altered, {row['partner']} as it is ({row['model']}): change of their correlation when sites are"
        " removed; lines are 2 SD over resampled tasks. * significant over draws after Bonferroni, and 0 is more than 2"
        " SD over tasks away.",
        "" if is_called.any() else NO_STAR,
    )
