"""decode persons evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decode.cli.inputs import load_tensorflow, open_features, open_model
from decode.cli.options import Features, Force, Model, Part, Targets
from decode.cli.outputs import stop_if_finished

app = typer.Typer(no_args_is_help=True, help="Models of persons.")


@app.callback()
def persons() -> None:
    """Models of persons."""


@app.command("evaluate")
def evaluate(
    model: Model,
    features: Features,
    targets: Targets,
    out: Annotated[Path, typer.Option(help="Folder for persons.json, tables and figures.")],
    samples: Annotated[Path | None, typer.Option(help="Table of samples, one row a column of the targets.")] = None,
    sample_column: Annotated[str | None, typer.Option(help="Column that names the samples; default the first.")] = None,
    person_column: Annotated[str | None, typer.Option(help="Column of the person, where one has several.")] = None,
    tissue_column: Annotated[str | None, typer.Option(help="Column of the tissue.")] = None,
    tissue_targets: Annotated[
        Path | None, typer.Option(help="Targets of tissues: variance between persons beside that between tissues.")
    ] = None,
    gene_table: Annotated[
        Path | None, typer.Option(help="gene_id and further properties of genes (annotation status, for instance).")
    ] = None,
    keep_above_percentile: Annotated[
        float, typer.Option(help="Second figure: persons above this percentile on validation genes.")
    ] = 50.0,
    split: Part = "test",
    seed: Annotated[int, typer.Option(help="Seed of random pairs and permutations.")] = 0,
    force: Force = False,
) -> None:
    """Judge a model of persons: each person, each gene, whose person a prediction fits, beside baselines."""
    load_tensorflow()
    from decode.core.delimited import read_frame
    from decode.core.files import check_output_folder, run_record
    from decode.expression.samples import read_samples
    from decode.expression.targets import MEDIAN_LEVEL, read_targets
    from decode.persons.evaluate_persons import evaluate_persons
    from decode.report.persons import evaluation_text, write_person_evaluation

    check_output_folder(out)
    inputs: dict[str, str | Path] = {"model": model / "bundle.json", "features": features, "targets": targets}
    optional = {"samples": samples, "tissue_targets": tissue_targets, "gene_table": gene_table}
    inputs |= {name: path for name, path in optional.items() if path is not None}
    record = run_record(
        inputs=inputs, split=split, sample_column=sample_column, person_column=person_column,
        tissue_column=tissue_column, keep_above_percentile=keep_above_percentile, seed=seed,
    )  # fmt: skip
    stop_if_finished(out, "persons evaluate", record, force=force)
    chosen = {"person": person_column, "tissue": tissue_column}
    wanted = {column: name for name, column in chosen.items() if column is not None}
    if wanted and samples is None:
        raise ValueError(f"{' and '.join(wanted)}: no table of samples is given; name it (--samples)")
    bundle, table = open_model(model), read_targets(targets)
    known = None
    if samples is not None:
        names = [task for task in bundle.tasks if task != MEDIAN_LEVEL]
        rows = read_samples(samples, names, sample_column=sample_column)
        lost = [column for column in wanted if column not in rows]
        if lost:
            raise ValueError(f"{samples} has no column {lost[0]!r}; it has {', '.join(map(str, rows.columns[:8]))}")
        known = rows[list(wanted)].rename(columns=wanted)
    genes = None
    if gene_table is not None:
        rows = read_frame(gene_table, "table of genes")
        genes = rows.set_index(rows.columns[0])
    found = evaluate_persons(
        bundle, open_features(features), table, samples=known, part=split,
        keep_above_percentile=keep_above_percentile, gene_table=genes, seed=seed,
        tissue_targets=read_targets(tissue_targets) if tissue_targets else None,
    )  # fmt: skip
    write_person_evaluation(found, out, record=record, force=force)
    typer.echo(evaluation_text(found.metrics))
