"""Command line of the benchmarks: one, as a table of ratios and JSON; or all side by side, as one dated page."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.measure import ROOT, Row
from benchmarks.side_by_side import CASES, run_all
from decode.core.files import check_output, write_json

# Name on the command line -> module with `run(scale: float | None) -> list[Row]`; None means the module's own default.
REGISTRY = {
    "attribution": "benchmarks.bench_attribution",
    "differential": "benchmarks.bench_differential",
    "drivers": "benchmarks.bench_drivers",
    "features": "benchmarks.bench_features",
    "growth": "benchmarks.bench_growth",
    "knockout": "benchmarks.bench_knockout",
    "knockout-experiments": "benchmarks.knockout_experiments",
    "landmark": "benchmarks.bench_landmark",
    "mediation": "benchmarks.bench_mediation",
    "landmark_panels": "benchmarks.bench_landmark_panels",
    "planted": "benchmarks.bench_planted",
    "recovery": "benchmarks.bench_recovery",
    "scaling": "benchmarks.bench_scaling",
    "significance": "benchmarks.bench_significance",
    "splits": "benchmarks.random_splits",
    "training": "benchmarks.bench_training",
}
# With a command line of their own: modules with `main(arguments) -> exit status`.
COMMANDS = {"reliability": "benchmarks.bench_reliability"}
PAGE = ROOT / "docs" / "benchmarks.md"
WITH_FIGURE = {"significance"}  # `run` also takes the file of a figure, written beside the JSON


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def table_of(name: str, rows: list[Row]) -> Table:
    """The rows as a table for the terminal."""
    table = Table(title=f"benchmark {name}: CPU seconds, ratio = peer / ours")
    for column in ("case", "peer", "ours_s", "peer_s", "ratio", "largest_difference", "peak_gib", "note"):
        table.add_column(column, overflow="fold")
    for row in rows:
        numbers = (row.ours_s, row.peer_s, row.ratio, row.largest_difference, row.peak_gib)
        table.add_row(row.case, row.peer or "", *map(_number, numbers), row.note)
    return table


def main(arguments: list[str] | None = None) -> int:
    """Run one benchmark; exit status 2 for a wrong argument."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments and arguments[0] in COMMANDS:
        status: int = importlib.import_module(COMMANDS[arguments[0]]).main(arguments[1:])
        return status
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = sorted({*REGISTRY, *COMMANDS})
    parser.add_argument("name", nargs="?", choices=names, help="which benchmark; without it all side-by-side ones")
    parser.add_argument("--scale", type=float, default=None, help="share of the full size (1); default: ends in 5 min")
    parser.add_argument("--repeats", type=int, default=1, help="runs of each case, for all side-by-side ones")
    parser.add_argument("--only", nargs="+", choices=sorted(CASES), help="of all side-by-side ones, these")
    parser.add_argument("--out", type=Path, help="JSON file to write; of all side-by-side ones the page, as Markdown")
    options = parser.parse_args(arguments)
    if options.name is not None and options.out is None:
        parser.error("--out FILE is wanted")
    options.out = options.out or PAGE
    if options.scale is not None and not 0 < options.scale <= 1:
        parser.error(f"--scale is {options.scale}; a number above 0 and at most 1 is wanted")
    try:
        check_output(options.out)
    except OSError as error:
        parser.error(str(error))
    if options.name is None:
        run_all(options.out, scale=options.scale or 1.0, repeats=max(options.repeats, 1), cases=options.only or CASES)
        Console().print(options.out.read_text())
        return 0
    extra = {"figure": options.out.with_suffix(".png")} if options.name in WITH_FIGURE else {}
    rows: list[Row] = importlib.import_module(REGISTRY[options.name]).run(options.scale, **extra)
    write_json([row.to_dict() for row in rows], options.out)
    Console().print(table_of(options.name, rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
