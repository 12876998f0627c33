"""Public sources by kind and name: addresses, builds and licences in sources.json, and the way to their files."""

from __future__ import annotations

import itertools
import json
import logging
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from decode.core.checks import check_named, listed
from decode.core.chunks import line_chunks
from decode.core.files import atomic_path, sha256_of
from decode.registry.download import download
from decode.registry.store import cache_folder

logger = logging.getLogger(__name__)

TABLE: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("sources.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Source:
    """A public source.

    Attributes
    ----------
    kind, name : str
        annotation, tf_sites, ... and the release.
    what, licence : str
    build : str or None
    files : dict of str to (str or None)
        Address by role; None where the file is not to be had by one address.
    names : dict of str to str
        File name by role, where it is not the end of the address.
    options : dict
        How its sites are read.
    least : dict of str to int
        Fewest genes, sites, ... of a whole file.
    """

    kind: str
    name: str
    what: str
    licence: str
    build: str | None
    files: dict[str, str | None]
    names: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    least: dict[str, int] = field(default_factory=dict)

    def file_name(self, role: str) -> str:
        """How the file of a role is called on disk."""
        return self.names.get(role) or str(self.files[role]).rpartition("/")[2]


@dataclass(frozen=True)
class Obtained:
    """A file of a source, on disk.

    Attributes
    ----------
    path : Path
    origin : str
        Its address, or the path that it was taken from.
    size : int
    sha256 : str
    """

    path: Path
    origin: str
    size: int
    sha256: str


def source(kind: str, name: str) -> Source:
    """A source of the table.

    Raises
    ------
    KeyError
        If there is none of that name.
    """
    check_named(f"{kind.replace('_', ' ')} source", [name], list(TABLE[kind]), "data_prep/sources.json")
    return Source(kind, name, **TABLE[kind][name])


def obtain(
    found: Source,
    role: str,
    *,
    folder: Path | None = None,
    addresses: Mapping[str, str] | None = None,
    cache: Path | None = None,
) -> Obtained:
    """The file of a role: from a folder, or fetched once into the cache (resumed where it was cut).

    Parameters
    ----------
    found : Source
    role : str
    folder : Path, optional
        Where files lie that are already here; the name is the one of the address, zipped or not.
    addresses : mapping of str to str, optional
        Addresses by role that stand for those of the table.
    cache : Path, optional
        Default: `decode.registry.store.cache_folder` / sources.

    Returns
    -------
    Obtained
        A zip archive is unpacked into the cache; it must hold one file.

    Raises
    ------
    FileNotFoundError
        If the folder lacks the file, or there is no address for it.
    ValueError, OSError
        As `decode.registry.download.download`, or if an archive is damaged.
    """
    if unknown := [name for name in addresses or {} if name not in found.files]:
        raise ValueError(f"--address names {listed(unknown)}; {found.what} has {listed(found.files)}")
    address = (addresses or {}).get(role) or found.files[role]
    name = address.rpartition("/")[2] if address and role in (addresses or {}) else found.file_name(role)
    home = (cache or cache_folder() / "sources") / found.kind / found.name
    if folder is not None:
        path = _in_folder(folder, name, found.build)
        if path is None:
            raise FileNotFoundError(f"{folder} holds no {name} ({found.what}); put it there, or leave --from out")
        origin = str(path)
    elif address is None:
        raise FileNotFoundError(f"{found.what} cannot be fetched by one address; give {name} with --from FOLDER")
    else:
        path, origin = download(address, home / name), address
    sha256, size = sha256_of(path), path.stat().st_size
    return Obtained(_unpacked(path, home), origin, size, sha256)


def _in_folder(folder: Path, name: str, build: str | None) -> Path | None:
    """A file of a folder, or of the folder's folder named like the build, or of any one folder below it."""
    forms = [name, name.removesuffix(".zip")]
    places = [folder, folder / str(build)]
    found = [place / form for place in places for form in forms if (place / form).is_file()]
    found = found or sorted(path for form in set(forms) for path in folder.rglob(form) if path.is_file())
    if len(found) > 1 and found[0].parent not in places:
        raise ValueError(
            f"{folder} holds {name} {len(found)} times ({listed(found, 2)}); give the folder of one of them"
        )
    return found[0] if found else None


def _unpacked(path: Path, home: Path) -> Path:
    """The one file of a zip archive, in the cache; any other file as it is."""
    with open(path, "rb") as handle:
        if handle.read(4) != b"PK\x03\x04":
            return path
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/") and "__MACOSX" not in name]
            if len(names) != 1:
                raise ValueError(f"{path} holds {len(names)} files ({listed(names)}); one is wanted")
            home.mkdir(parents=True, exist_ok=True)
            target = home / Path(names[0]).name
            if target.exists() and target.stat().st_size == archive.getinfo(names[0]).file_size:
                return target
            with archive.open(names[0]) as packed, atomic_path(target) as temporary, open(temporary, "wb") as out:
                while block := packed.read(1 << 20):
                    out.write(block)
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path} is a damaged zip archive ({error}); fetch it again") from error
    return target


def first_lines(path: Path, n_lines: int, out: Path) -> Path:
    """The first lines of a text file as a plain file: a slice on which a script can be tried; a GCT says so."""
    lines = list(
        itertools.islice(
            (line for piece in line_chunks(path, size=1 << 20) for line in piece.splitlines(keepends=True)), n_lines
        )
    )
    if len(lines) > 3 and lines[0].startswith(b"#1."):  # the second line gives rows and columns
        lines[1] = b"\t".join([str(len(lines) - 3).encode(), *lines[1].split(b"\t")[1:]])
    with atomic_path(out) as temporary, open(temporary, "wb") as handle:
        handle.writelines(lines)
    return out


def check_least(found: Source, counts: Mapping[str, int]) -> None:
    """Raise where a file holds less than a whole one does; ValueError."""
    for what, least in found.least.items():
        if counts[what] < least:
            raise ValueError(
                f"{found.what}: {counts[what]:,} {what} came, a whole file has {least:,} or more; the source has "
                "changed or the file is cut (--limit tries a slice)"
            )
