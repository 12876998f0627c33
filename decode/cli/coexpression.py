"""decode coexpression."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decode.cli.inputs import load_tensorflow, open_features, open_model
from decode.cli.options import Features, Force, IdMap, Model, comma_list, pairs
from decode.cli.outputs import stop_if_finished
from decode.core import choices


def coexpression(
    model: Model,
    features: Features,
    pair: Annotated[str, typer.Option(help="Two genes, id or symbol, comma-separated; each is altered in turn.")],
    out: Annotated[Path, typer.Option(help="Folder for tables, numbers and figures.")],
    mode: Annotated[choices.RemovalMode, typer.Option(help="Remove regulators, or the sites of bins.")] = "knockout",
    draws: Annotated[int, typer.Option(help="Random removals.")] = 10_000,
    deletion_rate: Annotated[float, typer.Option(help="Probability that a draw removes a regulator or bin.")] = 0.5,
    correlation: Annotated[choices.Correlation, typer.Option(help="Over samples.")] = "spearman",
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples of the samples; 0 leaves them out.")] = 100,
    also: Annotated[
        list[str] | None, typer.Option(help="Model of a further tissue, NAME=DIR; key drivers are those of all.")
    ] = None,
    id_map: IdMap = None,
    seed: Annotated[int, typer.Option(help="Seed of the draws.")] = 0,
    force: Force = False,
) -> None:
    """Find the regulators or bins that make the predictions of two genes go together over samples."""
    load_tensorflow()
    from decode.core.checks import check_unique
    from decode.core.files import check_output_folder, run_record
    from decode.insilico.coexpression import coexpression_drivers
    from decode.report.coexpression import coexpression_sentence, write_coexpression

    check_output_folder(out)
    named = [(model.resolve().name, str(model)), *pairs("--also", also, "NAME=MODEL, for example liver=model_liver")]
    check_unique("names of models", [name for name, _ in named])
    inputs: dict[str, str | Path] = {f"model:{name}": Path(path) / "bundle.json" for name, path in named}
    inputs |= {"features": features} | ({"id_map": id_map} if id_map else {})
    record = run_record(
        inputs=inputs, pair=pair, mode=mode, draws=draws, deletion_rate=deletion_rate, correlation=correlation,
        resamples=resamples, seed=seed,
    )  # fmt: skip
    stop_if_finished(out, "coexpression", record, force=force)
    result = coexpression_drivers(
        {name: open_model(path) for name, path in named}, open_features(features), comma_list(pair) or [], mode=mode,
        n_draws=draws, deletion_rate=deletion_rate, method=correlation, n_resamples=resamples, id_map=id_map, seed=seed,
    )  # fmt: skip
    write_coexpression(result, out, record=record, force=force)
    typer.echo(coexpression_sentence(result))
