"""decode usage."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decode.cli.inputs import load_tensorflow, open_features, open_model
from decode.cli.options import Against, Features, Model, Part, Targets, pairs


def usage(
    model: Model,
    features: Features,
    targets: Targets,
    out: Annotated[Path, typer.Option(help="Folder for metrics.json, tables and figures.")],
    split: Part = "test",
    against: Against = None,
) -> None:
    """Judge whether a transcript model knows which transcripts of a gene are used more than the others."""
    load_tensorflow()
    from decode.core.files import check_output_folder, run_record
    from decode.evaluation.transcript_usage import evaluate_usage
    from decode.expression.targets import read_targets
    from decode.report.transcript_usage import usage_table, write_usage

    check_output_folder(out)
    bundle = open_model(model)
    form = "NAME=MODEL, for example paper=model_paper"
    others = {name: open_model(path) for name, path in pairs("--against", against, form)}
    result = evaluate_usage(bundle, open_features(features), read_targets(targets), part=split, others=others)
    inputs: dict[str, str | Path] = {"model": model / "bundle.json", "features": features, "targets": targets}
    write_usage(result, out, record=run_record(inputs=inputs, split=split, against=against or []))
    typer.echo(usage_table(result.metrics))
