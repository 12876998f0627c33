"""decode project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decode.cli.inputs import load_tensorflow, open_expression, open_features, open_model
from decode.cli.options import Features, Force, IdMap, Model
from decode.cli.outputs import stop_if_finished
from decode.core.choices import SampleValues


def project(
    model: Model,
    features: Features,
    samples: Annotated[Path, typer.Argument(help="New samples: genes x samples, as for decode expression.")],
    out: Annotated[Path, typer.Option(help="Predicted fold changes, genes x samples (.tsv or .tsv.gz).")],
    values: Annotated[
        SampleValues,
        typer.Option(help="tpm: brought to fold changes by the model's reference; fold_change: log2 fold changes."),
    ] = "tpm",
    persons: Annotated[
        Path | None, typer.Option(help="Targets of the model: adds the baselines from measured persons.")
    ] = None,
    levels: Annotated[
        bool, typer.Option("--levels", help="Also write NAME_levels: reference mean plus fold change, log2.")
    ] = False,
    id_map: IdMap = None,
    force: Force = False,
) -> None:
    """Predict samples that the model never saw from the genes that were measured in them; nothing is trained."""
    load_tensorflow()
    from decode.core.files import check_output, run_record
    from decode.expression.targets import read_targets
    from decode.persons.project import project as project_samples
    from decode.report.files import write_files
    from decode.report.persons import projection_files, projection_text

    check_output(out)
    inputs: dict[str, str | Path] = {"model": model / "bundle.json", "features": features, "samples": samples}
    inputs |= {"persons": persons} if persons else {}
    inputs |= {"id_map": id_map} if id_map else {}
    record = run_record(inputs=inputs, values=values, levels=levels)
    stop_if_finished(out, "project", record, force=force, beside=True)
    found = project_samples(
        open_model(model), open_features(features), open_expression(samples, id_map), values=values,
        persons=read_targets(persons) if persons else None,
    )  # fmt: skip
    write_files("project", projection_files(found, out, levels=levels), record=record, force=force)
    typer.echo(projection_text(found.accuracy))
