"""All side-by-side comparisons in one go, and one dated page of them.

    python -m benchmarks [--scale S] [--repeats N] [--only CASE ...] [--out docs/benchmarks.md]

Ratios come from both sides in one run; over repeats, and over the machines whose runs the JSON beside the page holds,
they are given as lowest to highest. A run takes the place of an earlier one of the same case, scale and machine; all
others stay, so that cases can be measured one at a time. A case whose peer is absent says so in its note; a case that
fails says why, and the others go on.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.measure import Row, cpu_seconds
from decode.core.files import atomic_path, read_json_object

# Case -> module, and the share of its full size that the whole takes at scale 1 of this command.
CASES = {
    "features": ("benchmarks.bench_features", 0.1),
    "training": ("benchmarks.bench_training", 0.1),
    "attribution": ("benchmarks.bench_attribution", 0.05),
    "drivers": ("benchmarks.bench_drivers", 0.25),
    "knockout": ("benchmarks.bench_knockout", 0.01),
    "mediation": ("benchmarks.bench_mediation", 0.3),
    "differential": ("benchmarks.bench_differential", 0.5),
    "landmark": ("benchmarks.bench_landmark", 0.05),
    "growth": ("benchmarks.bench_growth", 0.25),
}
PACKAGES = (
    "decode-expression", "numpy", "scipy", "pandas", "polars", "numba", "tensorflow", "keras", "shap", "pyranges",
    "statsmodels", "gseapy",
)  # fmt: skip


class Measured(NamedTuple):
    """One case on one machine.

    Attributes
    ----------
    case, machine : str
    scale : float
        Of the whole, 1 or less.
    when : str
        UTC, at the end.
    load : float
        Processes that wanted a core, mean over the minute before the end: more than one, and others ran too.
    versions : str
    cpu_s, wall_s : float
        Of all repeats.
    error : str
        Why it ended early, if it did.
    repeats : list of list of Row
    """

    case: str
    machine: str
    scale: float
    when: str
    load: float
    versions: str
    cpu_s: float
    wall_s: float
    error: str
    repeats: list[list[Row]]


def measure_case(case: str, *, scale: float = 1.0, repeats: int = 1) -> Measured:
    """Run a case once or several times; what goes wrong is told, not raised."""
    module, share = CASES[case]
    found: list[list[Row]] = []
    began, cpu, error = time.monotonic(), cpu_seconds(), ""
    try:
        for _ in range(repeats):
            found.append(importlib.import_module(module).run(share * scale))
    except Exception as failure:  # a peer of whatever make may fail in whatever way; the table says it
        error = f"{type(failure).__name__}: {failure}"[:300]
    return Measured(
        case, machine(), scale, f"{datetime.now(UTC):%Y-%m-%d %H:%M}", os.getloadavg()[0], versions(),
        cpu_seconds() - cpu, time.monotonic() - began, error, found,
    )  # fmt: skip


def machine() -> str:
    """Processor, cores that may be used, memory, system."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [line.split(":", 1) for line in info.read_text().splitlines() if line.startswith("model name")]
        model = lines[0][1].strip() if lines else model
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    version = ".".join(platform.release().split("-")[0].split(".")[:2])
    return f"{model}, {cores} cores, {memory:.0f} GiB, {platform.system()} {version}"


def versions() -> str:
    """Versions of Python, of the package and of what it is compared with."""
    found = [f"Python {platform.python_version()}"]
    for package in PACKAGES:
        try:
            found.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            found.append(f"{package} absent")
    return ", ".join(found)


def spread(values: Iterable[float | None]) -> str:
    """Lowest to highest of what is known, three digits.

    Examples
    --------
    >>> spread([12.345, 15.0]), spread([2.0]), spread([1349.0]), spread([None])
    ('12.3 to 15', '2', '1350', '')
    """
    known = [_digits(value) for value in sorted(value for value in values if value is not None)]
    if not known:
        return ""
    return known[0] if known[0] == known[-1] else f"{known[0]} to {known[-1]}"


