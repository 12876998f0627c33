"""How many threads matrix products take, in this process and in the workers of a cluster."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import threadpoolctl

_lock = threading.Lock()
_holders = 0
_limit: threadpoolctl.threadpool_limits | None = None


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep matrix products on the calling thread: these are small, and waiting threads cost ten times their CPU time.

    The limit is one of the whole process. It holds from the first thread that enters to the last that leaves, so
    threads may enter it at the same time, and it may be nested. Decorate what an executor runs, so that the limit holds
    in a worker of a cluster as well.

    Examples
    --------
    >>> import numpy as np
    >>> @one_blas_thread()
    ... def product(x):
    ...     return float((x @ x).sum())
    >>> product(np.eye(2))
    2.0
    """
    global _holders, _limit
    with _lock:
        if _limit is None:
            _take_control()
            _limit = threadpoolctl.threadpool_limits(1, "blas")
        _holders += 1
    try:
        yield
    finally:
        with _lock:
            _holders -= 1
            if not _holders and _limit is not None:
                _take_control()
                _limit.restore_original_limits()
                _limit = None


def _take_control() -> None:
    """Newer threadpoolctl ignores every thread but the first that set a limit; the last to leave may be another one."""
    clear = getattr(threadpoolctl.OpenBLASController, "clear_controlling_thread", None)
    if clear is not None:
        clear(force=True)
