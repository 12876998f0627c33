"""Assemble the command groups; turn errors into one line and exit status 2."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from decode.cli import (
    activity,
    atlas,
    attribute,
    coexpression,
    coexpression_prediction,
    compare,
    cv,
    demo,
    deprior,
    differential,
    disrupt,
    drivers,
    expression,
    features,
    knockout,
    landmark,
    landmark_evaluate,
    landmark_panels,
    landmark_sets,
    mediate,
    model,
    models,
    null,
    person_models,
    project,
    randomise,
    rank,
    regulators,
    report,
    sites,
    tune,
    usage,
)
from decode.cli.options import Debug, Quiet, with_common_options
from decode.cli.progress import set_up_logging, state

landmark.app.registered_commands += landmark_evaluate.app.registered_commands  # one group, four files
landmark.app.registered_commands += landmark_panels.app.registered_commands
landmark.app.registered_commands += landmark_sets.app.registered_commands

LONGEST = 380  # characters of an error message; what names many long paths is cut

app = typer.Typer(
    name="decode",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Which TFs, RNA-binding proteins and miRNAs drive an expression change, where, and how sure are we?",
)
DATA, MODELS, REGULATORS, CHECKS = "Data", "Models", "Regulators", "How good is the model?"
PERSONS, INSILICO, GENES, RESULTS = "Persons", "In silico", "Landmark genes", "Results"
COMMANDS: dict[str, dict[str, Callable[..., None] | typer.Typer]] = {
    DATA: {"features": features.app, "sites": sites.app, "expression": expression.app, "demo": demo.demo},
    MODELS: {"train": model.train, "evaluate": model.evaluate, "predict": model.predict, "tune": tune.tune,
             "deprior": deprior.deprior, "models": models.app},
    REGULATORS: {
        "drivers": drivers.drivers, "atlas": atlas.atlas, "attribute": attribute.attribute, "null": null.null,
        "decoys": null.decoys, "rank": rank.rank, "network": rank.network, "regulators": regulators.app,
    },
    INSILICO: {
        "knockout": knockout.knockout, "disrupt": disrupt.disrupt,
        "coexpression": coexpression.coexpression, "mediate": mediate.mediate,
        "coexpression-prediction": coexpression_prediction.coexpression_prediction,
    },
    PERSONS: {
        "project": project.project, "persons": person_models.app, "differential": differential.differential,
        "activity": activity.activity,
    },
    CHECKS: {"cv": cv.cv, "usage": usage.usage, "randomise": randomise.randomise, "compare": compare.app},
    GENES: {"landmark": landmark.app},
    RESULTS: {"report": report.report},
}  # by help panel  # fmt: skip
for panel, commands in COMMANDS.items():
    for name, command in commands.items():
        if isinstance(command, typer.Typer):
            for inner in command.registered_commands:
                if inner.callback is not None:
                    inner.callback = with_common_options(inner.callback)
            app.add_typer(command, name=name, rich_help_panel=panel)
        else:
            app.command(name, rich_help_panel=panel)(with_common_options(command))


def _show_version(asked: bool) -> None:
    if asked:
        from importlib import metadata

        typer.echo(f"decode {metadata.version('decode-expression')}")
        raise typer.Exit


@app.callback()
def options(
    quiet: Quiet = False,
    debug: Debug = False,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Options of every command; --quiet and --debug may stand after the command too."""
    state.quiet = state.debug = False
    set_up_logging(quiet=quiet, debug=debug)


def sentence(error: BaseException) -> str:
    """The message of an error on one line of at most `LONGEST` characters.

    Examples
    --------
    >>> sentence(KeyError("no gene\\nof that name"))
    'no gene of that name'
    """
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    line = " ".join(text.split()) or type(error).__name__
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 20].rstrip()} ... (see --debug)"


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; exit status 0, or 2 with one sentence on standard error."""
    try:
        result: Any = app(args=arguments, prog_name="decode", standalone_mode=False)
    except KeyboardInterrupt:
        typer.echo("decode: interrupted; the same command resumes where it can", err=True)
        sys.exit(130)
    except Exception as error:
        if hasattr(error, "show") and hasattr(error, "exit_code"):  # wrong usage: typer's own message
            error.show()
            sys.exit(error.exit_code)
        if isinstance(error, typer.Abort):
            sys.exit(1)
        if state.debug or not isinstance(
            error, ValueError | TypeError | KeyError | OSError | ImportError | MemoryError
        ):
            raise
        typer.echo(f"decode: error: {sentence(error)}", err=True)
        sys.exit(2)
    sys.exit(result if isinstance(result, int) else 0)
