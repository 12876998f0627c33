"""What is taken where no model and no features are named."""

from __future__ import annotations

from decode.registry.entries import EntryKind
from decode.registry.store import packaged

NAMES: dict[EntryKind, str] = {"model": "tissue-hpa37-encode-hg19", "features": "encode-hg19"}

DE_PRIOR = "de-prior-encode-hg19"


def default_entry(kind: EntryKind) -> str:
    """Name of the model or features that the package brings along.

    Raises
    ------
    ValueError
        If this copy of the package has none: one must be named.
    """
    name = NAMES[kind]
    if name not in {entry.name for entry in packaged()}:
        raise ValueError(f"this copy of the package brings no {kind} along; name one with --{kind}")
    return name
