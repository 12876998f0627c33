from __future__ import annotations

import os
import sys
import threading
import time
from functools import partial

import pytest

from decode.core.executor import (
    MIN_IN_FLIGHT,
    DaskExecutor,
    SerialExecutor,
    ThreadsExecutor,
    get_executor,
)

LOCAL = ["serial", "threads", "threads:1", "threads:5"]


def square(value: int) -> int:
    return value * value


def slow_square(value: int) -> int:
    time.sleep(0.01 * (value % 3))
    return value * value


def fail_at_three(value: int) -> int:
    if value == 3:
        raise ValueError("three is not wanted")
    return value


@pytest.mark.parametrize("spec", LOCAL)
def test_results_come_in_the_order_of_the_items(spec):
    assert list(get_executor(spec).map(slow_square, range(20))) == [value**2 for value in range(20)]
    assert list(get_executor(spec).map(square, [])) == []
    assert list(get_executor(spec).map(square, iter([3]))) == [9]


@pytest.mark.parametrize("spec", LOCAL)
def test_an_error_reaches_the_caller_at_its_place(spec):
    results = get_executor(spec).map(fail_at_three, range(6))
    assert [next(results), next(results), next(results)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three is not wanted"):
        next(results)


@pytest.mark.parametrize("spec", LOCAL)
def test_items_are_taken_as_they_are_needed(spec):
    taken = []
    results = get_executor(spec).map(square, (taken.append(value) or value for value in range(1000)))
    assert next(results) == 0
    assert len(taken) <= 12


def test_threads_run_at_the_same_time():
    both = threading.Barrier(2, timeout=10)
    assert list(ThreadsExecutor(2).map(lambda _: both.wait() >= 0, range(2))) == [True, True]


def test_stopping_early_starts_nothing_more():
    started = []

    def work(value: int) -> int:
        started.append(value)
        time.sleep(0.02)
        return value

    results = ThreadsExecutor(1).map(work, range(100))
    next(results)
    results.close()
    n_started = len(started)
    time.sleep(0.1)
    assert len(started) == n_started <= 3


def test_specifications():
    assert isinstance(get_executor(), SerialExecutor)
    assert isinstance(get_executor("threads"), ThreadsExecutor)
    assert get_executor("threads").n_threads <= 2
    assert get_executor("threads:3").n_threads == 3
    own = SerialExecutor()
    assert get_executor(own) is own


def test_what_an_executor_can_do():
    class Mapper:
        def map(self, function, items):
            return [function(item) for item in items]

    specs = ["serial", "threads", FakeClient(0), FakeClient(1), FakeClient(2), Mapper()]
    found = [(runner.is_local, runner.is_concurrent) for runner in map(get_executor, specs)]
    assert found == [(True, False), (True, True), (False, False), (False, False), (False, True), (False, True)]
    assert list(get_executor(Mapper()).map(abs, [-1, 2])) == [1, 2]


@pytest.mark.parametrize("spec", ["process", "", "threads:", "threads:x", "threads:-1", 3, None, ["serial"]])
def test_unknown_specifications(spec):
    with pytest.raises(ValueError, match="choose serial, threads, threads:N"):
        get_executor(spec)


def test_no_threads():
    with pytest.raises(ValueError, match="at least 1"):
        get_executor("threads:0")


def test_address_without_dask(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r"needs Dask; pip install 'decode-expression\[dask\]'"):
        get_executor("tcp://127.0.0.1:8786")


class FakeFuture:
    def __init__(self, value: int) -> None:
        self.value = value

    def result(self) -> int:
        return square(self.value)


class FakeClient:
    """Counts what is in flight, as a scheduler with two threads would see it."""

    def __init__(self, n_threads: int) -> None:
        self.n_threads, self.submitted, self.cancelled = n_threads, [], []

    def nthreads(self) -> dict[str, int]:
        return {"worker": self.n_threads}

    def scheduler_info(self) -> dict:
        return {}

    def submit(self, function, item, *, pure):
        assert not pure  # equal items (the same seed twice) are two pieces of work
        self.submitted.append(FakeFuture(item))
        return self.submitted[-1]

    def cancel(self, futures) -> None:
        self.cancelled += futures


@pytest.mark.parametrize(("n_threads", "in_flight"), [(0, MIN_IN_FLIGHT), (2, MIN_IN_FLIGHT), (8, 32)])
def test_cluster_gets_a_bounded_number_of_items(n_threads, in_flight):
    client = FakeClient(n_threads)
    results = get_executor(client).map(square, range(1000))
    assert next(results) == 0
    assert len(client.submitted) == in_flight
    assert next(results) == 1
    assert len(client.submitted) == in_flight + 1
    results.close()
    assert client.cancelled == client.submitted[2:]


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as running:
        yield running


@pytest.mark.slow
def test_two_worker_processes(cluster):
    from distributed import Client

    with Client(cluster) as client:
        executor = get_executor(client)
        assert isinstance(executor, DaskExecutor)
        assert list(executor.map(slow_square, range(40))) == [value**2 for value in range(40)]
        assert list(executor.map(square, [])) == []
        assert list(executor.map(square, [4, 4])) == [16, 16]

        def pid(_: int) -> int:
            time.sleep(0.2)
            return os.getpid()

        pids = set(executor.map(pid, range(6)))
        assert len(pids) == 2
        assert os.getpid() not in pids
        with pytest.raises(ValueError, match="three is not wanted"):
            list(executor.map(fail_at_three, range(6)))
        results = executor.map(slow_square, range(1000))
        assert next(results) == 0
        results.close()
        assert list(executor.map(square, [5])) == [25]  # the cluster is usable after an early stop


@pytest.mark.slow
def test_scheduler_address(cluster):
    executor = get_executor(cluster.scheduler_address)
    try:
        assert list(executor.map(square, range(5))) == [0, 1, 4, 9, 16]
    finally:
        executor.client.close()


@pytest.mark.slow
def test_address_without_scheduler():
    import dask

    quick = dask.config.set({"distributed.comm.timeouts.connect": "1s"})
    with quick, pytest.raises(ValueError, match="does not answer"):
        get_executor("tcp://127.0.0.1:9")


@pytest.mark.slow
def test_what_a_partial_carries_travels_once(cluster):
    from distributed import Client

    class Heavy:
        n_pickled = 0

        def __reduce__(self):
            type(self).n_pickled += 1
            return (int, (7,))

    with Client(cluster) as client:
        found = list(DaskExecutor(client).map(partial(max, Heavy()), [1, 8, 3, 9]))
    assert found == [7, 8, 7, 9]
    assert Heavy.n_pickled == 1
