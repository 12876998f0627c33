"""A registry: what there is by name, read from JSON that may come from a stranger and checked field by field."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeVar, get_args
from urllib.parse import urlsplit

from decode.core.checks import check_unique, listed
from decode.core.shown import shown

SCHEMA_VERSION = 1
LARGEST = 1 << 40  # bytes of a file
LONGEST_TEXT = 4000
MOST_FILES = 1000
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
SHA256 = re.compile(r"[0-9a-f]{64}")

EntryKind = Literal["model", "features"]
T = TypeVar("T")


@dataclass(frozen=True)
class TrainingData:
    """A source that a model or a feature set was made from.

    Attributes
    ----------
    name, source, licence : str
        What it is, where it came from and under which terms.
    """

    name: str
    source: str
    licence: str


@dataclass(frozen=True)
class Metric:
    """How well a model predicts, beside what simpler models reach on the same genes.

    Attributes
    ----------
    measure : str
        For instance "Spearman rho of fold changes, mean over tissues".
    part : str
        Genes that it is over, for instance "test genes (chr1)".
    value : float
    baselines : dict of str to float
    """

    measure: str
    part: str
    value: float
    baselines: dict[str, float]


@dataclass(frozen=True)
class RegisteredFile:
    """Size in bytes and SHA-256 of a file."""

    size: int
    sha256: str


@shown()
@dataclass(frozen=True)
class Entry:
    """A model or a feature set that can be had by its name.

    Attributes
    ----------
    name : str
        Letters, digits, points, hyphens and underscores.
    kind : str
        model: a bundle's folder; features: a features file.
    description, predicts, build, level, licence : str
    n_genes, n_tracks : int
    tasks : tuple of str
        Empty for features.
    training_data : tuple of TrainingData
    metrics : tuple of Metric
    files : dict of str to RegisteredFile
        By name; no folders inside.
    address : str or None
        Where the files lie, each as ADDRESS/FILE; None: in the folder NAME beside the registry.
    """

    name: str
    kind: EntryKind
    description: str
    predicts: str
    build: str
    level: str
    licence: str
    n_genes: int
    n_tracks: int
    tasks: tuple[str, ...]
    training_data: tuple[TrainingData, ...]
    metrics: tuple[Metric, ...]
    files: dict[str, RegisteredFile]
    address: str | None = None

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files.values())

    def to_json(self) -> dict[str, Any]:
        """The entry as it stands in a registry."""
        return asdict(self)


def parse_registry(text: str | bytes, where: str) -> list[Entry]:
    """Entries of a registry, each field checked.

    Parameters
    ----------
    text : str or bytes
        JSON: {"schema_version": 1, "models": [entry, ...]}.
    where : str
        Name of the registry in errors.

    Raises
    ------
    ValueError
        If it is no registry, of another schema version, or a field is missing or of another kind than it should be.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"registry {where} is no JSON ({error}); mend it or fetch it again") from error
    if not isinstance(content, dict) or not isinstance(content.get("models"), list):
        raise ValueError(f"registry {where} holds no list `models`; `decode models add` writes one")
    if content.get("schema_version") != SCHEMA_VERSION:
        raise ValueError(
            f"registry {where} has schema version {content.get('schema_version')!r}; this release reads "
            f"{SCHEMA_VERSION}: use the release that wrote it"
        )
    entries = [_entry(item, f"entry {number} of registry {where}") for number, item in enumerate(content["models"], 1)]
    check_unique(f"names in registry {where}", [entry.name for entry in entries])
    return entries


def registry_json(entries: list[Entry]) -> dict[str, Any]:
    """A registry's content, ready to be written as JSON."""
    return {"schema_version": SCHEMA_VERSION, "models": [entry.to_json() for entry in entries]}


def check_name(name: str) -> str:
    """A name that can be a folder on every system; ValueError."""
    if not NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is no name for a registry; use up to 80 letters, digits, points, hyphens and underscores, the "
            "first a letter or digit"
        )
    return name


