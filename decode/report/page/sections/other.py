"""Runs of a kind without a section of its own: their counts, figures and tables."""

from __future__ import annotations

from decode.report.page.content import Number, Section
from decode.report.page.methods import methods_of, record_rows
from decode.report.page.runs import Run
from decode.report.page.sections.common import number, rest_of

MOST = 12


def other_section(run: Run) -> Section:
    """Everything that a run has left."""
    counts = [(name, value) for name, value in run.counts.items() if isinstance(value, int | float | str)]
    numbers = tuple(
        Number(name.removeprefix("n_").replace("_", " "), value if isinstance(value, str) else number(value))
        for name, value in counts[:MOST]
    )
    return Section(
        run.name,
        run.kind,
        f"Output of decode {run.kind}.",
        numbers,
        parts=rest_of(run),
        methods=methods_of(run),
        record=record_rows(run),
    )
