from __future__ import annotations

import threading
import time
from functools import partial

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from decode.core.executor import DaskExecutor
from decode.core.threads import one_blas_thread


def blas_threads() -> set[int]:
    np.ones((2, 2)) @ np.ones((2, 2))
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def two_threads():
    """Whatever the machine has, so that a limit can be seen."""
    with threadpool_limits(2, "blas"):
        yield


def test_the_limit_holds_inside_and_goes_afterwards():
    with one_blas_thread():
        assert blas_threads() == {1}
        with one_blas_thread():
            assert blas_threads() == {1}
        assert blas_threads() == {1}
    assert blas_threads() == {2}
    with pytest.raises(ZeroDivisionError), one_blas_thread():
        _ = 1 / 0
    assert blas_threads() == {2}


def test_it_holds_until_the_last_thread_leaves():
    entered, may_leave = threading.Event(), threading.Event()

    def hold() -> None:
        with one_blas_thread():
            entered.set()
            may_leave.wait(5)

    thread = threading.Thread(target=hold)
    with one_blas_thread():
        thread.start()
        entered.wait(5)
    assert blas_threads() == {1}  # the first has left, the second has not
    may_leave.set()
    thread.join()
    assert blas_threads() == {2}


@one_blas_thread()
def seen_inside(item: int, *, shared: np.ndarray) -> tuple[int, set[int]]:
    time.sleep(0.1)
    return item + int(shared[0]), blas_threads()


def raise_limit() -> None:
    """For the rest of the worker's life."""
    import numpy  # noqa: F401
    from threadpoolctl import threadpool_limits

    threadpool_limits(2, "blas")


@pytest.mark.slow
def test_it_reaches_the_workers_of_a_cluster():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        client.run(raise_limit)
        assert set(map(frozenset, client.run(blas_threads).values())) == {frozenset({2})}
        found = list(DaskExecutor(client).map(partial(seen_inside, shared=np.full(1000, 5)), range(12)))
        assert found == [(item + 5, {1}) for item in range(12)]
        assert set(map(frozenset, client.run(blas_threads).values())) == {frozenset({2})}
