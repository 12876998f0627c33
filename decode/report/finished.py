"""Finished outputs: where the record of a run lies, and whether it is that of the run that is asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from decode.core.files import read_json_object, sha256_of, to_json
from decode.core.output_places import check_name

RECORD = "run.json"
PACKAGE = "decode-expression"
UNFINISHED = "unfinished"  # in a record: the run was not over
NEXT = "give --force to replace it, or choose another --out"


def record_path(out: str | Path, *, beside: bool = False) -> Path:
    """Where the record of an output lies: in the folder, or beside a file or a model bundle.

    Examples
    --------
    >>> record_path("a/result").as_posix(), record_path("a/targets.tsv.gz", beside=True).as_posix()
    ('a/result/run.json', 'a/targets.tsv.gz.run.json')
    """
    out = Path(out)
    if not beside:
        return out / RECORD
    check_name(out, f".{RECORD}")
    return out.with_name(f"{out.name}.{RECORD}")


def check_free(path: str | Path, *, force: bool = False) -> None:
    """Refuse to replace a file, or a folder that holds something.

    Raises
    ------
    FileExistsError
        If there is one and `force` is false.
    """
    path = Path(path)
    if not force and _holds_something(path):
        raise FileExistsError(f"{path} exists; {NEXT}")


def finished_already(
    out: str | Path, kind: str, record: Mapping[str, Any], *, force: bool = False, beside: bool = False
) -> bool:
    """Whether an output holds the result of the same run; asked before the work begins.

    Parameters
    ----------
    out : str or Path
        Folder, file or model bundle that would be written.
    kind : str
        What is to be run.
    record : mapping
        Of this run, see `decode.core.files.run_record`. Options, hashes of the inputs and the version of decode are
        compared; the names of the inputs and the time are not.
    force : bool, default False
        Replace what is there: the answer is no.
    beside : bool, default False
        Whether the record lies beside the output.

    Returns
    -------
    bool
        True where the output is finished, whole and the same; False where nothing is finished, or where the same run
        was killed before its last file.

    Raises
    ------
    FileExistsError
        If another finished result is there, or a file without a record.
    """
    out, path = Path(out), record_path(out, beside=beside)
    if force or (beside and not _holds_something(out)):
        return False
    if not path.exists():
        if beside:
            raise FileExistsError(f"{out} exists, without a record of what it is; {NEXT}")
        return False
    differences = _differences(read_json_object(path, "run record"), json.loads(to_json({"kind": kind, **record})))
    changed = [name for name, entry in files_of(path).items() if not is_whole(path.parent / name, entry)]
    if changed and not differences:
        differences = [f"files that were changed or removed since ({', '.join(changed[:5])})"]
    if differences:
        raise FileExistsError(f"{out} holds a finished result with {' and '.join(differences)}; {NEXT}")
    return not (beside and is_unfinished(out))


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """In what a finished run differs from the one that is asked for."""
    if old.get("kind") != new["kind"]:
        return [f"another kind of run ({old.get('kind') or 'unknown'}, not {new['kind']})"]
    found = []
    options = _unequal(old.get("options"), new.get("options"))
    if options:
        was, now = old.get("options") or {}, new.get("options") or {}
        shown = [f"{name} {was.get(name)!r}, not {now.get(name)!r}" for name in options[:3]]
        found.append(f"other options ({'; '.join(shown)})")
    inputs = _unequal(*({k: v.get("sha256") for k, v in (r.get("inputs") or {}).items()} for r in (old, new)))
    if inputs:
        found.append(f"other inputs ({', '.join(inputs[:5])})")
    versions = [(record.get("versions") or {}).get(PACKAGE) for record in (old, new)]
    if versions[0] != versions[1]:
        found.append(f"another version of decode ({versions[0]}, not {versions[1]})")
    return found


def _unequal(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> list[str]:
    old, new = old or {}, new or {}
    return [name for name in dict.fromkeys([*new, *old]) if old.get(name) != new.get(name)]


def is_unfinished(out: str | Path) -> bool:
    """Whether a run with this output was killed before all files of its result were written."""
    path = record_path(out, beside=True)
    return path.is_file() and bool(read_json_object(path, "run record").get(UNFINISHED))


def files_of(record_file: Path) -> dict[str, Any]:
    """What a record says of its files, by name; empty where there is no record."""
    files = read_json_object(record_file, "run record").get("files") if record_file.is_file() else None
    return files if isinstance(files, dict) else {}


def is_whole(path: Path, entry: Any) -> bool:
    """Whether a file is there and as its record says."""
    return path.is_file() and isinstance(entry, dict) and sha256_of(path) == entry.get("sha256")


def _holds_something(path: Path) -> bool:
    return any(path.iterdir()) if path.is_dir() else path.exists()
