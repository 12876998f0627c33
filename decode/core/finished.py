"""Finished pieces of a long computation, kept one file each, so that the same command goes on where it was killed."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from decode.core.files import check_output_folder, versions, write_json

logger = logging.getLogger(__name__)


def content_hash(parts: Iterable[np.ndarray | str]) -> str:
    """SHA-256 of arrays and texts in their order, as 64 hex digits; shape and type of an array count.

    Examples
    --------
    >>> content_hash(["a", np.arange(2)]) == content_hash(["a", np.arange(2)])
    True
    >>> content_hash(["a", np.arange(2)]) == content_hash(["a", np.arange(2.0)])
    False
    """
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            digest.update(f"text {len(part)} {part}".encode())
        elif part.dtype.kind in "OUT":  # objects have addresses, not bytes
            digest.update(f"strings {part.shape} ".encode() + json.dumps([str(item) for item in part.ravel()]).encode())
        else:
            digest.update(f"array {part.dtype} {part.shape}".encode())
            digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()


class FinishedRuns:
    """A folder with one JSON file for each finished run.

    Parameters
    ----------
    folder : path or None
        Created with its parent when the first run is finished; the parent of both must exist. None keeps nothing.

    Raises
    ------
    FileNotFoundError, FileExistsError, PermissionError
        If the folder cannot be used.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     runs = FinishedRuns(folder)
    ...     runs.save("full_seed_0", "what was run", {"spearman": [0.5]})
    ...     runs.load("full_seed_0", "what was run")
    {'spearman': [0.5]}
    """

    def __init__(self, folder: str | Path | None) -> None:
        self.folder = None if folder is None else Path(folder)
        if self.folder is not None:
            check_output_folder(self.folder if self.folder.parent.exists() else self.folder.parent)

    def load(self, name: str, signature: str) -> dict[str, Any] | None:
        """What `save` kept under this name, or None.

        Parameters
        ----------
        name : str
        signature : str
            Text that two runs share exactly when they compute the same thing.

        Returns
        -------
        dict or None
            Undefined numbers come back as None.

        Raises
        ------
        ValueError
            If the file is damaged or belongs to a run with another signature.
        """
        path = self._path(name)
        if path is None or not path.exists():
            return None
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            found, record = stored["signature"], stored["record"]
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"finished run {path} is damaged ({error!r}); remove it to compute it again") from error
        if found != signature:
            raise ValueError(
                f"finished run {path} belongs to a run with other data or options; remove {path.parent} or choose "
                "another --out"
            )
        logger.info("%s: finished before, reused", name)
        return dict(record)

    def save(self, name: str, signature: str, record: dict[str, Any]) -> None:
        """Keep what a finished run found, atomically, with the versions it was computed with."""
        path = self._path(name)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json({"signature": signature, "versions": versions(), "record": record}, path)

    def _path(self, name: str) -> Path | None:
        return None if self.folder is None else self.folder / f"{name}.json"


def file_name(text: str) -> str:
    """The text with everything but letters, digits, dots and hyphens turned into underscores.

    Examples
    --------
    >>> file_name("Brain - Cortex (BA9)")
    'Brain_-_Cortex__BA9_'
    """
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter in ".-") else "_" for letter in text)
