"""Files of a model of the DE prior: tables, figures and the model itself."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import roc_curve

from decode.core.checks import check_columns
from decode.models.bundle import save_bundle
from decode.persons.critical_regulators import CriticalResult
from decode.persons.de_prior_model import HIGH_RANK, MODEL, DePriorResult, summarise_randomisation
from decode.persons.de_prior_predictions import DePriorPredictions
from decode.report.figures import predicted_against_actual
from decode.report.files import with_counts, write_run
from decode.report.style import BLACK, BLUE, GREY, LIGHT_GREY, ORANGE, VERMILION, new_figure

N_SHOWN = 15  # regulators of the figure with a positive and with a negative mean, each
FIGURES_OF = ("spearman", "auroc")


def write_de_prior(
    result: DePriorResult,
    critical: CriticalResult,
    out: str | Path,
    *,
    high_rank: float = HIGH_RANK,
    record: dict[str, Any] | None = None,
    title: str = "",
    force: bool = False,
) -> list[Path]:
    """Write the tables and figures of a model of the DE prior into a folder, all of them or none.

    Parameters
    ----------
    result : DePriorResult
        From `decode.persons.de_prior_model.fit_de_prior`.
    critical : CriticalResult
        From `decode.persons.critical_regulators.critical_regulators`.
    out : str or Path
        Folder; created if needed, its parent must exist. A finished run in it is replaced with `force` only.
    high_rank : float
        What the AUROC looks for, as in `fit_de_prior`.
    record : dict, optional
        What was run, see `decode.core.files.run_record`; written as run.json.
    title : str, optional
        Line above the figures.
    force : bool, default False
        Replace a finished run.

    Returns
    -------
    list of Path
        accuracy.tsv (validation and test genes), randomisation.tsv (one row a variant and seed),
        randomisation_summary.tsv, predictions.tsv.gz, regulators.tsv, gene_sets.tsv where sets were given; accuracy,
        roc, predicted and regulators, each as .png and .svg; run.json.

    Raises
    ------
    FileNotFoundError, FileExistsError, PermissionError
        If the folder cannot be used.
    """
    test = result.predictions[result.predictions["split"] == "test"]
    tables = {
        "accuracy.tsv": result.accuracy,
        "randomisation.tsv": result.randomisation,
        "randomisation_summary.tsv": summarise_randomisation(result.randomisation),
        "predictions.tsv.gz": result.predictions,
        "regulators.tsv": critical.regulators,
    }
    if len(critical.gene_sets):
        tables["gene_sets.tsv"] = critical.gene_sets
    return write_run(
        out,
        "deprior",
        tables=tables,
        figures={
            "accuracy": accuracy_plot(result.accuracy, result.randomisation, title=title),
            "roc": roc_plot(test, high_rank=high_rank, title=title),
            "predicted": predicted_against_actual(
                test["de_prior"].to_numpy(), test["predicted"].to_numpy(), title=title,
                unit="DE prior (logit of the rank)", what="test genes",
            ),
            "regulators": regulator_plot(critical.regulators, title=title),
        },
        texts={"model": partial(save_bundle, result.bundle)},
        record=with_counts(record, {**result.counts, "critical_regulators": critical.counts}),
        force=force,
    )  # fmt: skip


def write_de_prior_predictions(
    result: DePriorPredictions,
    critical: CriticalResult,
    out: str | Path,
    *,
    record: dict[str, Any] | None = None,
    force: bool = False,
) -> list[Path]:
    """Write what a trained model says of the DE prior into a folder, all of it or nothing.

    Parameters
    ----------
    result : DePriorPredictions
        From `decode.persons.de_prior_predictions.predict_de_prior`.
    critical : CriticalResult
    out, record, force
        As in `write_de_prior`.

    Returns
    -------
    list of Path
        predictions.tsv.gz, regulators.tsv, accuracy.tsv where ranks were given, gene_sets.tsv where sets were given;
        regulators.png and .svg; run.json.

    Raises
    ------
    FileNotFoundError, FileExistsError, PermissionError
        If the folder cannot be used.
    """
    tables = {"predictions.tsv.gz": result.predictions, "regulators.tsv": critical.regulators}
    tables |= {"accuracy.tsv": result.accuracy} if len(result.accuracy) else {}
    tables |= {"gene_sets.tsv": critical.gene_sets} if len(critical.gene_sets) else {}
    return write_run(
        out,
        "deprior",
        tables=tables,
        figures={"regulators": regulator_plot(critical.regulators)},
        record=with_counts(record, {"genes": len(result.predictions), "critical_regulators": critical.counts}),
        force=force,
    )


def de_prior_predictions_text(result: DePriorPredictions, critical: CriticalResult) -> str:
    """How far the predictions go, and the critical TFs, as text."""
    lines = [f"{len(result.predictions):,} genes predicted"]
    for row in result.accuracy.to_dict("records"):
        lines.append(
            f"{row['part']:12}{row['n_genes']:,} genes of the model: Spearman {_shown(row['spearman'])}, AUROC "
            f"{_shown(row['auroc'])} ({_shown(row['auroc_low'])} to {_shown(row['auroc_high'])})"
        )
    names = critical.regulators.loc[critical.regulators["is_critical"], "regulator"]
    return "\n".join([*lines, f"critical: {', '.join(names)}"])


def accuracy_plot(accuracy: pd.DataFrame, randomisation: pd.DataFrame, *, title: str = "") -> Figure:
    """Draw Spearman and AUROC of the model, of what needs no network, and of networks on shuffled sites.

    Parameters
    ----------
    accuracy : pd.DataFrame
        part, predictor, spearman, auroc, auroc_low, auroc_high; the test rows are drawn.
    randomisation : pd.DataFrame
        variant, seed, spearman, auroc: a small dot a seed, the mean large.
    title : str, optional
        Line above the figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a column is missing.
    """
    columns = ["part", "predictor", "n_genes", "spearman", "auroc", "auroc_low", "auroc_high"]
    check_columns("accuracy of a DE prior model", accuracy, columns)
    check_columns("randomisation of a DE prior model", randomisation, ["variant", "seed", "spearman", "auroc"])
    test = accuracy[accuracy["part"] == "test"].reset_index(drop=True)
    variants = list(dict.fromkeys(randomisation["variant"]))
    labels = [_label(name) for name in test["predictor"]]
    labels += [f"single member, {'all sites' if name == 'full' else _label(name)}" for name in variants]
    figure = new_figure(figsize=(8.6, 0.3 * len(labels) + 1.5), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, name in zip(panels, FIGURES_OF, strict=True):
        _draw_predictors(axes, test, name)
        for number, variant in enumerate(variants, len(test)):
            values = randomisation.loc[randomisation["variant"] == variant, name].to_numpy(dtype=np.float64)
            axes.plot(values, np.full(len(values), number), "o", color=GREY, markersize=3, zorder=2)
            axes.plot(np.nanmean(values), number, "D", color=ORANGE, markersize=6, alpha=0.8, zorder=3)
        axes.hlines(
            range(len(labels)), 0, 1, transform=axes.get_yaxis_transform(), color=LIGHT_GREY, linewidth=0.6, zorder=0
        )
        axes.axhline(len(test) - 0.5, color=GREY, linewidth=0.8)
        axes.tick_params(axis="y", length=0)
        axes.spines[["top", "right", "left"]].set_visible(False)
    panels[0].axvline(0, color=GREY, linewidth=0.8, linestyle="--", zorder=1)
    panels[1].axvline(0.5, color=GREY, linewidth=0.8, linestyle="--", zorder=1)
    panels[0].set_yticks(range(len(labels)), labels, fontsize=9)
    panels[0].set_ylim(len(labels) - 0.5, -0.5)
    panels[0].set_xlabel(f"Spearman, {int(test['n_genes'].max()):,} test genes", fontsize=10)
    panels[1].set_xlabel("AUROC of high ranks, 95 % interval (DeLong)", fontsize=10)
    if title:
        figure.suptitle(title, fontsize=10)
    return figure


def _draw_predictors(axes: Axes, test: pd.DataFrame, name: str) -> None:
    for number, row in enumerate(test.to_dict("records")):
        colour = BLUE if row["predictor"] == MODEL else BLACK
        if name == "auroc":
            axes.plot([row["auroc_low"], row["auroc_high"]], [number, number], "-", color=colour, linewidth=1.4)
        axes.plot(row[name], number, "o", color=colour, markersize=6, zorder=3)


def roc_plot(predictions: pd.DataFrame, *, high_rank: float = HIGH_RANK, title: str = "") -> Figure:
    """Draw the ROC curve of the predicted logits for genes above a rank.

    Parameters
    ----------
    predictions : pd.DataFrame
        de_prior_rank, predicted.
    high_rank : float
    title : str, optional
        Line above the figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a column is missing.
    """
    check_columns("predictions of the DE prior", predictions, ["de_prior_rank", "predicted"])
    is_high = predictions["de_prior_rank"].to_numpy() > high_rank
    false_rate, true_rate, _ = roc_curve(is_high, predictions["predicted"].to_numpy())
    figure = new_figure(figsize=(4.4, 4.2), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], "--", color=GREY, linewidth=1)
    axes.plot(false_rate, true_rate, "-", color=BLUE, linewidth=1.8)
    axes.set_xlabel("share of the other genes", fontsize=10)
    axes.set_ylabel(f"share of {int(is_high.sum()):,} genes above rank {high_rank:g}", fontsize=10)
    axes.set_aspect("equal")
    axes.spines[["top", "right"]].set_visible(False)
    if title:
        axes.set_title(title, fontsize=10, loc="left")
    return figure


def regulator_plot(regulators: pd.DataFrame, *, title: str = "") -> Figure:
    """Draw the TFs with the highest and the lowest mean attribution; critical ones are filled.

    Parameters
    ----------
    regulators : pd.DataFrame
        kind, regulator, mean, sd_members, is_critical.
    title : str, optional
        Line above the figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a column is missing.
    """
    check_columns("regulators", regulators, ["kind", "regulator", "mean", "sd_members", "is_critical"])
    kind = regulators.loc[regulators["is_critical"], "kind"].iloc[0]
    own = regulators[regulators["kind"] == kind].sort_values("mean", ascending=False, kind="stable")
    shown = own[(own["mean"] > 0) & (np.arange(len(own)) < N_SHOWN)]
    shown = pd.concat([shown, own[(own["mean"] < 0) & (np.arange(len(own)) >= len(own) - N_SHOWN)]])
    figure = new_figure(figsize=(5.6, 0.2 * len(shown) + 1.3), layout="constrained")
    axes = figure.add_subplot()
    y = np.arange(len(shown))
    colours = np.where(shown["mean"] > 0, VERMILION, BLUE)
    faces = [colour if critical else "white" for colour, critical in zip(colours, shown["is_critical"], strict=True)]
    spread = shown["sd_members"].fillna(0.0).to_numpy(dtype=np.float64)
    axes.barh(y, shown["mean"], color=faces, edgecolor=colours, linewidth=1.0, height=0.7)
    axes.errorbar(shown["mean"], y, xerr=spread, fmt="none", ecolor=BLACK, elinewidth=0.9)
    axes.axvline(0, color=GREY, linewidth=0.8)
    axes.set_yticks(y, [str(name) for name in shown["regulator"]], fontsize=8)
    axes.set_ylim(len(y) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    bars = "; bars: SD over members" if shown["sd_members"].notna().any() else ""  # one member has none
    axes.set_xlabel(f"mean attribution over the explained genes\n(logit of the rank{bars})", fontsize=9)
    axes.spines[["top", "right", "left"]].set_visible(False)
    note = f"{int(own['is_critical'].sum())} critical of {len(own)} {kind}s are filled"
    axes.set_title(f"{title}\n{note}" if title else note, fontsize=9, loc="left")
    return figure


def de_prior_text(result: DePriorResult, critical: CriticalResult) -> str:
    """Accuracy on test genes and what the critical TFs are, as text."""
    test = result.accuracy[result.accuracy["part"] == "test"]
    lines = [f"{'':24}{'Spearman':>10}{'AUROC':>8}   95 % interval"]
    for row in test.to_dict("records"):
        lines.append(
            f"{_label(row['predictor']):24}{_shown(row['spearman']):>10}{_shown(row['auroc']):>8}   "
            f"{_shown(row['auroc_low'])} to {_shown(row['auroc_high'])}"
        )
    for row in summarise_randomisation(result.randomisation).to_dict("records"):
        lines.append(f"{'1 member, ' + _label(row['variant']):28}{_shown(row['spearman']):>6}{_shown(row['auroc']):>8}")
    names = critical.regulators.loc[critical.regulators["is_critical"], "regulator"]
    lines.append(f"critical: {', '.join(names)}")
    return "\n".join(lines)


def _label(name: str) -> str:
    return str(name).replace("_", " ").replace("rna", "RNA")


def _shown(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "-"
