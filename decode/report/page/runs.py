"""Finished runs, read from the records that `decode.report.files` leaves; every file is held against its hash."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import pandas as pd

from decode.core import records
from decode.core.checks import listed
from decode.core.files import open_text, sha256_of
from decode.report.finished import RECORD

TABLES = (".tsv", ".tsv.gz")
ADVICE = "run the command again with --force, or name another run"
LARGEST_TABLE = 256 * 2**20  # bytes; a page is no place for more
LARGEST_FIGURE = 8 * 2**20
LONGEST_TEXT = 200_000  # bytes
NAMES = (  # columns that hold names, also where all of them look like numbers
    "contrast",
    "regulator",
    "task",
    "gene",
    "gene_id",
    "gene_name",
    "partner",
    "sample",
    "term",
    "panel",
    "reference",
    "region",
    "biosample",
    "regulator_gene_id",
)
_CHECK = records.fields(
    {
        "kind": records.NAME,
        "command": records.items(records.text()),
        "time_utc": records.text(longest=100),
        "versions": records.mapping(records.text(longest=200), most=1000),
        "params": records.fields({"path": records.text()}, may_add=True),
        "inputs": records.mapping(records.fields({"path": records.text()}, may_add=True), most=10_000),
        "options": records.mapping(records.anything, most=10_000),
        "seeds": records.mapping(records.anything, most=100),
        "files": records.mapping(records.fields({"sha256": records.HASH, "what": records.text()}, may_add=True)),
    },
    may_lack=("command", "time_utc", "versions", "params", "inputs", "options", "seeds"),
    may_add=True,
)


class Run(NamedTuple):
    """A finished run.

    Attributes
    ----------
    name : str
        What it is called on the page.
    out : Path
        The output: a folder, a file or a model bundle.
    folder : Path
        Where the names of its files begin.
    record : dict
        Content of its record, checked.
    record_file : Path
    """

    name: str
    out: Path
    folder: Path
    record: dict[str, Any]
    record_file: Path

    @property
    def kind(self) -> str:
        """What was run, such as "drivers"."""
        return str(self.record["kind"])

    @property
    def files(self) -> dict[str, Any]:
        """Entries of its files by name."""
        return dict(self.record["files"])

    @property
    def options(self) -> dict[str, Any]:
        """Options of its command; an empty mapping where it has none."""
        return dict(self.record.get("options") or {})

    @property
    def counts(self) -> dict[str, Any]:
        """What it kept, and what it did not, where the record says so."""
        counts = self.record.get("counts")
        return dict(counts) if isinstance(counts, dict) else {}

    def named(self, *endings: str) -> list[str]:
        """Names of its files that end so."""
        return [name for name in self.files if name.endswith(endings)]

    def find(self, ending: str) -> str:
        """The first of its files that bears this name, or else ends so; empty where there is none."""
        found = self.named(ending)
        return next((name for name in found if PurePosixPath(name).name == ending), found[0] if found else "")

    def path(self, name: str) -> Path:
        """Where a file of it lies, after its hash was found to be that of the record.

        Raises
        ------
        FileNotFoundError
            If it is not there.
        ValueError
            If it was changed, or lies outside the run.
        """
        path = self.folder / name
        if not path.is_file():
            raise FileNotFoundError(f"{path} of the run {self.out} is missing; {ADVICE}")
        if sha256_of(path) != self.files[name]["sha256"]:
            raise ValueError(f"{path} was changed since the run {self.out} was finished; {ADVICE}")
        return path

    def table(self, name: str) -> pd.DataFrame | None:
        """A table of it; None where it has none of that name.

        Raises
        ------
        FileNotFoundError, ValueError
            As `path`; or if it is no table.
        """
        return read_run_table(self.path(name)) if name in self.files else None

    def numbers(self, name: str) -> dict[str, Any]:
        """Named numbers of it, from a JSON file; empty where it has none of that name."""
        if name not in self.files:
            return {}
        return records.read_json_record(self.path(name), "numbers", ADVICE)

    def rows(self, name: str) -> pd.DataFrame:
        """A list of named numbers of it, from a JSON file, as rows; none where it has none of that name.

        Raises
        ------
        ValueError
            If the file is another JSON value.
        """
        if name not in self.files:
            return pd.DataFrame()
        path = self.path(name)
        try:
            found = json.loads(path.read_bytes()) if path.stat().st_size <= records.MOST_BYTES else None
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise ValueError(f"{path} is no list of named numbers; {ADVICE}")
        return pd.DataFrame(found)

    def with_files(self, folder: str, hashes: dict[str, Any]) -> Run:
        """The run with the files that its bundle lists beside those of its record: name to SHA-256."""
        prefix = f"{folder}/" if folder else ""
        more = {f"{prefix}{name}": {"sha256": value, "what": "file"} for name, value in hashes.items()}
        return self._replace(record={**self.record, "files": {**more, **self.record["files"]}})

    def text(self, name: str) -> str:
        """A text of it, empty where it has none of that name; a long one is cut."""
        if name not in self.files:
            return ""
        with open_text(self.path(name), "text") as handle:
            return handle.read(LONGEST_TEXT)

    def figure(self, stem: str) -> tuple[bytes, bytes]:
        """PNG and SVG of a figure; empty where it has none, or a very large one."""
        return self._bytes(f"{stem}.png", b"\x89PNG\r\n"), self._bytes(f"{stem}.svg", b"<")

    def _bytes(self, name: str, start: bytes) -> bytes:
        if name not in self.files:
            return b""
        path = self.path(name)
        content = path.read_bytes() if path.stat().st_size <= LARGEST_FIGURE else b""
        if content and not content.lstrip().startswith(start):
            raise ValueError(f"{path} is no figure of that suffix; {ADVICE}")
        return content

    def figures(self) -> list[str]:
        """Names of its figures, without suffix."""
        return list(dict.fromkeys(name.rsplit(".", 1)[0] for name in self.named(".png", ".svg")))

    def input_path(self, name: str) -> Path | None:
        """Where an input of it lies, if it is still there and the same: from here, or from where the run lies."""
        entry = (self.record.get("inputs") or {}).get(name) or {}
        given = str(entry.get("path") or "")
        for path in (Path(given), self.folder / given, self.folder.parent / given):
            if path.is_file() and sha256_of(path) == entry.get("sha256"):
                return path
        return None


def read_run_table(path: Path, *, header: int | None = 0) -> pd.DataFrame:
    """A table that a run wrote: tab-separated, with a header unless that is None; one without text has no rows.

    Names stay texts, so that 01 and 1 are two of them.

    Raises
    ------
    ValueError
        If it is none, or larger than a page can take.
    """
    if path.stat().st_size > LARGEST_TABLE:
        raise ValueError(f"table {path} has {path.stat().st_size / 2**20:,.0f} MiB, more than a page can show")
    try:
        with open_text(path, "table") as handle:
            return pd.read_csv(
                handle,
                sep="\t",
                header=header,
                dtype=dict.fromkeys(NAMES, str),
                keep_default_na=False,
                na_values=[""],
                low_memory=False,
            )
    except pd.errors.EmptyDataError:
        return pd.DataFrame()
    except (ValueError, pd.errors.ParserError) as error:
        raise ValueError(f"table {path} cannot be read ({str(error)[:200]}); {ADVICE}") from error


def read_runs(given: Iterable[str | Path]) -> list[Run]:
    """Finished runs by their outputs.

    Parameters
    ----------
    given : iterable of str or Path
        Output of a run (folder, file or model bundle), or its record; NAME=OUTPUT gives it a name.

    Returns
    -------
    list of Run

    Raises
    ------
    FileNotFoundError, ValueError
        If one is no finished run, its record is damaged, or two have one name.
    """
    named = [_split(item) for item in given]
    if not named:
        raise ValueError("no run is named; give the --out of at least one finished command")
    runs = [read_run(path, name=name) for name, path in named]
    for number, run in enumerate(runs):
        for other in runs[:number]:
            if run.out.resolve() == other.out.resolve():
                raise ValueError(f"{run.out} is named twice; name each run once")
            if run.name == other.name:
                raise ValueError(
                    f"two runs are called {run.name!r} ({other.out}, {run.out}); give each a name of its own, "
                    f"such as second={run.out}"
                )
    return runs


def _split(item: str | Path) -> tuple[str, Path]:
    text = str(item)
    name, sign, path = text.partition("=")
    if sign and not isinstance(item, Path) and not Path(text).exists() and "/" not in name:
        if not name or not path:
            raise ValueError(f"{text!r} is no NAME=RUN; write for example first=results")
        return name, Path(path)
    return "", Path(text)


def read_run(out: str | Path, *, name: str = "") -> Run:
    """A finished run by its output.

    Raises
    ------
    FileNotFoundError
        If there is no such output.
    ValueError
        If it is no finished run, or its record is damaged.
    """
    out = Path(out)
    record_file, out = _record_file(out)
    record = records.read_json_record(record_file, "run record", ADVICE)
    try:
        _CHECK("run record", record)
    except ValueError as error:
        raise ValueError(f"{record_file} is no run record ({error}); {ADVICE}") from error
    folder = record_file.parent
    outside = [one for one in record["files"] if _leaves(one)]
    if outside:
        raise ValueError(f"{record_file} lists files outside its run ({listed(outside)}); {ADVICE}")
    return Run(name or out.resolve().name, out, folder, record, record_file)


def _leaves(name: str) -> bool:
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts or "\\" in name


def _record_file(out: Path) -> tuple[Path, Path]:
    """The record of an output, and the output; whichever of them was named."""
    if out.name == RECORD and out.is_file():
        return out, out.parent
    if out.name.endswith(f".{RECORD}") and out.is_file():
        return out, out.with_name(out.name.removesuffix(f".{RECORD}"))
    for record_file in (out / RECORD, out.with_name(f"{out.name}.{RECORD}")):
        if record_file.is_file():
            return record_file, out
    work = out.with_name(f"{out.name}.work")
    if work.exists():
        raise ValueError(f"{out} is not finished ({work} holds its pieces); give the same command again, which goes on")
    if not out.exists():
        raise FileNotFoundError(f"run {out} does not exist; name the --out of a finished command")
    what = f"has no {RECORD}" if out.is_dir() else f"has no {out.name}.{RECORD} beside it"
    raise ValueError(f"{out} is no finished run: it {what}; name the --out of a finished command")


def in_order(values: Iterable[Any]) -> list[Any]:
    """Values once each, as they first come."""
    return list(dict.fromkeys(values))


def flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Names and values of nested options, those that were not given left out.

    Examples
    --------
    >>> list(flat({"a": 1, "b": {"c": None, "d": ["x", "y"]}}))
    [('a', '1'), ('b.d', 'x, y')]
    """
    if isinstance(value, dict):
        for key, item in value.items():
            yield from flat(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        if value:
            yield name, ", ".join(str(item) for item in value)
    elif value is not None:
        yield name, json.dumps(value) if isinstance(value, bool) else str(value)
