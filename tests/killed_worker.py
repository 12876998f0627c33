"""A cluster of two worker processes, one of which is killed in mid-run."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from decode.core.executor import DaskExecutor


class KillingExecutor:
    """Sends everything to Dask; a worker that took part is killed hard after the first result."""

    is_local = False
    is_concurrent = False

    def __init__(self, client: Any) -> None:
        self.client = client
        self.n_killed = 0

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        for number, result in enumerate(DaskExecutor(self.client).map(function, items)):
            if number == 0:
                self._kill_one()
            yield result

    def _kill_one(self) -> None:
        pids = self.client.run(os.getpid)
        os.kill(next(iter(pids.values())), signal.SIGKILL)
        self.n_killed += 1


@contextmanager
def two_workers(folder: Any) -> Iterator[Any]:
    """A client of a cluster of two processes of one thread each."""
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, local_directory=str(folder)
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        client.wait_for_workers(2, timeout=120)
        yield client
