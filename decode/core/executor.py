"""Run independent pieces of work in this process, on threads, or on a Dask cluster that the user names."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Executor(Protocol):
    """Anything that maps a function over items and gives the results back in order."""

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield `function(item)` for every item, in the order of the items."""
        ...


class SerialExecutor:
    """One piece after the other, in this process."""

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

    def __init__(self, n_threads: int = 2) -> None:
        if n_threads < 1:
            raise ValueError(f"n_threads is {n_threads}; at least 1 is wanted")
        self.n_threads = n_threads

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield results in order while later items are computed."""
        iterator = iter(items)
        with ThreadPoolExecutor(self.n_threads) as pool:
            pending = [pool.submit(function, item) for item in islice(iterator, 2 * self.n_threads)]
            while pending:
                result = pending.pop(0).result()
                pending.extend(pool.submit(function, item) for item in islice(iterator, 1))
                yield result


class DaskExecutor:
    """Tasks on a Dask cluster (extra `dask`).

    Parameters
    ----------
    client : distributed.Client
        Workers must have this package installed. Functions and items are sent by cloudpickle between processes that
        the user started; nothing is stored that way.
    """

    def __init__(self, client: Any) -> None:
        self.client = client

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Submit every item, yield results in order, cancel the rest when the caller stops early."""
        futures = [self.client.submit(function, item, pure=False) for item in items]
        try:
            for future in futures:
                yield future.result()
        finally:
            self.client.cancel([future for future in futures if not future.done()])


def get_executor(spec: Any = "serial") -> Executor:
    """Turn what the user gives into an executor.

    Parameters
    ----------
    spec : str, distributed.Client or Executor
        "serial"; "threads" or "threads:N" (default: 2, the design size); a scheduler address such as
        "tcp://127.0.0.1:8786"; a `distributed.Client`; or any object with a `map` method of its own.

    Returns
    -------
    Executor

    Raises
    ------
    ValueError
        If the text is none of these.
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
                raise ImportError(
                    f"executor {spec!r} needs Dask; pip install 'decode-expression[dask]'"
                ) from error
            return DaskExecutor(Client(spec))
    elif hasattr(spec, "submit") and hasattr(spec, "scheduler_info"):
        return DaskExecutor(spec)
    elif hasattr(spec, "map"):
        return spec  # type: ignore[no-any-return]
    raise ValueError(
        f"executor is {spec!r}; choose serial, threads, threads:N, a scheduler address (tcp://host:port) "
        "or a distributed.Client"
    )
