"""decode null, decode decoys."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from decode.cli.inputs import load_tensorflow, open_features, open_model
from decode.cli.options import Executor, Features, Force, Matched, Model, Part, Reference, Targets
from decode.cli.outputs import stop_if_finished, take_work_folder
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
    force: Force = False,
) -> None:
    """Scores where no site matters: refit the model on sites exchanged between like genes.

    The null of "does any site matter?", in which genes are independent of each other; whether samples differ is another
    question (decode drivers).

    Finished refits are kept in OUT.work until the file is whole: a killed run goes on when the same command is
    repeated, also with more --refits.
    """
    from decode.core.files import check_output, run_record
    from decode.core.resume import remove_work_folder, work_folder
    from decode.statistics.significance import LEAST_REFITS

    for path in (out, figure):
        if path is not None:
            check_output(path)
    if figure is not None and refits == LEAST_REFITS:
        raise ValueError(
            f"--figure holds every refit against the others and needs {LEAST_REFITS + 1} of them; give --refits "
            f"{LEAST_REFITS + 1} or more, or leave out --figure"
        )
    inputs: dict[str, str | Path] = {"model": model / "bundle.json", "features": features, "targets": targets}
    record = run_record(
        inputs=inputs, refits=refits, reference=reference, split=split, matched=matched, seed=seed,
        figure=figure,
    )  # fmt: skip
    stop_if_finished(out, "null", record, force=force, beside=True)
    load_tensorflow()
    from decode.expression.targets import read_targets
    from decode.ranking.null import fit_null
    from decode.ranking.null_file import write_null
    from decode.report.files import Content, write_files
    from decode.report.finished import check_free
    from decode.report.significance import null_calibration, p_value_plot

    if figure is not None:
        check_free(figure, force=force)

    found = fit_null(
        open_model(model),
        open_features(features),
        read_targets(targets),
        refits=refits,
        reference=reference,
        part=split,
        n_matched=matched,
        seed=seed,
        folder=take_work_folder(out),
        executor=executor,
        on_run=report_run,
    )
    files: dict[Path, Content] = {out: partial(write_null, found)}
    if figure is not None:
        files[figure] = p_value_plot(null_calibration(found), title="every refit against the other refits")
    write_files("null", files, record=record, force=force)
    remove_work_folder(work_folder(out))
    sizes = found.sizes
    typer.echo(
        f"{out}: {sizes['refit']} refits x {sizes['regulator']} regulators x {sizes['task']} tasks, reference "
        f"{reference}, {split} genes; asks whether any site matters, not whether "
        f"samples differ; next: decode rank ATTRIBUTIONS --null {out} --out ranking.tsv"
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
    force: Force = False,
) -> None:
    """Which regulators stand out from their decoys: train the model once with a false copy of each beside it."""
    from decode.core.files import check_output, run_record
    from decode.core.resume import remove_work_folder

    check_output(out)
    inputs: dict[str, str | Path] = {"model": model / "bundle.json", "features": features, "targets": targets}
    record = run_record(inputs=inputs, reference=reference, split=split, matched=matched, seed=seed)
    stop_if_finished(out, "decoys", record, force=force, beside=True)
    load_tensorflow()
    from decode.expression.targets import read_targets
    from decode.ranking.decoys import OVERALL, decoy_test
    from decode.report.files import write_files

    work = take_work_folder(out)
    table = decoy_test(
        open_model(model),
        open_features(features),
        read_targets(targets),
        reference=reference,
        part=split,
        n_matched=matched,
        seed=seed,
        checkpoint_folder=work,
        executor=executor,
    )
    write_files("decoys", {out: table}, record=record, force=force)
    remove_work_folder(work)
    first = table["task"].iloc[0]
    chosen = table[table["task"] == first]
    n_found = int((chosen["q_value"] <= 0.05).sum())
    where = "overall" if first == OVERALL else f"for {first}"
    typer.echo(f"{out}: {n_found} of {len(chosen)} regulators at a false discovery rate of 5 % {where}")
