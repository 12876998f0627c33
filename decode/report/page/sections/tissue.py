"""Models of tissues: trained, judged on held-out genes, judged in folds, and the demo."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import leaves_list, linkage

from decode.report.page.charts import LOOKS, grid, ranked, scatter, series
from decode.report.page.content import Chart, Number, Part, Section
from decode.report.page.methods import cite, methods_of, record_rows
from decode.report.page.runs import Run, in_order, read_run_table
from decode.report.page.sections.common import number, rest_of, table_part

LABELS = {
    "model": "model",
    "mean": "mean of training genes",
    "length_only": "length only",
    "ridge_totals": "ridge on totals",
    "ridge_ranks": "ridge on normal scores",
    "structure_only": "structure only",
    "ridge_structure": "ridge and structure",
    "boosting": "boosted trees",
    "stack": "stack",
    "member_mean": "single member",
    "paper": "paper network",
}
NO_SERIES = (
    "task",
    "task_kind",
    "n_genes",
    "pearson",
    "rmse",
    "member_mean",
    "member_sd",
    "model_sd",
    "n_folds",
    "fold",
)
KINDS = {"fold_change": "fold change", "median_level": "median level", "level": "level", "other": "value"}
MOST_POINTS = 20_000
CAPTIONS = {
    "per_task": "Spearman correlation of predicted with measured values, task by task.",
    "specificity": (
        "Spearman of each prediction (rows) with each measured task (columns): a specific model has its "
        "highest values on the diagonal."
    ),
    "fold_change": "Predicted against measured fold change, the task of median accuracy.",
    "median_level": "Predicted against measured median level.",
    "training": "Loss of every member over the epochs, on training and validation genes.",
    "calibration": "Error of the prediction against the spread over members.",
    "folds": "Accuracy in every fold.",
    "specificity.tsv": "Each prediction with each measured task",
    "genes": "Genes and their folds",
    "spread": "SD over members, gene by gene",
    "split": "Genes and their part of the split",
    "folds.tsv": "The folds",
    "predictions": "Predicted values, gene by gene",
    "calibration_bins": "Genes by their spread over members",
    "calibration_tasks": "Does the spread tell the error? Task by task",
    "intervals": "Intervals from the spread, and how often they hold",
    "recovered_effects": "What of the planted mechanisms the predictions contain",
    "volcano": "Effect and FDR of the regulators of the planted contrast.",
    "drivers_judged": "Drivers against what was planted",
    "positions": "Where the sites of the first drivers lie.",
    "drivers": "Drivers of the planted contrast",
}
HELD_OUT = "genes of the held-out chromosome, which the model never saw"


def evaluation_section(run: Run) -> Section:
    """A run of `decode evaluate`, or of `decode demo`."""
    metrics, per_task = run.numbers("metrics.json"), run.table("per_task.tsv")
    if per_task is None or "model" not in per_task:
        return Section(run.name, run.kind, parts=rest_of(run, captions=CAPTIONS), record=record_rows(run))
    scatters, specificity = _scatters(run, per_task), _specificity(run)
    parts: list[Part] = [_tasks_chart(run, per_task), *scatters, *specificity]
    drawn = {"per_task"} | ({"fold_change", "median_level"} if scatters else set())
    drawn |= {"specificity"} if specificity else set()
    parts += [
        table_part(
            run,
            per_task,
            "per_task.tsv",
            "Accuracy of every task",
            text=(
                "Spearman correlation over genes for the model and each baseline; pearson, rmse and member_* are "
                "of the model."
            ),
        )
    ]
    split = str(metrics.get("split", "test"))
    of = (
        HELD_OUT
        if split == "test"
        else f"{split} genes" + ("" if split == "validation" else ", which the model was fitted to")
    )
    lead = f"How well are {_targets(per_task)} of {number(metrics.get('n_genes'))} {of} predicted from their sites?"
    caveats = (
        ()
        if split in ("test", "validation")
        else ("These genes were used in training: the numbers say nothing of new genes.",)
    )
    return Section(
        run.name,
        "demo" if run.kind == "demo" else "tissue model",
        lead,
        _headline(metrics),
        caveats,
        (*parts, *rest_of(run, tables={"per_task.tsv"}, figures=drawn, captions=CAPTIONS)),
        methods=methods_of(run, *_methods(metrics)),
        record=record_rows(run),
    )


def _targets(per_task: pd.DataFrame) -> str:
    counts = per_task["task_kind"].value_counts() if "task_kind" in per_task else pd.Series({"other": len(per_task)})
    words = [
        (
            f"{count} {KINDS.get(str(kind), str(kind))}{'s' if count > 1 else ''}"
            if kind != "median_level"
            else "the median level"
        )
        for kind, count in counts.items()
    ]
    return " and ".join(words)


def _headline(metrics: Mapping[str, Any]) -> tuple[Number, ...]:
    found = []
    baselines = metrics.get("baselines") or {}
    model = metrics.get("model") or {}
    for key in (one for one in model if one.endswith("_spearman")):
        value = model[key]
        rivals = {
            name: one[key] for name, one in baselines.items() if isinstance(one, dict) and one.get(key) is not None
        }
        best = max(rivals, key=lambda name: rivals[name], default=None)
        note = "" if best is None else f"best baseline: {LABELS.get(best, best)} {number(rivals[best])}"
        lost = best is not None and value is not None and rivals[best] >= value
        spread = model.get(f"{key}_sd_over_folds")
        is_near = best is not None and value is not None and spread is not None and value - rivals[best] < spread
        found.append(
            Number(
                f"Spearman, {_what(key)}",
                number(value),
                "" if spread is None else f"\u00b1 {number(spread)} (SD over folds)",
                note,
                "a plain baseline does as well"
                if lost
                else "ahead of a plain baseline by less than the SD over folds"
                if is_near
                else "",
            )
        )
    specificity = metrics.get("specificity") or {}
    if specificity.get("n_tasks"):
        share = specificity["n_own_highest"] / specificity["n_tasks"]
        found.append(
            Number(
                "Tasks whose own column fits best",
                f"{specificity['n_own_highest']} of {specificity['n_tasks']}",
                note="a prediction that is the same for all tasks: about one",
                caveat="the prediction is hardly specific" if share < 0.5 else "",
            )
        )
    members = metrics.get("members")
    if members:
        n_members = len(members) if isinstance(members, list) else members
        found.append(Number("Members", number(n_members), note="networks from different seeds, averaged"))
    return tuple(found)


def _what(key: str) -> str:
    match = re.fullmatch(r"(.+?)(_mean)?_spearman", key)
    name = match[1] if match else key
    label = KINDS.get(name, name.replace("_", " "))
    return f"mean over {label}s" if match and match[2] else label


def _tasks_chart(run: Run, per_task: pd.DataFrame) -> Chart:
    table = per_task.sort_values("model", ascending=False, kind="stable").reset_index(drop=True)
    names = [one for one in table.columns if one not in NO_SERIES and table[one].notna().any()]
    names.sort(key=lambda one: one != "model")
    rows = pd.Series(np.arange(len(table)))
    of_model = {
        label: table[column]
        for column, label in (("member_sd", "SD over members"), ("model_sd", "SD over folds"))
        if column in table
    }
    shown = [
        series(
            table[one],
            rows,
            name=LABELS.get(one, one),
            look=LOOKS[at % len(LOOKS)],
            more=of_model if one == "model" else None,
        )
        for at, one in enumerate(names)
    ]
    spec = ranked(
        table["task"].tolist(),
        shown,
        name=f"{run.name}_per_task",
        title="Spearman correlation of every task, model and baselines.",
        x_label="Spearman, predicted against measured",
    )
    return Chart(
        spec,
        "Each task: the model beside plain baselines on the same genes. Names in the key switch rows of marks on and"
        " off.",
    )


def _scatters(run: Run, per_task: pd.DataFrame) -> list[Part]:
    """Predicted against measured, where the measured values are still where the run found them."""
    predictions, path = run.table("predictions.tsv.gz"), run.input_path("targets")
    if predictions is None or path is None or "gene_id" not in predictions:
        return []
    measured = read_run_table(path)
    if "gene_id" not in measured:
        return []
    both = predictions.merge(measured, on="gene_id", suffixes=("_predicted", "_measured")).head(MOST_POINTS)
    main = per_task[per_task["task_kind"] != "median_level"].sort_values("model", kind="stable")
    chosen = [str(main["task"].iloc[(len(main) - 1) // 2])] if len(main) else []
    chosen += ["median_level"] if "median_level" in set(per_task["task"]) else []
    parts: list[Part] = []
    for task in chosen:
        x, y = f"{task}_measured", f"{task}_predicted"
        if x not in both or y not in both or not len(both):
            continue
        kind = KINDS.get(str(per_task.set_index("task").loc[task, "task_kind"]), "value")
        which = "" if task == "median_level" else f" of {task}, the task of median accuracy"
        spec = scatter(
            [series(both[x], both[y], name="genes", text=both["gene_id"].tolist(), faint=True)],
            name=f"{run.name}_{task}",
            title=f"Predicted against measured {kind}{which}.",
            x_label=f"measured {kind} (log2)",
            y_label=f"predicted {kind} (log2)",
            diagonal=True,
        )
        parts.append(
            Chart(spec, f"Predicted against measured {kind}{which}; {len(both):,} genes, the line is equality.")
        )
    return parts


def _specificity(run: Run) -> list[Part]:
    """Each prediction with each measured task, like tasks side by side; nothing where the run has no such table."""
    table = run.table("specificity.tsv")
    if table is None or len(table) < 2 or table.iloc[:, 1:].select_dtypes("number").shape[1] != len(table):
        return []
    table = table.set_index(table.columns[0])
    values = np.nan_to_num(table.to_numpy(dtype=np.float64))
    tree = linkage(np.hstack([values, values.T]), "average")
    order = leaves_list(tree)
    spec = grid(
        table.iloc[order, order],
        name=f"{run.name}_specificity",
        title="Each prediction with each measured task.",
        x_label="measured",
        y_label="predicted",
        what="Spearman over genes",
    )
    return [Chart(spec, f"{CAPTIONS['specificity']} Blue is below 0, red above; hover a cell to read it.")]


def _methods(metrics: Mapping[str, Any]) -> list[str]:
    seeds = metrics.get("seeds") or []
    return [
        f"Expression was predicted from counts of binding sites by the {metrics.get('architecture', 'default')} network"
        f" of decode {cite('tasaki2020')}"
        + (f", an ensemble of {len(seeds)} networks (seeds {', '.join(str(seed) for seed in seeds)})" if seeds else "")
        + f", and judged by Spearman's correlation over {number(metrics.get('n_genes'))} {metrics.get('split', 'test')}"
        " genes beside baselines fitted to the same training genes.",
    ]


def cv_section(run: Run) -> Section:
    """A run of `decode cv`."""
    metrics, per_fold, per_task = run.numbers("metrics.json"), run.table("per_fold.tsv"), run.table("per_task.tsv")
    parts: list[Part] = []
    used: set[str] = set()
    if per_task is not None and "model" in per_task:
        parts += [_tasks_chart(run, per_task), table_part(run, per_task, "per_task.tsv", "Accuracy of every task")]
        used.add("per_task.tsv")
    if per_fold is not None:
        parts.append(table_part(run, per_fold, "per_fold.tsv", "Accuracy in every fold"))
        used.add("per_fold.tsv")
    n_folds = per_fold["fold"].nunique() if per_fold is not None and "fold" in per_fold else None
    return Section(
        run.name,
        "cross-validation",
        f"Every gene is predicted by networks that never saw its chromosome: {number(metrics.get('n_genes'))} genes in"
        f" {number(n_folds)} folds.",
        _headline(metrics),
        parts=(*parts, *rest_of(run, tables=used, figures={"per_task"} if parts else set(), captions=CAPTIONS)),
        methods=methods_of(run, *_methods(metrics)),
        record=record_rows(run),
    )


def training_section(run: Run) -> Section:
    """A run of `decode train`: the model bundle."""
    folder = next((str(PurePosixPath(name).parent) for name in run.files if name.endswith("bundle.json")), "")
    name = run.find("bundle.json")
    bundle = run.numbers(name)
    hashes = bundle.get("sha256")
    run = run.with_files(folder, hashes) if isinstance(hashes, dict) else run
    history_file, tracks_file = run.find("history.tsv"), run.find("tracks.tsv")
    history, tracks = run.table(history_file), run.table(tracks_file)
    parts: list[Part] = []
    if history is not None and {"epoch", "train_loss", "validation_loss", "member"} <= set(history):
        parts += [_history_chart(run, history), table_part(run, history, history_file, "Losses", is_folded=True)]
    if tracks is not None:
        parts.append(table_part(run, tracks, tracks_file, "Tracks that the model uses", is_folded=True))
    counts = bundle.get("counts") or {}
    losses = [one for one in bundle.get("validation_loss") or [] if one is not None]
    numbers = [
        Number("Members", number(bundle.get("n_members")), note="networks from different seeds"),
        Number("Tasks", number(len(bundle.get("tasks") or []))),
    ]
    numbers += [Number("Validation loss", number(float(np.mean(losses))), note="mean over members")] if losses else []
    for key, label in (("train", "Training genes"), ("validation", "Validation genes"), ("test", "Held-out genes")):
        if key in counts:
            numbers.append(Number(label, number(counts[key])))
    dropped = counts.get("dropped_regulators")
    if dropped:
        found = f"{len(dropped)}" if isinstance(dropped, list | dict) else number(dropped)
        numbers.append(
            Number("Regulators left out", found, caveat="bound to too few training genes; the model cannot name them")
        )
    architecture = (bundle.get("network") or {}).get("architecture", "default")
    training = bundle.get("training") or {}
    text = (
        f"The {architecture} network of decode {cite('tasaki2020')} was trained on {number(counts.get('train'))} genes;"
        f" {number(counts.get('validation'))} genes chose the epoch. Of {number(training.get('members'))} members the"
        f" prediction is the {training.get('keep', 'mean')} (batches of {training.get('batch_size')}, learning rate"
        f" {number(training.get('learning_rate'), 2)}, at most {training.get('max_epochs')} epochs, patience"
        f" {training.get('patience')})."
    )
    return Section(
        run.name,
        "trained model",
        "What was trained, on how much, and how the loss went. How good it is: decode evaluate.",
        tuple(numbers),
        parts=(*parts, *rest_of(run, tables={history_file, tracks_file}, captions=CAPTIONS)),
        methods=methods_of(run, text),
        record=record_rows(run),
    )


def _history_chart(run: Run, history: pd.DataFrame) -> Chart:
    shown = []
    for at, member in enumerate(in_order(history["member"])):
        own = history[history["member"] == member]
        for column, label, dash in (("validation_loss", "validation", 0), ("train_loss", "training", 1)):
            look = LOOKS[(2 * at + dash) % len(LOOKS)]
            shown.append(series(own["epoch"], own[column], name=f"member {member}, {label}", look=look, line=True))
    spec = scatter(
        shown,
        name=f"{run.name}_training",
        title="Loss over the epochs.",
        x_label="epoch",
        y_label="loss",
        height=360,
    )
    return Chart(
        spec, "Loss of every member over the epochs, on training genes (with dropout) and on validation genes."
    )
