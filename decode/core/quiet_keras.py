"""Keras and TensorFlow, loaded without what their C++ libraries write to standard error; the first import of either."""

from __future__ import annotations

import os
import sys
import tempfile


def load_tensorflow() -> None:
    """Load TensorFlow without the messages that its libraries write to standard error while they start.

    They come before any log level is read (no GPU found, instruction sets), so the file descriptor itself is
    turned away meanwhile. If loading fails, they are shown. Its later warnings are off too: where many networks are
    fitted, each with a graph of its own, TensorFlow takes them for one function that is traced again and again.
    Whoever sets TF_CPP_MIN_LOG_LEVEL to 0 sees everything; where TensorFlow is loaded already, nothing is done.
    """
    if "tensorflow" in sys.modules:
        return
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2") == "0":
        return
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


load_tensorflow()

import keras  # noqa: E402  after TensorFlow, its backend
from keras import ops  # noqa: E402

__all__ = ["keras", "load_tensorflow", "ops"]
