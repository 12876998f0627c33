"""How many threads matrix products take, in this process and in the workers of a cluster."""

from __future__ import annotations

import threading
from contextlib import ContextDecorator

import threadpoolctl

_lock = threading.Lock()
_holders = 0
_limit: threadpoolctl.threadpool_limits | None = None


class one_blas_thread(ContextDecorator):
    """Keep matrix products on the calling thread: these are small, and waiting threads cost ten times their CPU time.

    The limit is one of the whole process. It holds from the first thread that enters to the last that leaves, so
    threads may enter it at the same time, and it may be nested. Decorate what an executor runs, so that the limit holds
    in a worker of a cluster as well; a function made within another one can be sent there too.

    Examples
    --------
    >>> import numpy as np
    >>> @one_blas_thread()
    ... def product(x):
    ...     return float((x @ x).sum())
    >>> product(np.eye(2))
    2.0
    """

    def __enter__(self) -> None:
        """Set the limit, or join those who hold it."""
        global _holders, _limit
        with _lock:
            if _limit is None:
                _take_control()
                _limit = threadpoolctl.threadpool_limits(1, "blas")
            _holders += 1

    def __exit__(self, *_error: object) -> None:
        """Leave, and lift the limit as the last one."""
        global _holders, _limit
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