def _entry(item: Any, where: str) -> Entry:
    take = _Fields(item, where)
    name = check_name(take.text("name"))
    take.where = f"{name} in {where.partition(' of ')[2] or where}"
    kind: Any = take.text("kind")
    if kind not in get_args(EntryKind):
        raise ValueError(f"{take.where}: kind is {kind!r}; {listed(get_args(EntryKind))} are known")
    address = item.get("address")
    if address is not None and (not isinstance(address, str) or urlsplit(address).scheme not in {"http", "https"}):
        raise ValueError(f"{take.where}: address is {address!r}; an http or https address or null is wanted")
    return Entry(
        name=name,
        kind=kind,
        **{key: take.text(key) for key in ("description", "predicts", "build", "level", "licence")},
        n_genes=take.count("n_genes"),
        n_tracks=take.count("n_tracks"),
        tasks=tuple(take.listed("tasks", _text)),
        training_data=tuple(
            TrainingData(part.text("name"), part.text("source"), part.text("licence"))
            for part in take.parts("training_data")
        ),
        metrics=tuple(
            Metric(part.text("measure"), part.text("part"), part.number("value"), part.numbers("baselines"))
            for part in take.parts("metrics")
        ),
        files=_files(take),
        address=None if address is None else address.rstrip("/"),
    )


def _files(take: _Fields) -> dict[str, RegisteredFile]:
    values = take.value("files", dict)
    if not 0 < len(values) <= MOST_FILES:
        raise ValueError(f"{take.where}: files lists {len(values)} files; 1 to {MOST_FILES} are wanted")
    files = {}
    for name, item in values.items():
        if not NAME.fullmatch(name):
            raise ValueError(f"{take.where}: {name!r} is no plain file name")
        part = _Fields(item, f"file {name} of {take.where}")
        sha256, size = part.text("sha256"), part.count("size")
        if not SHA256.fullmatch(sha256):
            raise ValueError(f"{part.where}: sha256 is {sha256!r}; 64 hex digits are wanted")
        if size > LARGEST:
            raise ValueError(f"{part.where}: size is {size:,} bytes; at most {LARGEST:,} are taken")
        files[name] = RegisteredFile(size, sha256)
    return files


class _Fields:
    """Fields of a JSON object by name, each of the type that is wanted."""

    def __init__(self, item: Any, where: str) -> None:
        if not isinstance(item, dict):
            raise ValueError(f"{where} is a JSON {type(item).__name__}; an object is wanted")
        self.item, self.where = item, where

    def value(self, key: str, kind: type | tuple[type, ...]) -> Any:
        found = self.item.get(key)
        if not isinstance(found, kind) or isinstance(found, bool):
            wanted = kind if isinstance(kind, type) else kind[0]
            raise ValueError(f"{self.where}: {key} is {str(found)[:60]!r}; a JSON {wanted.__name__} is wanted")
        return found

    def text(self, key: str) -> str:
        return _text(self.value(key, str), f"{self.where}: {key}")

    def count(self, key: str) -> int:
        number: int = self.value(key, int)
        if number < 0:
            raise ValueError(f"{self.where}: {key} is {number}; it cannot be negative")
        return number

    def number(self, key: str) -> float:
        return _number(self.value(key, (float, int)), f"{self.where}: {key}")

    def numbers(self, key: str) -> dict[str, float]:
        return {
            _text(name, f"{self.where}: {key}"): _number(value, f"{self.where}: {key}: {name}")
            for name, value in self.value(key, dict).items()
        }

    def listed(self, key: str, one: Callable[[Any, str], T]) -> list[T]:
        return [one(item, f"{self.where}: {key}") for item in self.value(key, list)]

    def parts(self, key: str) -> list[_Fields]:
        return self.listed(key, lambda item, where: _Fields(item, where))


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or not value.isprintable():
        raise ValueError(f"{where} holds {str(value)[:60]!r}; one line of text is wanted")
    return value


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:
        raise ValueError(f"{where} is {str(value)[:60]!r}; a number is wanted")
    return float(value)
