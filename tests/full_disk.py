"""A disk that is full after so many bytes a file, and files of ours with one byte changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest


@contextmanager
def room_for(n_bytes: int) -> Iterator[None]:
    """No file of this process may grow beyond `n_bytes`; writing more fails as on a full disk."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)  # Python ignores SIGXFSZ, so writing raises EFBIG
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def flipped(path: Path, n: int, seed: int = 0) -> Iterator[Path]:
    """`n` copies of a file beside it, one after the other, each with one bit changed at a random place."""
    content, rng = path.read_bytes(), np.random.default_rng(seed)
    copy = path.with_name("flipped" + path.suffix)
    for place in rng.integers(0, len(content), n).tolist():
        changed = bytearray(content)
        changed[place] ^= 1 << int(rng.integers(8))
        copy.write_bytes(changed)
        yield copy
    copy.unlink()
