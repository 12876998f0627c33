"""Write what a run found: all files or none, with a record of what was run and which files belong to it.

A folder of results holds its record as run.json; a single file (or a model bundle, which lists its own files) has it
beside it as NAME.run.json. A finished output is replaced on demand only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from decode.core.checks import check_choice, check_unique
from decode.core.files import (
    atomic_path,
    run_record,
    sha256_of,
    to_json,
    write_json,
    write_table,
)
from decode.core.output_places import check_not_input
from decode.core.outputs import OutputSet, accompanied, output_set
from decode.report.finished import NEXT, RECORD, UNFINISHED, check_free, files_of, is_whole, record_path

DPI = 150
FORMATS = (".png", ".pdf", ".svg")
BOTH = (".png", ".svg")  # of every figure in a folder of results
Content = pd.DataFrame | Figure | str | Callable[[Path], object]


class RunFiles(NamedTuple):
    """Files of a run by name, as `write_run` takes them.

    Attributes
    ----------
    tables, figures, numbers : dict
    """

    tables: dict[str, pd.DataFrame]
    figures: dict[str, Figure]
    numbers: dict[str, Any]

    def with_files(self, other: RunFiles) -> RunFiles:
        """These files and those of another part of the same run."""
        return RunFiles(self.tables | other.tables, self.figures | other.figures, self.numbers | other.numbers)


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure as PNG (150 dpi), PDF or SVG by its suffix, atomically; equal figures give equal bytes.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    path : str or Path
        File to write.

    Raises
    ------
    ValueError
        If the suffix is another.
    """
    path = Path(path)
    check_choice("figure suffix", path.suffix.lower(), FORMATS)
    form = path.suffix.lower()[1:]
    stamp = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}[form]
    with atomic_path(path) as temporary, matplotlib.rc_context({"svg.hashsalt": "decode"}):
        figure.savefig(temporary, dpi=DPI, format=form, facecolor="white", bbox_inches="tight", metadata=stamp)


def write_run(
    out: str | Path,
    kind: str,
    *,
    tables: Mapping[str, pd.DataFrame] | None = None,
    figures: Mapping[str, Figure] | None = None,
    numbers: Mapping[str, Any] | None = None,
    texts: Mapping[str, str | Callable[[Path], object]] | None = None,
    record: Mapping[str, Any] | None = None,
    force: bool = False,
    outputs: OutputSet | None = None,
) -> list[Path]:
    """Write the files of a run into a folder, all of them or none, and run.json, which lists them.

    The folder is made beside its place and takes it in one step: whoever kills the run leaves the old one or the new.

    Parameters
    ----------
    out : str or Path
        Folder; created if needed, its parent must exist. Files in it that are not of this run stay.
    kind : str
        What was run, such as "drivers".
    tables : mapping of file name to pd.DataFrame, optional
        Tab-separated, without the row index, undefined numbers empty; gzip where the name ends in .gz. A table whose
        name ends in .bed has no header.
    figures : mapping of name without suffix to matplotlib.figure.Figure, optional
        Each is written as PNG and as SVG.
    numbers : mapping of file name to JSON-ready value, optional
        Undefined numbers become null.
    texts : mapping of file name to str or function of a path, optional
        Any other file or folder: its text, or what writes it.
    record : mapping, optional
        What was run, see `decode.core.files.run_record`; further keys are kept.
    force : bool, default False
        Replace a finished run; files of it that this run does not have are removed.
    outputs : OutputSet, optional
        What else is put in place together with this folder; the caller ends it.

    Returns
    -------
    list of Path
        The files written, in alphabetical order, with run.json.

    Raises
    ------
    FileExistsError
        If the folder holds a finished run and `force` is false, or the name belongs to a file.
    ValueError
        If two files bear the same name.
    FileNotFoundError, PermissionError
        If the folder cannot be used.
    OSError
        If the disk is full.

    Examples
    --------
    >>> from decode.report.files import write_run
    >>> write_run("result", "demo", tables={"a.tsv": table}, numbers={"n.json": {"n": 3}})  # doctest: +SKIP
    """
    out = Path(out)
    contents: list[tuple[str, Content]] = [*(tables or {}).items(), *(texts or {}).items()]
    contents += [(f"{name}{suffix}", figure) for name, figure in (figures or {}).items() for suffix in BOTH]
    contents += [(name, to_json(value)) for name, value in (numbers or {}).items()]
    check_unique("file names of a run", [name for name, _ in contents] + [RECORD])
    if (out / RECORD).exists() and not force:
        raise FileExistsError(f"{out} holds a finished result; {NEXT}")
    if outputs is None:
        with output_set(out) as outputs:
            return _write_folder(out, kind, contents, record, outputs)
    return _write_folder(out, kind, contents, record, outputs)


