"""What sections of all kinds of runs share: numbers as text, tables and figures of a run with what they are."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import pandas as pd

from decode.report.page.content import Part, Picture, Table, Text
from decode.report.page.runs import TABLES, Run, in_order, read_run_table
from decode.report.page.tables import table_spec

UNDEFINED = "undefined"
COLUMN_HELP = {
    "fdr": "False discovery rate (Benjamini-Hochberg)",
    "direction_fdr": "False discovery rate of the direction alone",
    "effect": "Positive: its sites go with up-regulation; SDs of the statistic",
    "strength": "Signed effect and size of changes together, in SDs of the null",
    "z": "Effect in SDs of the null",
    "response_z": "Positive: its sites go with changing at all, up or down",
    "vif": "Variance of the score over that of independent genes",
    "group": "Regulators that lie on the same genes share their score",
    "own_statistic": "Of the regulator's own gene in the table",
    "own_log2_fold_change": "Of the regulator's own gene in the table",
    "n_bound_genes": "Genes with a site",
    "is_expressed": "Whether the regulator's own gene is expressed; empty: not known",
    "spearman": "Spearman's rank correlation",
    "is_significant": "After Bonferroni, over random removals in the model; more draws make p smaller",
    "p_bonferroni": "Over random removals in the model, not over samples",
    "position_blind": "Whether the network cannot tell the bins of the region apart",
}
BED = ("chrom", "start", "end", "name", "score", "strand")


def number(value: Any, digits: int = 3) -> str:
    """A number of a result as text.

    Examples
    --------
    >>> number(0.12345), number(None), number(1234), number(1.2e-7, 2)
    ('0.123', 'undefined', '1,234', '1.2e\u22127')
    """
    if value is None or isinstance(value, str) or pd.isna(value):
        return UNDEFINED if not isinstance(value, str) else value
    if isinstance(value, bool):
        return "yes" if value else "no"
    value = float(value)
    if value == int(value) and abs(value) < 1e15:
        text = f"{int(value):,}"
    elif abs(value) >= 1000:
        text = f"{value:,.0f}"
    elif abs(value) < 1e-3:
        text = f"{value:.{max(digits - 1, 0)}e}".replace("e-0", "e-")
    else:
        text = f"{value:.{digits}g}" if abs(value) >= 1 else f"{value:.{digits}f}"
    return text.replace("-", "\u2212")


def percent(share: Any, digits: int = 1) -> str:
    """A share as text."""
    return UNDEFINED if not _is_number(share) else f"{100 * float(share):.{digits}f} %".replace("-", "\u2212")


def interval(low: Any, high: Any, what: str = "95 % interval") -> str:
    """An interval as text; empty where it is undefined."""
    return f"{number(low)} to {number(high)} ({what})" if _is_number(low) and _is_number(high) else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def base(name: str) -> str:
    """The name of a file without folder and suffixes.

    Examples
    --------
    >>> base("model/per_gene.tsv.gz")
    'per_gene'
    """
    name = PurePosixPath(name).name
    for suffix in (".gz", ".tsv", ".bed", ".json", ".txt"):
        name = name.removesuffix(suffix)
    return name


def table_part(
    run: Run,
    frame: pd.DataFrame,
    file: str,
    caption: str,
    *,
    text: str = "",
    first: Sequence[str] = (),
    shown: Collection[str] | None = None,
    is_folded: bool = False,
    name: str = "",
    labels: Mapping[str, str] | None = None,
) -> Table:
    """A table of a run, or a part of it.

    Parameters
    ----------
    run : Run
    frame : pd.DataFrame
    file : str
        The file that it is from.
    caption, text : str
    first : sequence of str
        Columns that stand first.
    shown : collection of str, optional
        Columns that show at once, others on demand; default all.
    is_folded : bool
    name : str, optional
        Of the file that a reader saves; default: that of `file`.
    labels : mapping of column to heading, optional
    """
    frame = frame[in_order([*(one for one in first if one in frame), *frame.columns])]
    hidden = [] if shown is None else [str(one) for one in frame.columns if one not in shown]
    spec = table_spec(
        frame,
        name=name or f"{run.name}_{base(file)}",
        caption=caption,
        hidden=hidden,
        labels=labels,
        help_texts=COLUMN_HELP,
        file=file,
    )
    return Table(spec, frame, text, is_folded)


def picture(run: Run, stem: str, caption: str) -> Picture:
    """A figure as the run drew it."""
    png, svg = run.figure(stem)
    return Picture(f"{run.name}_{PurePosixPath(stem).name}", caption, png, svg)


def rest_of(
    run: Run, *, tables: Collection[str] = (), figures: Collection[str] = (), captions: Mapping[str, str] | None = None
) -> tuple[Part, ...]:
    """All figures and tables that a section has not shown yet, the tables folded.

    Parameters
    ----------
    run : Run
    tables, figures : collection of str
        Names of files, and of figures without suffix, that are on the page already.
    captions : mapping of name without suffixes, or of its last part, to str, optional
        NAME.tsv is of the table alone, where a figure has the same name.
    """
    captions = captions or {}
    parts: list[Part] = []
    for stem in run.figures():
        if stem not in figures:
            made = picture(run, stem, _caption(captions, base(stem)) or f"Figure {base(stem)}, as the run drew it.")
            if made.png or made.svg:
                parts.append(made)
    for name in run.named(*TABLES):
        if name not in tables:
            frame = run.table(name)
            if frame is not None:
                caption = captions.get(f"{base(name)}.tsv") or _caption(captions, base(name))
                caption = caption or f"Table {PurePosixPath(name).name}"
                parts.append(table_part(run, frame, name, caption, is_folded=True))
    for name in run.named(".bed"):
        if name not in tables:
            caption = captions.get(base(name)) or f"Table {PurePosixPath(name).name}"
            text = "Places are 0-based and half-open, as in every BED file."
            parts.append(table_part(run, read_bed(run, name), name, caption, text=text, is_folded=True))
    parts += [Text(f"Text {PurePosixPath(name).name}", run.text(name)) for name in run.named(".txt")]
    return tuple(parts)


def _caption(captions: Mapping[str, str], name: str) -> str:
    """The caption of a file by its name, or by what the name adds to that of the output; empty where there is none."""
    return captions.get(name) or next((text for key, text in captions.items() if name.endswith(f"_{key}")), "")


def read_bed(run: Run, name: str) -> pd.DataFrame:
    """A BED file of a run with names of its columns."""
    frame = read_run_table(run.path(name), header=None)
    names = [*BED[: frame.shape[1]], *(f"column_{at}" for at in range(len(BED) + 1, frame.shape[1] + 1))]
    return frame.set_axis(names, axis=1)
