"""Run independent pieces of work in this process, on threads, or on a Dask cluster that the user names."""

from __future__ import annotations

import os
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import Any, Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

MIN_IN_FLIGHT = 16  # tasks sent to a cluster whose workers have not joined yet


class Executor(Protocol):
    """Anything that maps a function over items and gives the results back in order.

    Callers ask for what it can do, never for its class.
    """

    @property
    def is_local(self) -> bool:
        """Whether pieces run in this process, so that they may call back and change what the caller sees."""
        ...

    @property
    def is_concurrent(self) -> bool:
        """Whether several pieces may run in one process at the same time, so that their CPU times mix."""
        ...

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield `function(item)` for every item, in the order of the items."""
        ...


class SerialExecutor:
    """One piece after the other, in this process."""

    is_local = True
    is_concurrent = False

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield `function(item)` for every item, lazily."""
        return map(function, items)


class ThreadsExecutor:
    """A few threads of this process, for work that releases the interpreter lock (counting kernel, polars).

    Parameters
    ----------
    n_threads : int
        Number of threads; at most twice as many items are in flight, so memory stays bounded.
    """

    is_local = True
    is_concurrent = True

    def __init__(self, n_threads: int = 2) -> None:
        if n_threads < 1:
            raise ValueError(f"n_threads is {n_threads}; at least 1 is wanted")
        self.n_threads = n_threads

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield results in order while later items are computed."""
        iterator = iter(items)
        pool = ThreadPoolExecutor(self.n_threads)
        try:
            pending = deque(pool.submit(function, item) for item in islice(iterator, 2 * self.n_threads))
            while pending:
                result = pending.popleft().result()
                pending.extend(pool.submit(function, item) for item in islice(iterator, 1))
                yield result
        finally:  # after an error or when the caller stops early, what has not begun does not begin
            pool.shutdown(wait=True, cancel_futures=True)


class DaskExecutor:
    """Tasks on a Dask cluster (extra `dask`).

    Parameters
    ----------
    client : distributed.Client
        Workers must have this package installed. Functions and items are sent by cloudpickle between processes that
        the user started; nothing is stored that way.
    owns_client : bool
        Whether the client was made for this executor and is closed with it.
    """

    is_local = False

    def __init__(self, client: Any, *, owns_client: bool = False) -> None:
        self.client = client
        if owns_client:
            weakref.finalize(self, client.close)

    @property
    def is_concurrent(self) -> bool:
        """Whether a worker process has more than one thread."""
        return max(self.client.nthreads().values(), default=1) > 1

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield results in order; what is under way is cancelled after an error or when the caller stops early.

        At most four items a thread of the cluster are in flight, so that results do not pile up in the workers. What a
        `functools.partial` carries (a data set) is sent to every worker once, not once an item; so give what all items
        share to a partial, and never within the items.
        """
        iterator = iter(items)
        pending: deque[Any] = deque()
        call: tuple[Any, ...] = (function,)
        if isinstance(function, partial):
            self.client.wait_for_workers(1)
            call = (_call, self.client.scatter([function], broadcast=True, hash=False)[0])
        try:
            while True:
                n_wanted = max(MIN_IN_FLIGHT, 4 * sum(self.client.nthreads().values())) - len(pending)
                pending.extend(
                    self.client.submit(*call, item, pure=False) for item in islice(iterator, max(n_wanted, 0))
                )
                if not pending:
                    return
                yield pending.popleft().result()
        finally:
            self.client.cancel(list(pending))


class MapExecutor:
    """An object with a `map` method that does not say what it can do: what callers may count on is the least.

    Parameters
    ----------
    mapper : object
        Its `map(function, items)` gives the results in order.
    """

    is_local = False
    is_concurrent = True

    def __init__(self, mapper: Any) -> None:
        self.mapper = mapper

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield what the object's own map yields."""
        return iter(self.mapper.map(function, items))


def _call(function: Callable[[Item], Result], item: Item) -> Result:
    return function(item)


def get_executor(spec: Any = "serial") -> Executor:
    """Turn what the user gives into an executor.

    Parameters
    ----------
    spec : str, distributed.Client or Executor
        "serial"; "threads" or "threads:N" (default: 2, the design size); a scheduler address such as
        "tcp://127.0.0.1:8786"; a `distributed.Client`; or any object with a `map` method of its own, which may say by
        `is_local` and `is_concurrent` what it can do (see `Executor`).

    Returns
    -------
    Executor

    Raises
    ------
    ValueError
        If the text is none of these, or no scheduler answers at the address.
    ImportError
        If an address is given and Dask is not installed.

    Examples
    --------
    >>> list(get_executor("threads").map(abs, [-1, -2, -3]))
    [1, 2, 3]
    """
    if isinstance(spec, str):
        if spec == "serial":
            return SerialExecutor()
        if spec == "threads":
            return ThreadsExecutor(min(2, os.cpu_count() or 1))
        if spec.startswith("threads:") and spec[8:].isdigit():
            return ThreadsExecutor(int(spec[8:]))
        if "://" in spec:
            try:
                from distributed import Client
            except ImportError as error:
                raise ImportError(f"executor {spec!r} needs Dask; pip install 'decode-expression[dask]'") from error
            try:
                return DaskExecutor(Client(spec), owns_client=True)
            except (OSError, ValueError) as error:
                raise ValueError(
                    f"executor {spec!r} does not answer ({error}); "
                    "start a scheduler (dask scheduler) or check the address"
                ) from error
    elif hasattr(spec, "submit") and hasattr(spec, "scheduler_info"):
        return DaskExecutor(spec)
    elif hasattr(spec, "map"):
        return spec if hasattr(spec, "is_local") and hasattr(spec, "is_concurrent") else MapExecutor(spec)
    raise ValueError(
        f"executor is {spec!r}; choose serial, threads, threads:N, a scheduler address (tcp://host:port) "
        "or a distributed.Client"
    )