def _write_folder(
    out: Path,
    kind: str,
    contents: list[tuple[str, Content]],
    record: Mapping[str, Any] | None,
    outputs: OutputSet,
) -> list[Path]:
    folder = outputs.folder(out, own=_own_names(out / RECORD))
    files: dict[str, Any] = {}
    for name, content in sorted(contents, key=lambda item: item[0]):
        _write(content, folder / name, name)
        files |= _entries(folder / name, content, name)
    write_json(_with_files(kind, record, files), folder / RECORD)
    return [out / name for name in sorted([*files, RECORD])]


def write_files(
    kind: str,
    files: Mapping[Path, Content],
    *,
    record: Mapping[str, Any] | None = None,
    force: bool = False,
    outputs: OutputSet | None = None,
) -> list[Path]:
    """Write a result that is a single file (and those that belong to it), and NAME.run.json beside it; all or none.

    Files that an earlier result of this name had, and this one does not, go, unless they were changed since.

    Parameters
    ----------
    kind : str
        What was run, such as "predict".
    files : mapping of Path to pd.DataFrame, Figure, str or function of a path
        What to write; the first names the record.
    record : mapping, optional
        See `write_run`.
    force : bool, default False
        Replace files that exist.
    outputs : OutputSet, optional
        What else is put in place together with these files; the caller ends it.

    Returns
    -------
    list of Path
        The files written; the record is the last.

    Raises
    ------
    FileExistsError
        If a file exists and `force` is false.
    FileNotFoundError, PermissionError, IsADirectoryError, OSError
        If a file cannot be written.
    """
    for path in files:
        check_free(path, force=force)
    inputs = _inputs_of(record)
    for path in files:
        check_not_input(path, inputs, "output")
    if outputs is None:
        with output_set(next(iter(files))) as outputs:
            return write_files(kind, files, record=record, force=True, outputs=outputs)
    record_file = record_path(next(iter(files)), beside=True)
    entries: dict[str, Any] = {}
    for path, content in files.items():
        temporary = outputs.file(path)
        _write(content, temporary, path.name)
        entries |= _entries(temporary, content, _relative(path, record_file.parent))
    earlier = files_of(record_file)
    gone = [record_file.parent / name for name in set(earlier) - set(entries)]
    outputs.remove(path for path in gone if is_whole(path, earlier[_relative(path, record_file.parent)]))
    outputs.file(record_file).write_text(to_json(_with_files(kind, record, entries)), encoding="utf-8")
    return [*files, record_file]


def write_folder(
    out: str | Path,
    kind: str,
    write: Callable[[Path], object],
    *,
    record: Mapping[str, Any],
    own: Iterable[str] = (),
    listed: Iterable[str] | None = None,
) -> list[Path]:
    """Write a folder that lists its own files, such as a model, and NAME.run.json beside it; both or neither.

    Parameters
    ----------
    out : str or Path
        Folder. Files of an earlier result in it go; those of others stay.
    kind : str
    write : callable
        Gets an empty folder and fills it.
    record : mapping
        See `write_run`.
    own : iterable of str, optional
        Names of earlier files that go, besides those that the record lists.
    listed : iterable of str, optional
        Names of the files that the record lists; default all.

    Returns
    -------
    list of Path
        The files that the record lists, and the record.

    Raises
    ------
    FileNotFoundError, FileExistsError, PermissionError, OSError
        If it cannot be written.
    """
    out = Path(out)
    record_file = record_path(out, beside=True)
    with output_set(out) as outputs:
        folder = outputs.folder(out, own={*own, *(Path(name).name for name in files_of(record_file))})
        write(folder)
        names = sorted(path.name for path in folder.iterdir()) if listed is None else list(listed)
        entries: dict[str, Any] = {}
        for name in names:
            entries |= _entries(folder / name, partial(str), _relative(out / name, record_file.parent))
        outputs.file(record_file).write_text(to_json(_with_files(kind, record, entries)), encoding="utf-8")
    return [*(out / name for name in names), record_file]


