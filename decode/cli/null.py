"""decode null, decode decoys."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decode.cli.attribute import ReferenceName
from decode.cli.common import load_tensorflow
from decode.cli.model import Features, Model, PartName, Targets
from decode.cli.randomise import report_run

Reference = Annotated[ReferenceName, typer.Option(help="As the attributions to be tested were made.")]
Split = Annotated[PartName, typer.Option(help="Genes to explain, as for the attributions to be tested.")]
Matched = Annotated[int, typer.Option(help="Genes that a reference of matched_genes is the mean of.")]


def null(
    model: Model,
    features: Features,
    targets: Targets,
    out: Annotated[Path, typer.Option(help="Null scores to write, netCDF-4 (.nc).")],
    refits: Annotated[int, typer.Option(help="Refits on exchanged sites; below 20 p-values are coarse.")] = 20,
    reference: Reference = ReferenceName.own_length,
    split: Split = PartName.test,
    matched: Matched = 20,
    seed: Annotated[int, typer.Option(help="Seed of exchanges and refits.")] = 0,
    figure: Annotated[
        Path | None, typer.Option(help="Figure of each refit against the others: are p-values uniform?")
    ] = None,
    executor: Annotated[
        str, typer.Option(help="Where refits are done: serial, threads:N, or a Dask scheduler tcp://host:port.")
    ] = "serial",
) -> None:
    """Scores where no site matters: refit the model on sites exchanged between like genes.

    Finished refits are kept in OUT.work until the file is whole: a killed run goes on when the same command is
    repeated, also with more --refits.
    """
    from decode.core.files import check_output
    from decode.core.resume import remove_work_folder, work_folder

    for path in (out, figure):
        if path is not None:
            check_output(path)
    load_tensorflow()
    from decode.expression.targets import read_targets
    from decode.features.matrix import RegulatoryFeatures
    from decode.models.bundle import load_bundle
    from decode.ranking.null import fit_null
    from decode.ranking.null_file import write_null
    from decode.report.significance import null_calibration, p_value_plot

    found = fit_null(
        load_bundle(model),
        RegulatoryFeatures.read(features),
        read_targets(targets),
        refits=refits,
        reference=reference.value,
        part=split.value,
        n_matched=matched,
        seed=seed,
        folder=work_folder(out),
        executor=executor,
        on_run=report_run,
    )
    write_null(found, out)
    remove_work_folder(work_folder(out))
    if figure is not None:
        p_value_plot(null_calibration(found), figure, title="every refit against the other refits")
    sizes = found.sizes
    typer.echo(
        f"{out}: {sizes['refit']} refits x {sizes['regulator']} regulators x {sizes['task']} tasks, reference "
        f"{reference.value}, {split.value} genes; next: decode rank ATTRIBUTIONS --null {out} --out ranking.tsv"
    )


def decoys(
    model: Model,
    features: Features,
    targets: Targets,
    out: Annotated[Path, typer.Option(help="Table to write (.tsv): scores, decoys' scores and q-values.")],
    reference: Reference = ReferenceName.own_length,
    split: Split = PartName.test,
    matched: Matched = 20,
    seed: Annotated[int, typer.Option(help="Seed of the decoys.")] = 0,
    executor: Annotated[
        str, typer.Option(help="Where members are fitted: serial, threads:N, or a Dask scheduler tcp://host:port.")
    ] = "serial",
) -> None:
    """Which regulators stand out from their decoys: train the model once with a false copy of each beside it."""
    from decode.core.files import check_output, write_table
    from decode.core.resume import remove_work_folder, work_folder

    check_output(out)
    load_tensorflow()
    from decode.expression.targets import read_targets
    from decode.features.matrix import RegulatoryFeatures
    from decode.models.bundle import load_bundle
    from decode.ranking.decoys import OVERALL, decoy_test

    work = work_folder(out)
    table = decoy_test(
        load_bundle(model),
        RegulatoryFeatures.read(features),
        read_targets(targets),
        reference=reference.value,
        part=split.value,
        n_matched=matched,
        seed=seed,
        checkpoint_folder=work,
        executor=executor,
    )
    write_table(table, out)
    remove_work_folder(work)
    first = table["task"].iloc[0]
    chosen = table[table["task"] == first]
    n_found = int((chosen["q_value"] <= 0.05).sum())
    where = "overall" if first == OVERALL else f"for {first}"
    typer.echo(f"{out}: {n_found} of {len(chosen)} regulators at a false discovery rate of 5 % {where}")
