"""Files and figures of models of persons: accuracy of persons and genes, variance, projections of new samples."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from decode.core.checks import check_columns
from decode.expression.task_kinds import KIND_LABELS
from decode.persons.evaluate_persons import MEAN_PROFILE, PersonEvaluation
from decode.persons.project import Projection
from decode.report.files import Content, RunFiles, write_run
from decode.report.style import BLUE, GREY, LIGHT_GREY, SERIES, VERMILION, new_figure

NOT_BASELINES = {
    "sample", "person", "tissue", "task_kind", "n_genes", "validation_spearman", "is_kept", "pearson", "own",
    "unrelated", "rank_of_own", "n_compared",
}  # fmt: skip
N_BINS = 8


def person_accuracy(per_person: pd.DataFrame, *, title: str = "") -> Figure:
    """Draw the accuracy of every person, sorted, with the baselines.

    Parameters
    ----------
    per_person : pd.DataFrame
        Of a PersonEvaluation.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure
    """
    check_columns("table of persons", per_person, ["sample", "model", "task_kind"])
    table = per_person.sort_values("model", ascending=False, na_position="last")
    series = [column for column in table.columns if column not in NOT_BASELINES and table[column].notna().any()]
    figure = new_figure(figsize=(7.2, 4.2), layout="constrained")
    axes = figure.add_subplot()
    x = np.arange(len(table))
    for number, name in enumerate([name for name in series if name != "model"]):
        colour, _ = SERIES[number % len(SERIES)]
        values = table[name].to_numpy(dtype=np.float64)
        label = f"{name.replace('_', ' ')} ({np.nanmean(values):.3f})"
        axes.plot(x, values, ".", color=colour, markersize=3, label=label)
    values = table["model"].to_numpy(dtype=np.float64)
    axes.plot(x, values, "-", color=BLUE, linewidth=2, label=f"model ({np.nanmean(values):.3f})")
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.set_xlabel("persons, by accuracy of the model")
    axes.set_ylabel(f"Spearman over genes ({KIND_LABELS[str(table['task_kind'].iloc[0])]})")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right upper", fontsize=8, frameon=False, title=title or None, title_fontsize=8)
    return figure


def accuracy_by_features(per_gene: pd.DataFrame, *, title: str = "") -> Figure:
    """Draw the accuracy of genes over persons against the numbers of regulators with sites, one panel a region.

    Parameters
    ----------
    per_gene : pd.DataFrame
        Of a PersonEvaluation.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure
    """
    columns = [name for name in per_gene.columns if name.startswith("n_") and name.endswith("_regulators")]
    check_columns("table of genes", per_gene, ["pearson", *columns])
    figure = new_figure(figsize=(3.4 * max(len(columns), 1) + 0.6, 3.6), layout="constrained")
    panels = figure.subplots(1, max(len(columns), 1), sharey=True, squeeze=False)[0]
    for axes, name in zip(panels, columns, strict=False):
        table = per_gene[[name, "pearson"]].dropna()
        n_regulators = np.round(2.0 ** table[name].to_numpy() - 1)
        edges = np.unique(np.quantile(n_regulators, np.linspace(0, 1, N_BINS + 1)))
        place = np.clip(np.searchsorted(edges, n_regulators, side="right") - 1, 0, max(len(edges) - 2, 0))
        groups = [table["pearson"].to_numpy()[place == k] for k in range(max(len(edges) - 1, 1))]
        labels = [f"{edges[k]:.0f}" for k in range(len(groups))]
        lines = {"color": GREY}
        axes.boxplot(
            groups, showfliers=False, widths=0.7, boxprops={"color": BLUE}, whiskerprops=lines, capprops=lines,
            medianprops={"color": VERMILION, "linewidth": 2},
        )  # fmt: skip
        axes.set_xticks(range(1, len(groups) + 1), labels, fontsize=8)
        axes.axhline(0, color=GREY, linewidth=0.8, zorder=0)
        region = name.removeprefix("n_").removesuffix("_regulators")
        axes.set_xlabel(f"{region} regulators with sites (from)", fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("Pearson over persons, a gene")
    figure.suptitle(title, fontsize=9)
    return figure


def variance_figure(per_gene: pd.DataFrame, summary: Mapping[str, float], *, title: str = "") -> Figure:
    """Draw the variance of genes between persons against that between tissues.

    Parameters
    ----------
    per_gene : pd.DataFrame
        Columns within and between.
    summary : mapping
        Of `decode.persons.variance.VarianceShares`.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure
    """
    check_columns("table of genes", per_gene, ["within", "between"])
    table = per_gene[["within", "between"]].dropna()
    table = table[(table > 0).all(axis=1)]
    figure = new_figure(figsize=(4.6, 4.4), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(table["between"], table["within"], ".", color=BLUE, markersize=4, alpha=0.35, markeredgewidth=0)
    axes.set_xscale("log")
    axes.set_yscale("log")
    if len(table):
        ends = [table.min().min(), table.max().max()]
        axes.plot(ends, ends, "-", color=GREY, linewidth=1)
        axes.text(ends[1], ends[1], "equal ", ha="right", va="top", color=GREY, fontsize=8)
    axes.set_xlabel("variance between tissues (log2 units squared)")
    axes.set_ylabel("variance between persons of a tissue")
    axes.grid(color=LIGHT_GREY, linewidth=0.5)
    ratio = summary.get("ratio_of_means", float("nan"))
    axes.set_title(f"{title}\nwithin / between: {ratio:.2f} (means over {len(table)} genes)", fontsize=9, loc="left")
    return figure


def write_person_evaluation(
    evaluation: PersonEvaluation, out: str | Path, *, record: Mapping[str, Any] | None = None, force: bool = False
) -> list[Path]:
    """Write persons.json, the tables and the figures of an evaluation of persons into a folder, all or none.

    Parameters
    ----------
    evaluation : PersonEvaluation
    out : str or Path
    record : mapping, optional
    force : bool, default False

    Returns
    -------
    list of Path
    """
    metrics = evaluation.metrics
    heading = f"{metrics['n_genes']} {metrics['split']} genes, {KIND_LABELS[metrics['task_kind']]}"
    tables = {
        "per_person.tsv": evaluation.per_person, "per_gene.tsv.gz": evaluation.per_gene,
        "determinants.tsv": evaluation.determinants, "relations.tsv": evaluation.relations,
        "predictions.tsv.gz": evaluation.predictions,
    }  # fmt: skip
    if len(evaluation.similarity):
        tables["similarity.tsv"] = evaluation.similarity
    figures = {"per_person": person_accuracy(evaluation.per_person, title=heading)}
    if len(evaluation.per_gene):
        figures["per_gene"] = accuracy_by_features(evaluation.per_gene, title=heading)
    if metrics["variance"] is not None and len(evaluation.per_gene):
        figures["variance"] = variance_figure(evaluation.per_gene, metrics["variance"], title=heading)
    files = RunFiles(tables, figures, {"persons.json": metrics})
    return write_run(out, "persons evaluate", **files._asdict(), record=record, force=force)


def evaluation_text(metrics: Mapping[str, Any]) -> str:
    """The headline figures of an evaluation of persons, as text."""
    kind = KIND_LABELS[metrics["task_kind"]]
    lines = [
        f"{metrics['n_samples']} samples, {metrics['n_genes']} {metrics['split']} genes; mean Spearman ({kind})",
        f"{'':24}{'all':>10}{'kept':>10}   (kept: the {metrics['n_kept']} from percentile "
        f"{metrics['keep_above_percentile']:g} on validation genes on)",
    ]
    for name in metrics["all"]:
        cells = "".join(f"{_number(metrics[part][name]):>10}" for part in ("all", "kept"))
        note = "   the same for everybody: 0 by construction" if name == MEAN_PROFILE and kind == "fold change" else ""
        lines.append(f"{name:24}{cells}{note}")
    if metrics["published"]:
        published = metrics["published"]
        lines.append(f"{'published (other data)':24}{published['all']:>10.2f}{published['kept']:>10.2f}")
    found = metrics["concordance"]
    lines.append(
        f"own person {_number(found['mean_own'])}, unrelated {_number(found['mean_unrelated'])}; own highest for "
        f"{found['n_own_highest']} of {found['n_samples']}, mean rank {_number(found['mean_rank_of_own'], 1)} of "
        f"{_number(found['n_compared'], 0)}, p {_number(found['p_value'], 4)}"
    )
    for tissue, genes in metrics["genes"].items():
        lines.append(
            f"genes over persons ({tissue}): Pearson {_number(genes['mean_pearson'])}, FDR 5 % "
            f"{_percent(genes['share_fdr5'])} (random pairs {_percent(genes['share_fdr5_random_pairs'])}); among the "
            f"best 5 % of all genes' predictions {_percent(genes['share_p_own_below_5_percent'])} (by chance 5 %)"
        )
    return "\n".join(lines)


def projection_files(found: Projection, out: Path, *, levels: bool = False) -> dict[Path, Content]:
    """Files of a projection: predictions, NAME_accuracy.tsv, NAME_coordinates.tsv and, if wanted, NAME_levels.

    Raises
    ------
    ValueError
        If levels are wanted and the model has no reference.
    """
    stem = Path(out.name.removesuffix(".gz")).stem
    ending = out.name.removeprefix(stem)
    files: dict[Path, Content] = {
        out: found.predictions,
        out.with_name(f"{stem}_accuracy.tsv"): found.accuracy,
        out.with_name(f"{stem}_coordinates.tsv"): found.coordinates,
    }
    if levels:
        if found.reference_mean is None:
            raise ValueError("--levels: the model holds no reference, so fold changes have no level to be added to")
        table = found.predictions.copy()
        table.iloc[:, 1:] = table.iloc[:, 1:].to_numpy() + found.reference_mean.to_numpy()[:, None]
        files[out.with_name(f"{stem}_levels{ending}")] = table
    return files


def projection_text(accuracy: pd.DataFrame) -> str:
    """How well new samples are predicted in their own held-out genes, as text."""
    judged = accuracy[accuracy["spearman"].notna()]
    lines = [f"{len(accuracy)} samples, {accuracy['n_fitted'].median():.0f} genes fitted each (median)"]
    if len(judged):
        names = [name for name in ("spearman", "knn_persons", "pca_persons") if name in judged]
        means = ", ".join(f"{'model' if name == 'spearman' else name} {_number(judged[name].mean())}" for name in names)
        lines.append(
            f"mean Spearman over {judged['n_judged'].median():.0f} held-out measured genes (fold changes): {means}"
        )
    else:
        lines.append("no sample has enough measured genes on the test chromosome to judge the predictions")
    return "\n".join(lines)


def _number(value: float, digits: int = 3) -> str:
    return "-" if value is None or value != value else f"{value:.{digits}f}"


def _percent(value: float) -> str:
    return "-" if value is None or value != value else f"{100 * value:.0f} %"
