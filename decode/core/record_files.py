"""The files that a stored record lists: inside its folder, with the right hash, tables of bounded size."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from decode.core.checks import listed
from decode.core.files import sha256_of

HISTORY_COLUMNS = ["member", "epoch", "train_loss", "validation_loss"]
MOST_TABLE_BYTES = 2**28  # unpacked


def check_files(folder: Path, hashes: Mapping[str, str], name: str, advice: str) -> None:
    """Every file of a list lies in the folder itself and has its hash; ValueError."""
    for file, expected in hashes.items():
        path = folder / file
        if path.is_symlink():
            raise ValueError(f"{path} is a link; a {name} holds its files itself: {advice}")
        if not path.is_file():
            raise ValueError(f"{name} {folder} lacks {file}; {advice}")
        if sha256_of(path) != expected:
            raise ValueError(f"{path} was altered: its hash does not match; {advice}")


def read_history(folder: Path, advice: str) -> pd.DataFrame:
    """The table of losses by epoch of a folder; ValueError where it holds no numbers."""
    path = folder / "history.tsv"
    history = read_record_table(path, HISTORY_COLUMNS, advice, is_text=False)
    if not all(pd.api.types.is_numeric_dtype(history[name].dtype) for name in HISTORY_COLUMNS):
        raise ValueError(f"{path} holds something else than numbers; {advice}")
    return history


def read_record_table(path: Path, columns: Sequence[str], advice: str, *, is_text: bool = True) -> pd.DataFrame:
    """A tab-separated table that lies beside a record, plain or gzip; ValueError where it is none or lacks a column.

    Parameters
    ----------
    path : Path
    columns : sequence of str
        That must be there.
    advice : str
    is_text : bool
        All cells are text, as they stand; otherwise numbers are read as such.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as handle:
            content = handle.read(MOST_TABLE_BYTES + 1)
        if len(content) > MOST_TABLE_BYTES:
            raise ValueError(f"more than {MOST_TABLE_BYTES:,} bytes")
        options: dict[str, Any] = {"dtype": str, "keep_default_na": False} if is_text else {}
        table: pd.DataFrame = pd.read_csv(io.BytesIO(content), sep="\t", **options)
    except (ValueError, OSError, EOFError, zlib.error, OverflowError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise ValueError(f"{path} is no table or damaged ({reason}); {advice}") from error
    if not set(columns) <= set(table.columns):
        raise ValueError(f"{path} has the columns {listed(table.columns)}; {listed(columns)} are wanted: {advice}")
    return table
