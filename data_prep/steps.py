"""What every script does around its conversion: options, download, checks, manifest; a finished step is left alone."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data_prep.sources import TABLE, Obtained, Source, check_least, first_lines, obtain, source
from decode.core.checks import check_count
from decode.core.files import read_json_object, sha256_of, staged_folder, versions, write_json

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Request:
    """What is wanted of a source.

    Attributes
    ----------
    kind, name : str
        See `data_prep.sources`.
    out : Path
        Folder for the converted files and manifest.json.
    folder, cache : Path, optional
        Where files are already, and where fetched ones go.
    addresses : dict of str to str
        Addresses by role that stand for those of sources.json.
    limit : int, optional
        Lines of each file to take.
    options : dict
        Of the conversion.
    """

    kind: str
    name: str
    out: Path
    folder: Path | None = None
    cache: Path | None = None
    addresses: dict[str, str] = field(default_factory=dict)
    limit: int | None = None
    options: dict[str, Any] = field(default_factory=dict)


Convert = Callable[[Source, dict[str, Path], Path, dict[str, Any]], dict[str, int]]


def prepare(request: Request, convert: Convert) -> dict[str, Any]:
    """Fetch the files of a source, convert them, and write the manifest; what was done before is not done again.

    Parameters
    ----------
    request : Request
    convert : callable
        Takes the source, its files by role, the folder to write to and the options; returns counts.

    Returns
    -------
    dict
        The manifest: source, what, licence, build, time, inputs (origin, size, sha256), counts, files (size, sha256).

    Raises
    ------
    FileNotFoundError, ValueError, OSError
        If a file cannot be had, is not what it should be, or cannot be written; nothing is left then.
    """
    found = source(request.kind, request.name)
    if request.limit is not None:
        check_count("--limit", request.limit)
    got = {
        role: obtain(found, role, folder=request.folder, addresses=request.addresses, cache=request.cache)
        for role in found.files
    }
    asked = {
        "source": f"{found.kind}/{found.name}",
        "limit": request.limit,
        "options": {key: str(value) for key, value in request.options.items() if value is not None},
        "inputs": {
            role: {"origin": item.origin, "size": item.size, "sha256": item.sha256} for role, item in got.items()
        },
    }
    if (finished := _finished(request.out, asked)) is not None:
        return finished
    with staged_folder(request.out) as staged:
        counts = convert(found, _sliced(got, request.limit, staged), staged, request.options)
        for slice_ in staged.glob("slice_*"):
            slice_.unlink()
        if request.limit is None:
            check_least(found, counts)
        files = {
            path.name: {"size": path.stat().st_size, "sha256": sha256_of(path)} for path in sorted(staged.iterdir())
        }
        manifest = asked | {
            "what": found.what,
            "licence": found.licence,
            "build": request.options.get("build") or found.build,
            "time_utc": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": versions(),
            "counts": counts,
            "files": files,
        }
        write_json(manifest, staged / MANIFEST)
    return manifest


def _sliced(got: dict[str, Obtained], limit: int | None, folder: Path) -> dict[str, Path]:
    if limit is None:
        return {role: item.path for role, item in got.items()}
    return {
        role: first_lines(item.path, limit, folder / f"slice_{item.path.name.removesuffix('.gz')}")
        for role, item in got.items()
    }


def _finished(folder: Path, asked: dict[str, Any]) -> dict[str, Any] | None:
    """The manifest of an earlier run with the same inputs and options whose files are all there, unaltered."""
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        manifest = read_json_object(path, "manifest")
        same = all(manifest.get(key) == json.loads(json.dumps(value)) for key, value in asked.items())
        whole = all(sha256_of(folder / name) == item["sha256"] for name, item in manifest["files"].items())
    except (ValueError, OSError, KeyError, TypeError):
        return None
    return manifest if same and whole else None


def run(
    kind: str,
    convert: Convert,
    arguments: Sequence[str] | None,
    *,
    add_options: Callable[[argparse.ArgumentParser], None] | None = None,
) -> int:
    """The command line of one script; exit status 2 with a sentence where something fails."""
    parser = argparse.ArgumentParser(prog=f"python -m data_prep.{kind}", description=convert.__doc__)
    parser.add_argument("source", choices=sorted(TABLE[kind]))
    parser.add_argument("--out", type=Path, required=True, help="folder for the converted files and manifest.json")
    add_common(parser)
    if add_options is not None:
        add_options(parser)
    chosen = vars(parser.parse_args(arguments))
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        request = Request(
            kind,
            chosen.pop("source"),
            chosen.pop("out"),
            folder=chosen.pop("folder"),
            cache=chosen.pop("cache"),
            addresses=pairs(chosen.pop("address")),
            limit=chosen.pop("limit"),
            options=chosen,
        )
        manifest = prepare(request, convert)
    except (ValueError, OSError, KeyError) as error:
        sys.stderr.write(f"{error.args[0] if isinstance(error, KeyError) else error}\n")
        return 2
    sys.stdout.write(f"{request.out}: {', '.join(f'{value:,} {key}' for key, value in manifest['counts'].items())}\n")
    return 0


def add_common(parser: argparse.ArgumentParser) -> None:
    """The options of every script."""
    parser.add_argument("--from", dest="folder", type=Path, help="folder with the files, already downloaded")
    parser.add_argument("--cache", type=Path, help="folder for downloads; default: the cache of decode")
    parser.add_argument("--address", action="append", default=[], metavar="ROLE=URL", help="where a file is now")
    parser.add_argument("--limit", type=int, help="take the first lines of each file only, to try the script")


def pairs(values: Sequence[str]) -> dict[str, str]:
    """ROLE=URL arguments; ValueError where one is not of that form."""
    wrong = [value for value in values if "=" not in value]
    if wrong:
        raise ValueError(f"--address is {wrong[0]!r}; write ROLE=URL")
    return {key: rest for key, _, rest in (value.partition("=") for value in values)}
