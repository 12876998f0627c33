"""decode usage."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decode.cli.inputs import load_tensorflow, open_features, open_model
from decode.cli.options import Against, Features, Force, Model, Part, Targets, pairs
from decode.cli.outputs import stop_if_finished


def usage(
    model: Model,
    features: Features,
    targets: Targets,
    out: Annotated[Path, typer.Option(help="Folder for metrics.json, tables and figures.")],
    split: Part = "test",
    against: Against = None,
    force: Force = False,
) -> None:
    """Judge whether a transcript model knows which transcripts of a gene are used more than the others."""
    load_tensorflow()
    from decode.core.files import check_output_folder, run_record
    from decode.evaluation.transcript_usage import evaluate_usage
    from decode.expression.targets import read_targets
    from decode.report.transcript_usage import usage_table, write_usage

    check_output_folder(out)
    compared = pairs("--against", against, "NAME=MODEL, for example paper=model_paper")
    inputs: dict[str, str | Path] = {"model": model / "bundle.json", "features": features, "targets": targets}
    inputs |= {f"against:{name}": Path(path) / "bundle.json" for name, path in compared}
    record = run_record(inputs=inputs, split=split)
    stop_if_finished(out, "usage", record, force=force)
    bundle = open_model(model)
    others = {name: open_model(path) for name, path in compared}
    result = evaluate_usage(bundle, open_features(features), read_targets(targets), part=split, others=others)
    write_usage(result, out, record=record, force=force)
    typer.echo(usage_table(result.metrics))
