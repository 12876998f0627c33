"""What a features file may hold: types and ranges, checked before compiled code follows its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.checks import listed

WORDS = ("level", "build")
LENGTHS = {"bin_size": 1, "upstream": 0, "downstream": 0}  # smallest allowed, bp
LONGEST_BP = 10**9
TEXT = (
    "gene_id",
    "transcript_id",
    "gene_name",
    "chrom",
    "strand",
    "region",
    "kind",
    "regulator",
    "biosample",
    "value_kind",
)
NUMBERS = ("tss", "length_bp", "n_bound_genes")
PARTS = {"data": "iuf", "indices": "iu", "indptr": "iu", "offsets": "iu", "bin_length_bp": "iu"}  # kinds of numbers
SIGNED_KINDS = ("signal",)  # values of these tracks may be negative


def check_header(found: Any, required: tuple[str, ...]) -> dict[str, Any]:
    """The header, once its fields have the right types and ranges; ValueError.

    Parameters
    ----------
    found : anything
        As JSON gave it.
    required : tuple of str
        Names of its fields; `definitions` is absent in older files.
    """
    if not isinstance(found, dict):
        raise ValueError("the header is no object with named values")
    header: dict[str, Any] = {"definitions": {}} | found
    wanted = {*required, "regions"}
    if set(header) != wanted:
        raise ValueError(f"the header lacks or adds {listed(sorted(set(header) ^ wanted))}")
    for name in WORDS:
        if not isinstance(header[name], str):
            raise ValueError(f"{name} of the header is no text")
    for name, least in LENGTHS.items():
        value = header[name]
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= LONGEST_BP:
            raise ValueError(f"{name} of the header is no number of bases from {least} to {LONGEST_BP:,}")
    regions, sources = header["regions"], header["sources"]
    if not isinstance(regions, list) or not all(isinstance(name, str) and name for name in regions):
        raise ValueError("regions of the header is no list of names")
    if len(set(regions)) < len(regions):
        raise ValueError("the header names a region twice")
    if not isinstance(sources, list) or not all(isinstance(item, dict) for item in sources):
        raise ValueError("sources of the header is no list of objects")
    definitions = header["definitions"]
    if not isinstance(header["checks"], dict) or not isinstance(definitions, dict):
        raise ValueError("checks or definitions of the header is no object")
    if not all(isinstance(item, dict) for item in definitions.values()):
        raise ValueError("a definition of a region in the header is no object")
    return header


def check_table(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """The table, once its known columns hold text or finite numbers; ValueError."""
    for column in table.columns:
        kind = table[column].dtype.kind
        if column in TEXT and kind != "O":
            raise ValueError(f"column {column} of the {name} holds numbers instead of text")
        if column in NUMBERS and (kind not in "iuf" or not np.isfinite(table[column].to_numpy()).all()):
            raise ValueError(f"column {column} of the {name} holds something else than finite numbers")
    return table


def check_lengths(name: str, lengths: Mapping[str, int]) -> int:
    """The common length of the columns of a table; ValueError where they differ."""
    if len(set(lengths.values())) > 1:
        raise ValueError(f"columns of the {name} differ in length: {listed(f'{k} {n:,}' for k, n in lengths.items())}")
    return next(iter(lengths.values()), 0)


def check_part(region: str, part: str, values: NDArray[Any]) -> None:
    """One array of a region is a row of numbers of the right kind; ValueError."""
    if values.ndim != 1 or values.dtype.kind not in PARTS[part]:
        raise ValueError(f"{part} of region {region} is no row of numbers of the right kind")


def check_pointers(
    region: str,
    *,
    indptr: NDArray[Any],
    offsets: NDArray[Any],
    bin_length_bp: NDArray[Any],
    n_values: int,
    n_genes: int,
) -> None:
    """Row pointers lead from 0 to the number of values, gene offsets from 0 to the number of rows; ValueError.

    Parameters
    ----------
    region : str
    indptr : int array, shape (n_rows + 1,)
    offsets : int array, shape (n_genes + 1,)
    bin_length_bp : int array, shape (n_rows,)
    n_values, n_genes : int
    """
    for part, values in (("indptr", indptr), ("offsets", offsets), ("bin_length_bp", bin_length_bp)):
        check_part(region, part, values)
    _check_steps(region, "indptr", indptr, n_values, "values")
    _check_steps(region, "offsets", offsets, len(indptr) - 1, "bins")
    if len(offsets) != n_genes + 1:
        raise ValueError(f"region {region} has offsets of {len(offsets) - 1:,} genes, the table {n_genes:,}")
    if len(bin_length_bp) != len(indptr) - 1:
        raise ValueError(f"region {region} has {len(bin_length_bp):,} bin lengths for {len(indptr) - 1:,} bins")
    if len(bin_length_bp) and bin_length_bp.min() < 0:
        raise ValueError(f"bin lengths of region {region} are negative")


def _check_steps(region: str, part: str, values: NDArray[Any], last: int, what: str) -> None:
    if not len(values) or values[0] != 0 or values[-1] != last or (values[1:] < values[:-1]).any():
        raise ValueError(f"{part} of region {region} do not rise from 0 to its {last:,} {what}")


def check_values(region: str, data: NDArray[Any], indices: NDArray[Any], value_kinds: NDArray[Any]) -> None:
    """Track numbers lie within the tracks, values are finite and bases not negative; ValueError.

    Parameters
    ----------
    region : str
    data : array, shape (n,)
    indices : int array, shape (n,)
        Track of every value.
    value_kinds : array of str, shape (n_tracks,)
    """
    check_part(region, "data", data)
    check_part(region, "indices", indices)
    if len(data) != len(indices):
        raise ValueError(f"region {region} has {len(data):,} values and {len(indices):,} track numbers")
    if not len(data):
        return
    low, high = (0 if indices.dtype.kind == "u" else indices.min()), indices.max()
    if low < 0 or high >= len(value_kinds):
        raise ValueError(
            f"region {region} has track numbers {low} to {high}; it has {len(value_kinds):,} tracks, numbered from 0"
        )
    smallest = data.min()  # undefined where one value is
    if data.dtype.kind == "f" and not (np.isfinite(smallest) and np.isfinite(data.max())):
        raise ValueError(f"values of region {region} are undefined or infinite")
    if smallest < 0:
        may_be_negative = np.isin(value_kinds.astype(str), SIGNED_KINDS)
        if (data[~may_be_negative[indices]] < 0).any():
            raise ValueError(f"bases of region {region} are negative")
