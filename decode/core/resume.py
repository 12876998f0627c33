"""Going on after a kill: finished pieces of a long computation lie in a work folder beside its output.

One rule for all: the folder of OUT is OUT.work, every piece carries the signature of its run (a text that two runs
share exactly when they compute the same thing), a piece of another run is refused, one run at a time works in a folder
(`at_work`), and the folder goes when the result is whole.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from decode.core.checks import listed
from decode.core.executor import get_executor
from decode.core.files import check_output_folder, versions, write_json
from decode.core.output_places import check_name
from decode.core.output_recovery import temporary_name
from decode.core.watched import watched
from decode.core.work_lock import LOCK, WorkFolderInUseError, own

logger = logging.getLogger(__name__)

Content = TypeVar("Content")
MARK = "decode-work.txt"  # tells our folders from those of others, which are never removed
MARK_TEXT = "Finished pieces of a run of decode that is not over. Give the same command again to go on from them.\n"
READ_ERRORS = (ValueError, TypeError, KeyError, OSError, EOFError, RuntimeError, zipfile.BadZipFile)


def work_folder(out: str | Path) -> Path:
    """Name of the folder that keeps the finished pieces of a run with this output.

    Parameters
    ----------
    out : path
        File or folder that the run writes.

    Returns
    -------
    Path
        OUT.work; nothing is created.

    Raises
    ------
    FileNotFoundError, FileExistsError, PermissionError, ValueError
        If the folder cannot be used, or is not empty and somebody else's.

    Examples
    --------
    >>> work_folder("null.nc").name
    'null.nc.work'
    """
    out = Path(out)
    check_name(out, ".work")
    return check_work_folder(out.with_name(f"{out.name}.work"))


def check_work_folder(folder: str | Path) -> Path:
    """Say early that a folder cannot keep finished pieces; it may exist or be created later (its parent must exist).

    Raises
    ------
    FileNotFoundError, FileExistsError, PermissionError
        If the folder cannot be used, or is not empty and somebody else's.
    """
    folder = check_output_folder(folder)
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MARK).exists():
        raise FileExistsError(
            f"{folder} is where finished pieces would be kept, and it holds files of others; move them or choose "
            "another --out"
        )
    return folder


def make_work_folder(folder: str | Path) -> Path:
    """Create a work folder (its parent must exist) or go on with it; raises as `check_work_folder`."""
    folder = check_work_folder(folder)
    folder.mkdir(exist_ok=True)
    (folder / MARK).write_text(MARK_TEXT, encoding="utf-8")
    return folder


@contextmanager
def at_work(folder: str | Path | None) -> Iterator[Path | None]:
    """Be the only run at work in a work folder, which is made where it is absent; at the end an unused one goes.

    Parameters
    ----------
    folder : path or None
        None: nothing is kept, and nothing happens. A process may take its own folder again, and the workers of a run
        use the folders in its work folder.

    Yields
    ------
    Path or None

    Raises
    ------
    WorkFolderInUseError
        An OSError that names the process that is at work there, if there is one.
    FileNotFoundError, FileExistsError, PermissionError
        If the folder cannot be used, or is not empty and somebody else's.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with at_work(Path(folder) / "null.nc.work") as work:
    ...         sorted(path.name for path in work.iterdir())
    ['decode-work.txt', 'owner.json']
    """
    if folder is None:
        yield None
        return
    folder = make_work_folder(folder).resolve()  # a worker of a cluster may run in another working folder
    try:
        with own(folder):
            yield folder
    finally:
        _remove_unused(folder)


def remove_work_folder(folder: str | Path) -> None:
    """Remove a work folder once the result is whole; a folder that we did not make stays."""
    folder = Path(folder)
    if not (folder / MARK).exists():
        return
    aside = temporary_name(folder, "part")
    with suppress(OSError):
        folder.rename(aside)  # whoever comes next makes a new one
        shutil.rmtree(aside, ignore_errors=True)


def remove_spent_pieces(out: str | Path, record: Path) -> None:
    """Remove the work folder of a finished result whose run was killed before it could; newer pieces stay.

    Parameters
    ----------
    out : path
        The finished output.
    record : Path
        Its record, the last that was put in place: pieces that are newer belong to another run, which is not over.
    """
    folder = Path(out).with_name(f"{Path(out).name}.work")
    if not (folder / MARK).exists() or not record.is_file():
        return
    ended = record.stat().st_mtime_ns
    if all(path.stat().st_mtime_ns <= ended for path in folder.rglob("*") if path.name not in (MARK, LOCK)):
        with suppress(WorkFolderInUseError), own(folder):
            remove_work_folder(folder)


def _remove_unused(folder: Path) -> None:
    if folder.is_dir() and {item.name for item in folder.iterdir()} == {MARK}:
        shutil.rmtree(folder, ignore_errors=True)


def load_piece(path: Path, signature: str, read: Callable[[Path], tuple[str, Content]]) -> Content | None:
    """What a finished piece holds; every kind of piece is read through here.

    Parameters
    ----------
    path : Path
    signature : str
        Of the run that asks.
    read : callable
        Gives signature and content of the file.

    Returns
    -------
    anything, or None
        None where the piece is not finished.

    Raises
    ------
    ValueError
        If the file is damaged or belongs to a run with another signature.
    """
    if not path.exists():
        return None
    try:
        found, content = read(path)
    except READ_ERRORS as error:
        raise ValueError(f"finished piece {path} is damaged ({error!r}); remove it to compute it again") from error
    if found != signature:
        raise ValueError(
            f"finished piece {path} belongs to a run with other {_differing(found, signature)}; remove {path.parent} "
            "or choose another --out"
        )
    return content


def _differing(found: str, wanted: str) -> str:
    """Names of what differs, where the signatures are JSON objects."""
    try:
        theirs, ours = json.loads(found), json.loads(wanted)
        return listed(name for name in ours if theirs.get(name) != ours[name])
    except (ValueError, AttributeError, TypeError):
        return "data or options"


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
    """A work folder with one JSON file for each finished run.

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
            if self.folder.parent.exists():
                check_work_folder(self.folder)
            else:
                check_output_folder(self.folder.parent)

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
        if self.folder is None:
            return None
        found = load_piece(self.folder / f"{name}.json", signature, _read_json)
        if found is not None:
            logger.info("%s: finished before, reused", name)
        return found

    def save(self, name: str, signature: str, record: dict[str, Any]) -> None:
        """Keep what a finished run found, atomically, with the versions it was computed with."""
        if self.folder is not None:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            piece = {"signature": signature, "versions": versions(), "record": record}
            write_json(piece, make_work_folder(self.folder) / f"{name}.json")


