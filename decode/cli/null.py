"""decode null, decode decoys."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decode.cli.inputs import load_tensorflow, open_features, open_model
from decode.cli.options import Executor, Features, Matched, Model, Part, Reference, Targets
from decode.cli.progress import report_run


def null(
    model: Model,
    features: Features,
    targets: Targets,
    out: Annotated[Path, typer.Option(help="Null scores to write, netCDF-4 (.nc).")],
    refits: Annotated[int, typer.Option(help="Refits on exchanged sites; below 20 p-values are coarse.")] = 20,
    reference: Reference = "own_length",
    split: Part = "test",
    matched: Matched = 20,
    seed: Annotated[int, typer.Option(help="Seed of exchanges and refits.")] = 0,
    figure: Annotated[
        Path | None, typer.Option(help="Figure of each refit against the others: are p-values uniform?")
    ] = None,
    executor: Executor = "serial",
) -> None:
    """Scores where no site matters: refit the model on sites exchanged between like genes.

    Finished refits stay in OUT.refits: a killed run goes on when the same command is repeated, and --refits may grow.
    """
    from decode.core.files import check_output

    for path in (out, figure):
        if path is not None:
            check_output(path)
    load_tensorflow()
    from decode.expression.targets import read_targets
    from decode.ranking.null import fit_null
    from decode.ranking.null_file import write_null
    from decode.report.significance import null_calibration, p_value_plot

    found = fit_null(
        open_model(model),
        open_features(features),
        read_targets(targets),
        refits=refits,
        reference=reference,
        part=split,
        n_matched=matched,
        seed=seed,
        folder=out.with_name(f"{out.name}.refits"),
        executor=executor,
        on_run=report_run,
    )
    write_null(found, out)
    if figure is not None:
        p_value_plot(null_calibration(found), figure, title="every refit against the other refits")
    sizes = found.sizes
    typer.echo(
        f"{out}: {sizes['refit']} refits x {sizes['regulator']} regulators x {sizes['task']} tasks, reference "
        f"{reference}, {split} genes; next: decode rank ATTRIBUTIONS --null {out} --out ranking.tsv"
    )


def decoys(
    model: Model,
    features: Features,
    targets: Targets,
    out: Annotated[Path, typer.Option(help="Table to write (.tsv): scores, decoys' scores and q-values.")],
    reference: Reference = "own_length",
    split: Part = "test",
    matched: Matched = 20,
    seed: Annotated[int, typer.Option(help="Seed of the decoys.")] = 0,
    executor: Executor = "serial",
) -> None:
    """Which regulators stand out from their decoys: train the model once with a false copy of each beside it."""
    from decode.core.files import check_output, write_table

    check_output(out)
    load_tensorflow()
    from decode.expression.targets import read_targets
    from decode.ranking.decoys import OVERALL, decoy_test
    from decode.training.ensemble import remove_checkpoints

    checkpoints = out.with_name(f".{out.name}.checkpoints")
    table = decoy_test(
        open_model(model),
        open_features(features),
        read_targets(targets),
        reference=reference,
        part=split,
        n_matched=matched,
        seed=seed,
        checkpoint_folder=checkpoints,
        executor=executor,
    )
    write_table(table, out)
    remove_checkpoints(checkpoints)
    first = table["task"].iloc[0]
    chosen = table[table["task"] == first]
    n_found = int((chosen["q_value"] <= 0.05).sum())
    where = "overall" if first == OVERALL else f"for {first}"
    typer.echo(f"{out}: {n_found} of {len(chosen)} regulators at a false discovery rate of 5 % {where}")
