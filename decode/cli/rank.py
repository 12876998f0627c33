"""decode rank and decode network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from decode.cli.options import comma_list

if TYPE_CHECKING:
    import pandas as pd

    from decode.ranking.rank import RegulatorScores

Attributions = Annotated[Path, typer.Argument(help="Attributions (decode attribute).")]
N_SHOWN = 10
SIGN_NOTE = {
    False: "without sites: a positive mean says that the regulator's sites raise the prediction",
    True: "with sites: a positive mean says that the explained genes stand higher than the reference gene for this "
    "regulator; do not compare signs with those of a reference without sites",
}  # by whether the reference has sites


def rank(
    attributions: Attributions,
    out: Annotated[Path, typer.Option(help="Ranking to write (.tsv); NAME.classes.tsv and NAME.run.json beside it.")],
    null: Annotated[
        Path | None, typer.Option(help="Null of the same model (decode null), for z, p-value, FDR.")
    ] = None,
    usage: Annotated[
        bool, typer.Option("--usage", help="Rank by transcript usage: variance over a gene's transcripts.")
    ] = False,
    figures: Annotated[Path | None, typer.Option(help="Folder for figures.")] = None,
) -> None:
    """Rank TFs, RBPs and miRNAs by what they contribute, in every task and overall."""
    from decode.attribution.result import read_attributions
    from decode.core.files import check_output, check_output_folder
    from decode.ranking.kinds import compare_classes
    from decode.ranking.null_file import read_null
    from decode.ranking.rank import rank_regulators, regulator_scores
    from decode.report.ranking import write_ranking, write_ranking_figures

    check_output(out)
    if figures is not None:
        check_output_folder(figures)
    refits = None if null is None else read_null(null)
    with read_attributions(attributions) as dataset:
        scores = regulator_scores(dataset, usage=usage)
    ranking = rank_regulators(scores, refits)
    classes = compare_classes(scores) if len(set(scores.regulators["kind"])) > 1 else None
    inputs: dict[str, str | Path] = {"attributions": attributions}
    if null is not None:
        inputs["null"] = null
    write_ranking(ranking, classes, out, record=_record(scores, inputs, usage))
    if figures is not None:
        write_ranking_figures(scores, ranking, figures, title=_heading(scores))
    _show(scores, ranking, has_null=null is not None)
    typer.echo(f"{out}: {len(scores.regulators)} regulators, {len(scores.tasks)} tasks")


def network(
    attributions: Attributions,
    out: Annotated[Path, typer.Option(help="Network to write: source, target, weight, fdr (.tsv or .tsv.gz).")],
    task: Annotated[str, typer.Option(help="Task that the weight is of; overall: mean over fold changes.")] = "overall",
    kinds: Annotated[str | None, typer.Option(help="Only these kinds of regulators, comma-separated.")] = None,
    top: Annotated[int, typer.Option(help="Most targets of a regulator, by |weight|; 0: all.")] = 500,
    max_fdr: Annotated[
        float | None, typer.Option(help="Keep edges of at most this fdr (do members agree on the weight?).")
    ] = None,
    min_weight: Annotated[float, typer.Option(help="Keep edges of at least this |weight| in log2 units.")] = 0.0,
    symbols: Annotated[bool, typer.Option("--symbols", help="Write gene symbols instead of gene ids.")] = False,
) -> None:
    """Write regulator-target weights as decoupler and other network tools read them."""
    from decode.attribution.result import read_attributions
    from decode.core.files import check_output, run_record, write_json, write_table
    from decode.ranking.target_network import regulator_network
    from decode.report.ranking import beside

    check_output(out)
    options: dict[str, Any] = {
        "task": task, "kinds": comma_list(kinds), "max_targets": top, "max_fdr": max_fdr, "min_weight": min_weight,
        "target_names": "symbol" if symbols else "id",
    }  # fmt: skip
    with read_attributions(attributions) as dataset:
        found = regulator_network(dataset, **options)
        reference = dataset.attrs["reference"]
    write_table(found.table, out)
    record = run_record(inputs={"attributions": attributions}, **options)
    write_json(record | {"reference": reference, "counts": found.counts}, beside(out, "run.json"))
    typer.echo(
        f"{out}: {found.counts['edges_kept']} of {found.counts['edges_bound']} pairs of regulator and bound gene, "
        f"{found.table['source'].nunique()} regulators, task {task}, reference {reference}"
    )


def _record(scores: RegulatorScores, inputs: dict[str, str | Path], usage: bool) -> dict[str, Any]:
    from decode.core.files import run_record

    names = ("reference", "level", "engine", "n_genes", "n_usage_genes", "n_members", "model_sha256")
    length = {"mean": scores.length_mean, "mean_abs": scores.length_mean_abs}
    return run_record(inputs=inputs, usage=usage) | {
        "scores_of": {name: scores.attributes[name] for name in names if name in scores.attributes},
        "sign": "none: a variance" if usage else SIGN_NOTE[bool(scores.attributes["reference_has_sites"])],
        "length_effect": {name: dict(zip(scores.tasks, values, strict=True)) for name, values in length.items()},
    }


def _heading(scores: RegulatorScores) -> str:
    attributes = scores.attributes
    what = f"{attributes['n_genes']} {attributes['level']}s"
    if attributes["is_usage"]:
        what = f"usage, {attributes['n_usage_genes']} genes of several transcripts"
    return f"reference {attributes['reference']}, {what}"


def _show(scores: RegulatorScores, ranking: pd.DataFrame, *, has_null: bool) -> None:
    """The head of the ranking, with what length alone does beside it."""
    task = str(ranking["task"].iloc[0])
    rows = ranking[ranking["task"] == task].head(N_SHOWN)
    ranked = "mean_abs" if task == "overall" else "mean"
    typer.echo(f"{task}, {_heading(scores)}")
    head = f"{'':4}{'':7}{'regulator':20}{ranked:>12}{'SD':>10}{'rank range':>12}"
    typer.echo(head + (f"{'z':>8}{'fdr':>10}" if has_null else ""))
    for row in rows.to_dict("records"):
        has_range = row["sd_members"] == row["sd_members"]
        spread = f"{row['sd_members']:.4f}" if has_range else "-"
        ranks = f"{row['rank_low']}-{row['rank_high']}" if has_range else "-"
        tested = f"{row['z']:>8.1f}{row['fdr']:>10.2g}" if has_null else ""
        name = f"{row['kind']:7}{row['regulator']:20}"
        typer.echo(f"{row['rank']:<4}{name}{row[ranked]:>12.4f}{spread:>10}{ranks:>12}{tested}")
    is_shown = scores.is_fold_change if task == "overall" else [name == task for name in scores.tasks]
    signed, size = abs(scores.length_mean[is_shown]).mean(), scores.length_mean_abs[is_shown].mean()
    note = " (0 by construction)" if scores.attributes["reference"] == "own_length" else ""
    typer.echo(f"length alone, no regulator: |mean| {signed:.4f}, mean absolute in a gene {size:.4f} log2 units{note}")