def _read_json(path: Path) -> tuple[str, dict[str, Any]]:
    stored = json.loads(path.read_text(encoding="utf-8"))
    return stored["signature"], dict(stored["record"])


def finish_runs(
    plans: Mapping[str, Any],
    run: Callable[[Any], dict[str, Any]],
    store: FinishedRuns,
    signature: str,
    *,
    executor: Any = "serial",
    on_run: Callable[[str, bool], None] | None = None,
) -> dict[str, dict[str, Any]]:
    """Do what is not finished yet, keep each result as it comes, and give all of them back.

    Parameters
    ----------
    plans : mapping of name to anything
        What `run` is called with. The name and the plan belong to the signature of a run.
    run : callable
        Gives a JSON-ready dictionary.
    store : FinishedRuns
    signature : str
        What all runs share: data and options.
    executor : str, distributed.Client or Executor
        Where runs are done; a run is one task.
    on_run : callable, optional
        Called after each run with its name and whether it was finished before.

    Returns
    -------
    dict of name to dict
        In the order of the plans.

    Raises
    ------
    ValueError
        If a finished run of that name was made from other data or options.
    """
    if store.folder is not None:
        store.folder.parent.mkdir(exist_ok=True)
    with at_work(store.folder):
        return _finish_runs(plans, run, store, signature, executor, on_run)


def _finish_runs(
    plans: Mapping[str, Any],
    run: Callable[[Any], dict[str, Any]],
    store: FinishedRuns,
    signature: str,
    executor: Any,
    on_run: Callable[[str, bool], None] | None,
) -> dict[str, dict[str, Any]]:
    signatures = {name: f"{signature} {name} {plan}" for name, plan in plans.items()}
    found = {name: store.load(name, signatures[name]) for name in plans}
    results = {name: record for name, record in found.items() if record is not None}
    for name in results:
        _tell(on_run, name, True)
    pending = [name for name in plans if name not in results]
    computed: Iterable[dict[str, Any]] = get_executor(executor).map(run, [plans[name] for name in pending])
    for name, record in zip(pending, watched(computed, "runs", len(pending)), strict=True):
        store.save(name, signatures[name], record)
        results[name] = record
        _tell(on_run, name, False)
    return {name: results[name] for name in plans}


def _tell(on_run: Callable[[str, bool], None] | None, name: str, was_finished: bool) -> None:
    if on_run is not None:
        on_run(name, was_finished)
