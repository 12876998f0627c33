"""The one validator: every complaint names the thing, what came, what was wanted and the next step."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

MATCH_ERROR_SHARE = 0.5  # DESIGN: matched share of 0 or below this raises
MATCH_WARN_SHARE = 0.8  # DESIGN: matched share below this warns


def listed(values: Iterable[Any], limit: int = 5) -> str:
    """At most `limit` offenders, then the count of the rest.

    Examples
    --------
    >>> listed(["a", "b", "c"], limit=2)
    'a, b (+1 more)'
    """
    items = [shortened(str(value)) for value in values]
    rest = len(items) - limit
    return ", ".join(items[:limit]) + (f" (+{rest} more)" if rest > 0 else "")


def shortened(text: str, limit: int = 120) -> str:
    """A text for a message: its beginning where it is longer than `limit` characters.

    Examples
    --------
    >>> shortened("A" * 200, limit=5)
    'AAAAA...'
    """
    return text if len(text) <= limit else f"{text[:limit]}..."


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Put the name of a file before the message of an error that does not hold it.

    Examples
    --------
    >>> with naming("targets liver.tsv"):
    ...     raise ValueError("no gene is left")
    Traceback (most recent call last):
        ...
    ValueError: targets liver.tsv: no gene is left
    """
    try:
        yield
    except (ValueError, TypeError) as error:
        if name in str(error):
            raise
        raise type(error)(f"{name}: {error}") from error


def nearest(name: str, known: Iterable[str], limit: int = 3) -> list[str]:
    """Names that may have been meant: the most alike first, upper and lower case taken as the same.

    Examples
    --------
    >>> nearest("spi-1", ["SPI1", "REST", "SPIB"])
    ['SPI1', 'SPIB']
    """
    by_form: dict[str, str] = {}
    for other in known:
        by_form.setdefault(str(other).casefold(), str(other))
    return [by_form[form] for form in difflib.get_close_matches(name.casefold(), by_form, n=limit, cutoff=0.6)]


def counted(counts: Mapping[str, Any]) -> str:
    """Counts as a line of a log: names as words; of a list, how many it holds.

    Examples
    --------
    >>> counted({"n_sites": 1200, "dropped_regulators": ["A", "B"], "lost": {"no chain": 3}})
    'n sites 1,200, dropped regulators 2, lost: no chain 3'
    """
    parts = []
    for name, value in counts.items():
        words = str(name).replace("_", " ")
        if isinstance(value, Mapping):
            parts.append(f"{words}: {counted(value)}" if value else f"{words} none")
            continue
        number = len(value) if isinstance(value, list | tuple) else value
        parts.append(f"{words} {number:,}" if isinstance(number, int | np.integer) else f"{words} {number}")
    return ", ".join(parts)


def check_choice(name: str, value: Any, allowed: Collection[Any]) -> None:
    """Raise ValueError unless `value` is one of `allowed`."""
    if value not in allowed:
        raise ValueError(f"{name} is {shortened(repr(value))}; choose one of: {', '.join(map(str, allowed))}")


