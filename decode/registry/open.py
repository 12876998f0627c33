"""A model or features by path or by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from decode.registry.download import Progress
from decode.registry.entries import EntryKind
from decode.registry.store import find_entry, get, registered

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures
    from decode.models.bundle import ModelBundle
    from decode.registry.summary import AttributionSummary


def local_path(name_or_path: str | Path, kind: EntryKind, *, progress: Progress | None = None) -> Path:
    """The path of what was given by path, or by the name of a registry; a path that exists goes first.

    Parameters
    ----------
    name_or_path : str or Path
    kind : {"model", "features"}
    progress : callable, optional
        Takes (bytes so far, bytes of all), where files are fetched.

    Returns
    -------
    Path
        What does not exist and is no name is given back as it came: whoever opens it says so.

    Raises
    ------
    TypeError
        If the name is that of another kind of entry.
    ValueError, OSError
        As `decode.registry.store.get`.
    """
    path, name = Path(name_or_path), str(name_or_path)
    if path.exists() or name not in registered():
        return path
    found = find_entry(name).entry.kind
    if found != kind:
        raise TypeError(f"{name} is the name of a {found} entry; a {kind} entry is wanted here (`decode models list`)")
    return get(name, progress=progress)


def load_pretrained(name: str | Path, *, progress: Progress | None = None) -> ModelBundle:
    """A trained model by the name of a registry (fetched once), or by the path of its folder.

    Parameters
    ----------
    name : str or Path
        `decode models list` shows the names.
    progress : callable, optional
        Takes (bytes so far, bytes of all).

    Returns
    -------
    ModelBundle

    Raises
    ------
    KeyError
        If it is neither a folder nor a name.
    ValueError, OSError
        As `decode.registry.store.get` and `decode.models.bundle.load_bundle`.
    """
    from decode.models.bundle import load_bundle

    if not Path(name).exists():
        find_entry(str(name))
    return load_bundle(local_path(name, "model", progress=progress))


def load_features(name: str | Path, *, progress: Progress | None = None) -> RegulatoryFeatures:
    """Features by the name of a registry (fetched once), or by the path of their file; errors as `load_pretrained`."""
    from decode.features.matrix import RegulatoryFeatures

    if not Path(name).exists():
        find_entry(str(name))
    return RegulatoryFeatures.read(local_path(name, "features", progress=progress))


def load_summary(name: str | Path, *, progress: Progress | None = None) -> AttributionSummary:
    """Predictions, rankings and strongest attributions of a model, looked up without its network.

    Parameters
    ----------
    name : str or Path
        As in `load_pretrained`.
    progress : callable, optional
        Takes (bytes so far, bytes of all).

    Returns
    -------
    AttributionSummary

    Raises
    ------
    KeyError
        If it is neither a folder nor a name.
    FileNotFoundError
        If the model has no summary.
    ValueError, OSError
        As `decode.registry.store.get` and `decode.registry.summary.read_summary`.
    """
    from decode.models.bundle_record import SUMMARY
    from decode.registry.summary import read_summary

    if not Path(name).exists():
        find_entry(str(name))
    path = local_path(name, "model", progress=progress) / SUMMARY
    if not path.exists():
        raise FileNotFoundError(f"model {name} has no {SUMMARY}; `decode models summarise` makes one")
    return read_summary(path)
