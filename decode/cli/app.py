"""Assemble the command groups; turn errors into one line and exit status 2."""

from __future__ import annotations

import logging
import os
import sys
from typing import Annotated, Any

import typer

from decode.cli import (
    attribute,
    compare,
    cv,
    demo,
    drivers,
    expression,
    features,
    model,
    null,
    randomise,
    rank,
    regulators,
    sites,
    tune,
    usage,
)
from decode.cli.common import state

LONGEST = 380  # characters of an error message; what names many long paths is cut

app = typer.Typer(
    name="decode",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Which TFs, RNA-binding proteins and miRNAs drive an expression change, where, and how sure are we?",
)
app.command("demo")(demo.demo)
app.add_typer(features.app, name="features")
app.add_typer(sites.app, name="sites")
app.add_typer(expression.app, name="expression")
app.command("randomise")(randomise.randomise)
app.command("cv")(cv.cv)
app.command("tune")(tune.tune)
app.add_typer(compare.app, name="compare")
app.command("usage")(usage.usage)
app.add_typer(regulators.app, name="regulators")
app.command("attribute")(attribute.attribute)
app.command("drivers")(drivers.drivers)
app.command("rank")(rank.rank)
app.command("network")(rank.network)
app.command("null")(null.null)
app.command("decoys")(null.decoys)
for name, command in model.COMMANDS.items():
    app.command(name)(command)


def _show_version(asked: bool) -> None:
    if asked:
        from importlib import metadata

        typer.echo(f"decode {metadata.version('decode-expression')}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the full traceback of an error.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Log warnings only.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Options of every command."""
    state.debug = debug
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logger = logging.getLogger("decode")
    logger.handlers = [handler]
    logger.setLevel(logging.WARNING if quiet else logging.INFO)
    logger.propagate = False


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