def check_count(name: str, value: int, *, zero: bool = False) -> None:
    """Raise ValueError unless `value` is a whole number above zero (or zero where allowed)."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 0 or (value == 0 and not zero):
        raise ValueError(f"{name} is {value!r}; it must be a whole number {'>=' if zero else '>'} 0")


def check_positive(name: str, value: float, *, zero: bool = False) -> None:
    """Raise ValueError unless `value` is a finite number above zero (or zero where allowed)."""
    is_number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not is_number or not np.isfinite(value) or value < 0 or (value == 0 and not zero):
        raise ValueError(f"{name} is {value!r}; it must be a number {'>=' if zero else '>'} 0")


def check_share(values: pd.Series, name: str, *, slack: float = 1e-6) -> None:
    """Raise ValueError naming the values that are no number from 0 to 1; missing ones pass.

    Parameters
    ----------
    values : pd.Series
        P-values, false discovery rates, shares or ranks; the index names the rows.
    name : str
        What they are, for the message.
    slack : float
        How far beyond 0 and 1 rounding may lead.

    Examples
    --------
    >>> check_share(pd.Series([0.0, 1.0, np.nan]), "p-values of demo")
    """
    if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        numbers = pd.to_numeric(values, errors="coerce")
        wrong = (numbers.isna() & values.notna()) | pd.api.types.is_bool_dtype(values)
        if wrong.any():
            raise ValueError(f"{name}: {listed(map(repr, values[wrong]))} is no number; numbers from 0 to 1 are wanted")
        values = numbers
    wrong = (values < -slack) | (values > 1 + slack)
    if wrong.any():
        shown = [f"{row}: {value:g}" for row, value in values[wrong].items()]
        raise ValueError(f"{name} lie outside 0 to 1 in {len(shown)} row(s): {listed(shown)}; correct or remove them")


def check_columns(name: str, table: pd.DataFrame, columns: Sequence[str]) -> None:
    """Raise TypeError for something that is no table and ValueError for missing columns."""
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"{name} is a {type(table).__name__}; a pandas DataFrame is wanted")
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise ValueError(f"{name} lacks the column(s) {listed(missing)}; it has {listed(table.columns)}")


def check_unique(name: str, values: Iterable[Any]) -> None:
    """Raise ValueError naming the values that occur more than once."""
    series = pd.Series(list(values), dtype=object)
    repeated = series[series.duplicated()].unique()
    if len(repeated):
        raise ValueError(f"{name} occur more than once: {listed(repeated)}; keep one row of each")


def check_known(name: str, wanted: Iterable[Any], known: Collection[Any], where: str) -> None:
    """Raise KeyError naming the wanted values that are not known."""
    known_set = set(known)
    missing = [value for value in wanted if value not in known_set]
    if missing:
        raise KeyError(f"{len(missing)} {name} not in {where}: {listed(missing)}; it holds {listed(known, 3)}")


def check_named(name: str, wanted: Iterable[str], known: Collection[str], where: str) -> None:
    """Raise KeyError naming the wanted names that are not known, each with the nearest that are."""
    known_set = set(known)
    missing = [value for value in wanted if value not in known_set]
    if missing:
        shown = [f"{value}{_perhaps(nearest(value, known))}" for value in missing]
        raise KeyError(f"{len(missing)} {name} not in {where}: {listed(shown)}; check the spelling, or leave them out")


def _perhaps(names: Sequence[str]) -> str:
    return f" (nearest: {', '.join(names)})" if names else ""


def check_known_keys(name: str, values: Iterable[str], known: Collection[str]) -> None:
    """Raise ValueError naming the keys of a stored configuration that this release does not know."""
    unknown = [key for key in values if key not in set(known)]
    if unknown:
        raise ValueError(
            f"{name} has unknown keys {listed(unknown)}; known are {listed(known, 12)}. "
            "It may come from a newer release"
        )


def matched_share(n_matched: int, n_rows: int, n_genes: int) -> float:
    """Share of the smaller side that found its partner: matched / min(rows of the table, genes of the features)."""
    smaller = min(n_rows, n_genes)
    return n_matched / smaller if smaller else 0.0


def check_matched(
    name: str, wanted: Sequence[str], genes: Collection[str], outside: Collection[str] = ()
) -> tuple[list[str], str | None]:
    """Apply the matching rule of a table against the genes of the features.

    Parameters
    ----------
    name : str
        What the table is, for the message.
    wanted : sequence of str
        Row ids of the table.
    genes : collection of str
        Gene ids of the features.
    outside : collection of str
        Rows that are genes, though none of the features: they do not count as unmatched.

    Returns
    -------
    matched : list of str
        Ids on both sides, in the order of the table.
    warning : str or None
        The sentence to log where the matched share is below 80 %.

    Raises
    ------
    ValueError
        If nothing matches, or less than half of the smaller side.
    """
    gene_set = set(genes)
    matched = [gene for gene in wanted if gene in gene_set]
    not_counted = set(outside) - gene_set
    inside = [gene for gene in wanted if gene not in not_counted]
    share = matched_share(len(matched), len(inside), len(gene_set))
    lost_rows = [gene for gene in inside if gene not in gene_set] or [gene for gene in wanted if gene not in gene_set]
    n_outside = len(wanted) - len(inside)
    sentence = (
        f"{name}: {len(matched)} of {len(wanted)} rows match the {len(gene_set)} genes of the features "
        f"({share:.1%} of the smaller side" + (f"; {n_outside} rows are other genes)" if n_outside else ")")
    )
    if share < MATCH_ERROR_SHARE or not matched:
        raise ValueError(
            f"{sentence}; unmatched: {listed(lost_rows)}; features hold {listed(sorted(gene_set), 3)}. "
            "Check that both use the same kind of gene id (--id-map resolves symbols)"
        )
    if share >= MATCH_WARN_SHARE:
        return matched, None
    # rows outside the features (non-coding genes of a full table) are no fault: then show genes that have no row
    examples = lost_rows if len(wanted) <= len(gene_set) else sorted(gene_set.difference(wanted))
    return matched, f"{sentence}; unmatched: {listed(examples)}"
