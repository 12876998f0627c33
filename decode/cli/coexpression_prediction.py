"""decode coexpression-prediction."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decode.cli.inputs import load_tensorflow, open_features, open_model
from decode.cli.options import Features, Force, Model, Part, Targets, pairs
from decode.cli.outputs import stop_if_finished


def coexpression_prediction(
    model: Model,
    features: Features,
    targets: Targets,
    out: Annotated[Path, typer.Option(help="Folder for pairs, numbers and figure.")],
    split: Part = "test",
    threshold: Annotated[
        float | None, typer.Option(help="Least |rho| of actual pairs; default 0.7, between tissues 0.5.")
    ] = None,
    other_model: Annotated[
        Path | None, typer.Option(help="Model of a second tissue, with tasks of like names.")
    ] = None,
    other_targets: Annotated[Path | None, typer.Option(help="Targets of the second tissue.")] = None,
    feature_class: Annotated[
        list[str] | None, typer.Option(help="Model on other features, NAME=DIR, such as rna=model_rna.")
    ] = None,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples of genes for the interval.")] = 200,
    seed: Annotated[int, typer.Option(help="Seed of null pairs and resamples.")] = 0,
    force: Force = False,
) -> None:
    """Judge whether genes that go together over persons are predicted to, within a tissue or between two."""
    load_tensorflow()
    from decode.core.files import check_output_folder, run_record
    from decode.expression.targets import read_targets
    from decode.insilico.coexpression_prediction import TissueModel, predict_coexpression
    from decode.report.coexpression_prediction import prediction_sentence, write_coexpression_prediction

    check_output_folder(out)
    further = pairs("--feature-class", feature_class, "NAME=MODEL, for example rna=model_rna")
    inputs: dict[str, str | Path] = {"model": model / "bundle.json", "features": features, "targets": targets}
    inputs |= {f"feature_class:{name}": Path(path) / "bundle.json" for name, path in further}
    other = None
    if other_model is not None and other_targets is not None:
        inputs |= {"other_model": other_model / "bundle.json", "other_targets": other_targets}
    elif other_model is not None or other_targets is not None:
        raise ValueError("a second tissue needs both --other-model and --other-targets; give both or none")
    record = run_record(inputs=inputs, split=split, threshold=threshold, resamples=resamples, seed=seed)
    stop_if_finished(out, "coexpression-prediction", record, force=force)
    if other_model is not None and other_targets is not None:
        other = TissueModel(open_model(other_model), read_targets(other_targets))
    result = predict_coexpression(
        TissueModel(open_model(model), read_targets(targets)), open_features(features), other=other,
        further={name: open_model(path) for name, path in further}, part=split, threshold=threshold,
        n_resamples=resamples, seed=seed,
    )  # fmt: skip
    write_coexpression_prediction(result, out, record=record, force=force)
    typer.echo(prediction_sentence(result))
