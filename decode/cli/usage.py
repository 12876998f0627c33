"""decode usage."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decode.cli.common import load_tensorflow, pairs
from decode.cli.model import Features, Model, PartName, Targets


def usage(
    model: Model,
    features: Features,
    targets: Targets,
    out: Annotated[Path, typer.Option(help="Folder for metrics.json, tables and figures.")],
    split: Annotated[PartName, typer.Option(help="Transcripts to judge.")] = PartName.test,
    against: Annotated[
        list[str] | None, typer.Option(help="Further model of the same table, NAME=MODEL, e.g. paper=model_paper.")
    ] = None,
) -> None:
    """Judge whether a transcript model knows which transcripts of a gene are used more than the others."""
    load_tensorflow()
    from decode.core.files import check_output_folder, run_record
    from decode.evaluation.transcript_usage import evaluate_usage
    from decode.expression.targets import read_targets
    from decode.features.matrix import RegulatoryFeatures
    from decode.models.bundle import load_bundle
    from decode.report.transcript_usage import usage_table, write_usage

    check_output_folder(out)
    bundle = load_bundle(model)
    form = "NAME=MODEL, for example paper=model_paper"
    others = {name: load_bundle(path) for name, path in pairs("--against", against, form)}
    result = evaluate_usage(
        bundle, RegulatoryFeatures.read(features), read_targets(targets), part=split.value, others=others
    )
    inputs: dict[str, str | Path] = {"model": model / "bundle.json", "features": features, "targets": targets}
    write_usage(result, out, record=run_record(inputs=inputs, split=split.value, against=against or []))
    typer.echo(usage_table(result.metrics))
