"""What the command modules share: state, the form KIND=VALUE, and progress."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass
class State:
    """Options given before the command."""

    debug: bool = False


state = State()


def pairs(
    option: str, values: Iterable[str] | None, form: str = "KIND=VALUE, for example TF=peaks.bed.gz"
) -> list[tuple[str, str]]:
    """Split arguments of the form KEY=VALUE; `form` says in an error what is wanted.

    Examples
    --------
    >>> pairs("--promoter-sites", ["TF=peaks.bed"])
    [('TF', 'peaks.bed')]
    """
    split = []
    for value in values or []:
        key, sign, rest = value.partition("=")
        if not sign or not key or not rest:
            raise ValueError(f"{option} is {value!r}; write {form}")
        split.append((key, rest))
    return split


def comma_list(text: str | None) -> list[str] | None:
    """Split a comma-separated option; None stays None.

    Examples
    --------
    >>> comma_list("K562, HepG2")
    ['K562', 'HepG2']
    """
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def load_tensorflow() -> None:
    """Load TensorFlow without the messages that its libraries write to standard error while they start.

    They come before any log level is read (no GPU found, instruction sets), so the file descriptor itself is
    turned away meanwhile. If loading fails, they are shown. Its later warnings are off too: where many networks are
    fitted, each with a graph of its own, TensorFlow takes them for one function that is traced again and again.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as sink:
        os.dup2(sink.fileno(), 2)
        try:
            import tensorflow

            tensorflow.config.list_logical_devices()
            tensorflow.get_logger().setLevel("ERROR")
        except BaseException:
            sink.seek(0)
            os.write(kept, sink.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
