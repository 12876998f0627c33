"""decode rank and decode network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from decode.cli.options import Force, comma_list
from decode.cli.outputs import stop_if_finished

if TYPE_CHECKING:
    from decode.ranking.rank import RegulatorScores

Attributions = Annotated[Path, typer.Argument(help="Attributions (decode attribute).")]
SIGN_NOTE = {
    False: "without sites: a positive mean says that the regulator's sites raise the prediction",
    True: "with sites: a positive mean says that the explained genes stand higher than the reference gene for this "
    "regulator; do not compare signs with those of a reference without sites",
}  # by whether the reference has sites


def rank(
    attributions: Attributions,
    out: Annotated[
        Path, typer.Option(help="Ranking to write (.tsv); NAME.classes.tsv and NAME.tsv.run.json beside it.")
    ],
    null: Annotated[
        Path | None, typer.Option(help="Null of the same model (decode null), for z, p-value, FDR.")
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            help="Attributions of another model of the same regulators (such as one trained with --no-structure): what "
            "does the ranking lose? Writes NAME.against.tsv and NAME.against_kinds.tsv."
        ),
    ] = None,
    usage: Annotated[
        bool, typer.Option("--usage", help="Rank by transcript usage: variance over a gene's transcripts.")
    ] = False,
    figures: Annotated[Path | None, typer.Option(help="Folder for figures.")] = None,
    force: Force = False,
) -> None:
    """Rank TFs, RBPs and miRNAs by what they contribute, in every task and overall.

    With --null, z, p-value and FDR ask whether any site matters (genes as independent), not whether samples differ.
    """
    from decode.attribution.result import read_attributions
    from decode.core.files import check_output, check_output_folder, run_record
    from decode.core.outputs import output_set
    from decode.ranking.against import compare_rankings
    from decode.ranking.kinds import compare_classes
    from decode.ranking.null_file import read_null
    from decode.ranking.rank import rank_regulators, regulator_scores
    from decode.report.finished import check_free, record_path
    from decode.report.ranking import write_ranking, write_ranking_figures
    from decode.report.ranking_text import NULL_NOTE, against_text, ranking_heading, ranking_text

    check_output(out)
    if figures is not None:
        check_output_folder(figures)
    inputs: dict[str, str | Path] = {"attributions": attributions}
    inputs |= {} if null is None else {"null": null}
    inputs |= {} if against is None else {"against": against}
    record = run_record(inputs=inputs, usage=usage, figures=figures)
    stop_if_finished(out, "rank", record, force=force, beside=True)
    if figures is not None:
        check_free(record_path(figures), force=force)
    refits = None if null is None else read_null(null)
    with read_attributions(attributions) as dataset:
        scores = regulator_scores(dataset, usage=usage)
    beside = None
    if against is not None:
        with read_attributions(against) as other:
            beside = compare_rankings(scores, regulator_scores(other, usage=usage))
    ranking = rank_regulators(scores, refits)
    compared = compare_classes(scores) if len(set(scores.regulators["kind"])) > 1 else None
    record |= _about(scores, usage)
    record |= {} if null is None else {"null_asks": NULL_NOTE}
    common: dict[str, Any] = {"record": record, "force": force}
    with output_set(out) as outputs:
        if figures is not None:
            heading = ranking_heading(scores)
            write_ranking_figures(scores, ranking, figures, title=heading, outputs=outputs, **common)
        write_ranking(ranking, compared, out, against=beside, outputs=outputs, **common)
    typer.echo(ranking_text(scores, ranking))
    if beside is not None:
        typer.echo(against_text(beside, str(against)))
    typer.echo(f"{out}: {len(scores.regulators)} regulators, {len(scores.tasks)} tasks")


def network(
    attributions: Attributions,
    out: Annotated[Path, typer.Option(help="Network to write: source, target, weight, fdr, split (.tsv or .tsv.gz).")],
    task: Annotated[
        str | None,
        typer.Option(
            help="Task that the weight is of, needed where there are several; overall: mean over fold changes, without "
            "any over levels."
        ),
    ] = None,
    kinds: Annotated[str | None, typer.Option(help="Only these kinds of regulators, comma-separated.")] = None,
    top: Annotated[int, typer.Option(help="Most targets of a regulator, by |weight|; 0: all.")] = 500,
    max_fdr: Annotated[
        float | None, typer.Option(help="Keep edges of at most this fdr (do members agree on the weight?).")
    ] = None,
    min_weight: Annotated[float, typer.Option(help="Keep edges of at least this |weight| in log2 units.")] = 0.0,
    symbols: Annotated[bool, typer.Option("--symbols", help="Write gene symbols instead of gene ids.")] = False,
    force: Force = False,
) -> None:
    """Write regulator-target weights of one task as decoupler and other network tools read them.

    Targets are the genes of ATTRIBUTIONS (decode attribute --split all: all genes); column split says which of them the
    model was trained on.
    """
    from decode.attribution.result import read_attributions
    from decode.core.files import check_output, run_record
    from decode.ranking.target_network import genes_text, network_task, regulator_network
    from decode.report.files import with_counts, write_files

    check_output(out)
    options: dict[str, Any] = {
        "task": task, "kinds": comma_list(kinds), "max_targets": top, "max_fdr": max_fdr, "min_weight": min_weight,
        "target_names": "symbol" if symbols else "id",
    }  # fmt: skip
    record = run_record(inputs={"attributions": attributions}, **options)
    stop_if_finished(out, "network", record, force=force, beside=True)
    with read_attributions(attributions) as dataset:
        found = regulator_network(dataset, **options)
        about = {"task": network_task(dataset, task), "reference": dataset.attrs["reference"]}
    record = with_counts(record, found.counts) | about
    write_files("network", {out: found.table}, record=record, force=force)
    typer.echo(
        f"{out}: {found.counts['edges_kept']} of {found.counts['edges_bound']} pairs of regulator and bound gene, "
        f"{found.table['source'].nunique()} regulators, task {about['task']}, reference {about['reference']}; "
        f"explained genes: {genes_text(found.counts)}"
    )


def _about(scores: RegulatorScores, usage: bool) -> dict[str, Any]:
    """What the record of a ranking says of the scores."""
    names = ("reference", "level", "engine", "n_genes", "n_usage_genes", "n_members", "model_sha256")
    structure: dict[str, Any] = {}
    if scores.structure_mean_abs is not None:
        structure["structure_effect"] = {"mean_abs": dict(zip(scores.tasks, scores.structure_mean_abs, strict=True))}
    length = {"mean": scores.length_mean, "mean_abs": scores.length_mean_abs}
    return {
        "scores_of": {name: scores.attributes[name] for name in names if name in scores.attributes},
        "sign": "none: a variance" if usage else SIGN_NOTE[bool(scores.attributes["reference_has_sites"])],
        **structure,
        "length_effect": {name: dict(zip(scores.tasks, values, strict=True)) for name, values in length.items()},
    }
