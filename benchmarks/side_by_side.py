"""All side-by-side comparisons in one go, and one dated table of them.

    python -m benchmarks [--scale S] [--repeats N] [--only CASE ...] [--out docs/benchmarks.md]

Ratios come from both sides in one run; where a case is repeated they are given as lowest to highest. A case whose peer
is absent says so in its note; a case that fails says why, and the others go on.
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
from typing import NamedTuple

from benchmarks.measure import Row, cpu_seconds
from decode.core.files import atomic_path

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
    """One case: its rows of every repeat, CPU and wall seconds of all, and why it ended early, if it did."""

    case: str
    repeats: list[list[Row]]
    cpu_s: float
    wall_s: float
    error: str


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
    return Measured(case, found, cpu_seconds() - cpu, time.monotonic() - began, error)


def machine() -> str:
    """Processor, cores that may be used, memory, system."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [line.split(":", 1) for line in info.read_text().splitlines() if line.startswith("model name")]
        model = lines[0][1].strip() if lines else model
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    busy = os.getloadavg()[0]
    system = f"{platform.system()} {platform.release()}"
    return f"{model}, {cores} cores, {memory:.0f} GiB, {system}; load {busy:.1f} at the end"


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
    >>> spread([12.345, 15.0]), spread([2.0]), spread([None])
    ('12.3 to 15', '2', '')
    """
    known = [f"{value:.3g}" for value in sorted(value for value in values if value is not None)]
    if not known:
        return ""
    return known[0] if known[0] == known[-1] else f"{known[0]} to {known[-1]}"


def _lines(found: Measured) -> list[str]:
    lines = []
    for rows in zip(*found.repeats, strict=True):
        first: Row = rows[0]
        cells = [
            first.case, first.peer or "", spread(row.ours_s for row in rows), spread(row.peer_s for row in rows),
            spread(row.ratio for row in rows), spread(row.largest_difference for row in rows),
            spread(row.peak_gib for row in rows), first.note,
        ]  # fmt: skip
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return lines


def page(found: list[Measured], *, scale: float, repeats: int, now: datetime) -> str:
    """The dated table as Markdown."""
    parts = [
        "# Side by side with other tools\n",
        f"Written by `python -m benchmarks --scale {scale:g} --repeats {repeats}` on {now:%Y-%m-%d %H:%M} UTC.",
        f"Machine: {machine()}.",
        f"{versions()}.\n",
        "CPU seconds, child processes included; ratio = the peer's over ours, both in one run; where a case was "
        "repeated, lowest to highest. benchmarks/README.md says what each side does.\n",
    ]
    for one in found:
        parts.append(f"## {one.case}\n")
        if one.repeats:
            parts.append("| case | peer | ours, s | peer, s | ratio | largest difference | peak, GiB | note |")
            parts += ["|---|---|---|---|---|---|---|---|", *_lines(one), ""]
        if one.error:
            parts.append(f"Did not run to its end: {one.error}\n")
        parts.append(f"Whole case: {one.cpu_s:.0f} CPU s, {one.wall_s:.0f} s.\n")
    return "\n".join(parts)


def run_all(out: Path, *, scale: float = 1.0, repeats: int = 1, cases: Iterable[str] = tuple(CASES)) -> list[Measured]:
    """Run the cases one after the other and write the page after each, so that a stop loses little.

    Parameters
    ----------
    out : Path
        Markdown; a JSON of all rows is written beside it.
    scale : float
        Factor on the sizes; 1 ends within 20 minutes on two idle cores.
    repeats : int
        Runs of each case.
    cases : iterable of str
    """
    found: list[Measured] = []
    for case in cases:
        found.append(measure_case(case, scale=scale, repeats=repeats))
        text = page(found, scale=scale, repeats=repeats, now=datetime.now(UTC))
        rows = {one.case: [[row.to_dict() for row in rows] for rows in one.repeats] for one in found}
        for path, content in ((out, text), (out.with_suffix(".json"), json.dumps(rows, indent=1) + "\n")):
            with atomic_path(path) as temporary:
                temporary.write_text(content, encoding="utf-8")
    return found
