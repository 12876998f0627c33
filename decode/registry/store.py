"""Find an entry by name and bring its files: from the package, from a folder, or fetched once into the cache."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from decode.core.checks import nearest
from decode.core.files import sha256_of
from decode.core.shown import shown
from decode.registry.download import Progress, download
from decode.registry.entries import Entry, parse_registry

logger = logging.getLogger(__name__)

PACKAGED = Path(__file__).parent / "models.json"
OWN_REGISTRY, CACHE = "DECODE_REGISTRY", "DECODE_CACHE"  # environment variables


@shown()
@dataclass(frozen=True)
class Listed:
    """An entry and the registry that it stands in.

    Attributes
    ----------
    entry : Entry
    registry : str
        Path or address of the registry's JSON.
    """

    entry: Entry
    registry: str

    @property
    def place(self) -> str:
        """Folder or address of the files."""
        if self.entry.address is not None:
            return self.entry.address
        return f"{self.registry.rpartition('/')[0]}/{self.entry.name}"

    @property
    def is_remote(self) -> bool:
        """Whether the files must be fetched."""
        return _is_address(self.place)


def cache_folder() -> Path:
    """Where fetched files lie: DECODE_CACHE, or the platform's folder for caches."""
    import pooch

    chosen = os.environ.get(CACHE)
    return Path(chosen).expanduser() if chosen else Path(pooch.os_cache("decode"))


def packaged() -> list[Entry]:
    """What the package brings along."""
    return parse_registry(PACKAGED.read_bytes(), PACKAGED.name)


def registered() -> dict[str, Listed]:
    """What can be had by name: of the package, then of the registry that DECODE_REGISTRY names.

    Returns
    -------
    dict of str to Listed

    Raises
    ------
    FileNotFoundError, ValueError
        If DECODE_REGISTRY names no registry, or one with a name that the package uses too.
    OSError
        If it is an address that cannot be reached and was never fetched.
    """
    found = {entry.name: Listed(entry, PACKAGED.as_posix()) for entry in packaged()}
    own = os.environ.get(OWN_REGISTRY)
    if own:
        path = _fetched_registry(own) if _is_address(own) else Path(own).expanduser()
        if not path.is_file():
            raise FileNotFoundError(f"{OWN_REGISTRY} is {own}, which is no file; name a registry's JSON or its address")
        registry = own if _is_address(own) else path.resolve().as_posix()
        for entry in parse_registry(path.read_bytes(), own):
            if entry.name in found:
                raise ValueError(f"registry {own} has the name {entry.name}, which the package uses; rename it there")
            found[entry.name] = Listed(entry, registry)
    return found


def find_entry(name: str) -> Listed:
    """The entry of a name.

    Raises
    ------
    KeyError
        If no registry has it; the nearest names are proposed.
    """
    found = registered()
    if name not in found:
        near = nearest(name, found)
        known = f"perhaps {' or '.join(near)}" if near else "`decode models list` shows what there is"
        raise KeyError(f"no model or feature set is called {name}; {known}")
    return found[name]


def get(name: str, *, progress: Progress | None = None) -> Path:
    """The files of an entry, checked, on this machine.

    Parameters
    ----------
    name : str
    progress : callable, optional
        Takes (bytes so far, bytes of all) of the whole entry.

    Returns
    -------
    Path
        A bundle's folder, or a features file.

    Raises
    ------
    KeyError
        If no registry has the name.
    ValueError
        If the files of a package or folder are damaged, or what was fetched is not what the registry says.
    OSError
        If files must be fetched and cannot be.
    """
    found = find_entry(name)
    folder = _fetched(found, progress) if found.is_remote else Path(found.place)
    if not found.is_remote and (wrong := damaged(found.entry, folder)):
        raise ValueError(f"{folder / wrong[0]} is missing or damaged; install the package, or get the folder, again")
    return folder if found.entry.kind == "model" else folder / next(iter(found.entry.files))


def damaged(entry: Entry, folder: Path) -> list[str]:
    """Files of an entry that are absent from a folder or not what the registry says."""
    return [
        name
        for name, file in entry.files.items()
        if not (folder / name).is_file()
        or (folder / name).stat().st_size != file.size
        or sha256_of(folder / name) != file.sha256
    ]


def _fetched(found: Listed, progress: Progress | None) -> Path:
    """The entry's folder of the cache, complete; another version of the same name lies in another folder."""
    from filelock import FileLock

    entry = found.entry
    content = "".join(f"{name}\t{file.sha256}\n" for name, file in sorted(entry.files.items()))
    home = cache_folder() / entry.kind / entry.name
    folder = home / hashlib.sha256(content.encode()).hexdigest()[:12]
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / f".{folder.name}.lock"):
        if folder.is_dir():
            wrong = damaged(entry, folder)
            if not wrong:
                return folder
            logger.warning("%s in the cache is damaged (%s); fetched again", entry.name, ", ".join(wrong))
            for name in wrong:
                (folder / name).unlink(missing_ok=True)
        partial = home / f".{folder.name}.part"
        if folder.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
            folder.rename(partial)
        partial.mkdir(exist_ok=True)
        before = 0
        for name, file in entry.files.items():
            download(
                f"{found.place}/{name}",
                partial / name,
                sha256=file.sha256,
                size=file.size,
                progress=None if progress is None else _shifted(progress, before, entry.size),
            )
            before += file.size
        for rest in partial.glob(".*"):
            rest.unlink()
        partial.rename(folder)
    logger.info("%s: %d files, %.1f MB, in %s", entry.name, len(entry.files), entry.size / 1e6, folder)
    return folder


def _shifted(progress: Progress, before: int, total: int) -> Progress:
    return lambda done, _: progress(before + done, total)


def _fetched_registry(address: str) -> Path:
    """A registry by address: fetched anew, or the copy of last time where that fails."""
    path = cache_folder() / "registries" / f"{hashlib.sha256(address.encode()).hexdigest()[:16]}.json"
    newer = path.with_suffix(".new.json")
    try:
        newer.unlink(missing_ok=True)
        parse_registry(download(address, newer, size=None, retries=1, silence=10).read_bytes(), address)
        newer.replace(path)
    except OSError as error:
        if not path.is_file():
            raise
        logger.warning("registry %s: %s; the copy of last time is used", address, error)
    return path


def _is_address(text: str) -> bool:
    return text.startswith(("http://", "https://"))
