"""decode usage."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decode.cli.common import load_tensorflow, pairs
from decode.cli.model import Features, Model, PartName, Targets
from decode.cli.options import Force
from decode.cli.outputs import stop_if_finished


def usage(
    model: Model,
    features: Features,
    targets: Targets,
    out: Annotated[Path, typer.Option(help="Folder for metrics.json, tables and figures.")],
    split: Annotated[PartName, typer.Option(help="Transcripts to judge.")] = PartName.test,
    against: Annotated[
        list[str] | None, typer.Option(help="Further model of the same table, NAME=MODEL, e.g. paper=model_paper.")
    ] = None,
    force: Force = False,
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
    compared = pairs("--against", against, "NAME=MODEL, for example paper=model_paper")
    inputs: dict[str, str | Path] = {"model": model / "bundle.json", "features": features, "targets": targets}
    inputs |= {f"against:{name}": Path(path) / "bundle.json" for name, path in compared}
    record = run_record(inputs=inputs, split=split.value)
    stop_if_finished(out, "usage", record, force=force)
    bundle = load_bundle(model)
    others = {name: load_bundle(path) for name, path in compared}
    result = evaluate_usage(
        bundle, RegulatoryFeatures.read(features), read_targets(targets), part=split.value, others=others
    )
    write_usage(result, out, record=record, force=force)
    typer.echo(usage_table(result.metrics))