def _digits(value: float) -> str:
    return f"{float(f'{value:.3g}'):.0f}" if 1000 <= value < 1e7 else f"{value:.3g}"


def _table(found: Iterable[Measured]) -> list[str]:
    """Rows of one case, those of one name over all repeats and machines in one line."""
    by_name: dict[tuple[str, str], list[Row]] = {}
    for one in found:
        for row in (row for rows in one.repeats for row in rows):
            by_name.setdefault((row.case, row.peer or ""), []).append(row)
    lines = []
    for (case, peer), rows in by_name.items():
        numbers = ("ours_s", "peer_s", "ratio", "largest_difference", "peak_gib")
        cells = [case, peer, str(len(rows)), *(spread(getattr(row, name) for row in rows) for name in numbers)]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in [*cells, rows[-1].note]) + " |")
    header = "| case | peer | runs | ours, s | peer, s | ratio | largest difference | peak, GiB | note |"
    return [header, "|---|---|---|---|---|---|---|---|---|", *lines, ""] if lines else []


def page(found: list[Measured]) -> str:
    """The runs as Markdown, case by case."""
    numbers = {name: number for number, name in enumerate(dict.fromkeys(one.machine for one in found), 1)}
    parts = [
        "# Side by side with other tools\n",
        "Written by `python -m benchmarks`. CPU seconds, child processes included; ratio = the peer's over ours, both "
        "in one run; lowest to highest over runs and machines. benchmarks/README.md says what each side does.\n",
    ]
    for name, number in numbers.items():
        own = [one for one in found if one.machine == name]
        parts += [f"- Machine {number}: {name}. {text}." for text in dict.fromkeys(one.versions for one in own)]
    for case in dict.fromkeys(one.case for one in found):
        own = [one for one in found if one.case == case]
        parts += [f"\n## {case}\n", *_table(own)]
        for one in own:
            text = (
                f"Machine {numbers[one.machine]}, {one.when} UTC, `--scale {one.scale:g}`, {len(one.repeats)} run(s): "
            )
            text += f"{one.cpu_s:.0f} CPU s, {one.wall_s:.0f} s, load {one.load:.1f} at the end.  "
            parts.append(text + (f"Did not run to its end: {one.error}" if one.error else ""))
    return "\n".join(parts) + "\n"


def read_measured(path: Path) -> list[Measured]:
    """Runs of the JSON beside a page; none where there is no file."""
    if not path.exists():
        return []
    runs: list[dict[str, Any]] = read_json_object(path, "measured runs")["runs"]
    return [Measured(**{**run, "repeats": [[Row(**row) for row in rows] for rows in run["repeats"]]}) for run in runs]


def run_all(out: Path, *, scale: float = 1.0, repeats: int = 1, cases: Iterable[str] = tuple(CASES)) -> list[Measured]:
    """Run the cases one after the other and write the page after each, so that a stop loses little.

    Parameters
    ----------
    out : Path
        Markdown; the JSON of all runs is read and written beside it.
    scale : float
        Factor on the sizes; 1 ends within 10 minutes a repeat on two idle cores.
    repeats : int
        Runs of each case.
    cases : iterable of str

    Returns
    -------
    list of Measured
        Those of earlier calls too.
    """
    path = out.with_suffix(".json")
    found = read_measured(path)
    for case in cases:
        new = measure_case(case, scale=scale, repeats=repeats)
        found = [one for one in found if one[:3] != new[:3]] + [new]
        found.sort(key=lambda one: list(CASES).index(one.case))
        runs = [
            {**one._asdict(), "repeats": [[row.to_dict() for row in rows] for rows in one.repeats]} for one in found
        ]
        for name, text in ((out, page(found)), (path, json.dumps({"runs": runs}, indent=1) + "\n")):
            with atomic_path(name) as temporary:
                temporary.write_text(text, encoding="utf-8")
    return found