def write_record(out: str | Path, kind: str, paths: Iterable[Path], *, record: Mapping[str, Any]) -> Path:
    """Write NAME.run.json beside an output that is written already: a streamed file, or a model bundle.

    Parameters
    ----------
    out : str or Path
        The output that the record belongs to.
    kind : str
    paths : iterable of Path
        Files of the result.
    record : mapping
        See `write_run`.

    Returns
    -------
    Path
        The record.
    """
    path = record_path(out, beside=True)
    entries = {_relative(file, path.parent): {"sha256": sha256_of(file), "what": "file"} for file in paths}
    write_json(_with_files(kind, record, entries), path)
    return path


@contextmanager
def recorded(out: str | Path, kind: str, *, record: Mapping[str, Any], finished: bool = True) -> Iterator[None]:
    """Put NAME.run.json in place together with an output file that is written inside, so that neither is without it.

    Parameters
    ----------
    out : str or Path
        The output.
    kind : str
    record : mapping
        See `write_run`.
    finished : bool, default True
        False where other files of the result follow: the record says that the run is not over, so that the same
        command does not take it for finished, until `write_record` replaces it.
    """
    path = record_path(out, beside=True)

    def text(temporary: Path) -> str:
        entries = {_relative(Path(out), path.parent): _entry(temporary, partial(str))}
        content = _with_files(kind, record, entries)
        return to_json(content if finished else content | {UNFINISHED: True})

    with accompanied(out, path, text):
        yield


def with_counts(record: Mapping[str, Any] | None, counts: Mapping[str, Any]) -> dict[str, Any]:
    """A record with the counts of a result: what was kept, and what was not."""
    return {**(run_record() if record is None else record), "counts": dict(counts)}


def _with_files(kind: str, record: Mapping[str, Any] | None, files: Mapping[str, Any]) -> dict[str, Any]:
    record = run_record() if record is None else record
    options = record.get("options") or {}
    seeds = {name: value for name, value in options.items() if name in ("seed", "seeds")}
    return {"kind": kind, **record, "seeds": seeds, "files": dict(files)}


def _own_names(record_file: Path) -> set[str]:
    """Names of the files and folders of a finished run in its folder, its record among them."""
    return {Path(name).parts[0] for name in files_of(record_file) if not Path(name).is_absolute()} | {RECORD}


def _inputs_of(record: Mapping[str, Any] | None) -> list[tuple[str, Path]]:
    inputs = (record or {}).get("inputs") or {}
    return [(name, Path(entry["path"])) for name, entry in inputs.items()]


def _relative(path: Path, folder: Path) -> str:
    """The name of a file as its record lists it: from the record's folder where it lies there."""
    path, folder = path.absolute(), folder.absolute()
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.as_posix()


def _write(content: Content, path: Path, name: str) -> None:
    if isinstance(content, pd.DataFrame):
        write_table(content, path, header=not name.endswith((".bed", ".bed.gz")))
    elif isinstance(content, Figure):
        save_figure(content, path)
    elif isinstance(content, str):
        with atomic_path(path) as temporary:
            temporary.write_text(content, encoding="utf-8")
    else:
        content(path)


def _entries(path: Path, content: Content, name: str) -> dict[str, Any]:
    """What the record says of a file, or of every file of a folder, by the name that it will have."""
    if path.is_dir():
        below = sorted(file for file in path.rglob("*") if file.is_file())
        return {f"{name}/{file.relative_to(path).as_posix()}": _entry(file, content) for file in below}
    return {name: _entry(path, content)}


def _entry(path: Path, content: Content) -> dict[str, Any]:
    what = "figure" if isinstance(content, Figure) else "numbers" if path.name.endswith(".json") else "file"
    if isinstance(content, pd.DataFrame):
        what = f"table of {len(content)} rows and {content.shape[1]} columns"
    return {"sha256": sha256_of(path), "what": what}
