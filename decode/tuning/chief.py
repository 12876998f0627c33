"""Searching with several processes: one chief that keeps the trials, workers that fit them, gRPC between them."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, NamedTuple

from decode.tuning.oracles import WatchedOracle

Role = Literal["alone", "chief", "worker"]
WORKER_TIMEOUT_S = 600.0
TUNER_ID, ORACLE_IP, ORACLE_PORT = "KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT"


class Post(NamedTuple):
    """What the environment says about this process."""

    role: Role
    name: str
    host: str
    port: int


def post_of_process() -> Post:
    """Read KerasTuner's three variables.

    KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT say where the chief listens, the same in all processes;
    KERASTUNER_TUNER_ID is "chief" in the chief and a name of its own in each worker (tuner0, tuner1, ...). Without
    KERASTUNER_ORACLE_IP the process works alone.

    Returns
    -------
    Post

    Raises
    ------
    ValueError
        If a variable is missing or the port is no number.
    """
    host = os.environ.get(ORACLE_IP, "")
    name, port = os.environ.get(TUNER_ID, ""), os.environ.get(ORACLE_PORT, "")
    if not host:
        return Post("alone", name or "tuner0", "", 0)
    for variable, value in ((TUNER_ID, name), (ORACLE_PORT, port)):
        if not value:
            raise ValueError(
                f"{ORACLE_IP} is set but {variable} is not; set {TUNER_ID} (chief, tuner0, ...), {ORACLE_IP} and "
                f"{ORACLE_PORT}, or none of them"
            )
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"{ORACLE_PORT} is {port!r}; a free port between 1 and 65535 is wanted")
    return Post("chief" if "chief" in name else "worker", name, host, int(port))


def serve_trials(
    oracle: WatchedOracle,
    post: Post,
    *,
    worker_timeout_s: float = WORKER_TIMEOUT_S,
    on_poll: Callable[[], None] | None = None,
    poll_s: float = 0.5,
) -> None:
    """Answer the requests of workers until all trials are done.

    KerasTuner's own chief waits for ever for a worker that was killed.

    Parameters
    ----------
    oracle : WatchedOracle
    post : Post
        Where to listen.
    worker_timeout_s : float
        A worker that is silent for longer is given up. Workers speak after every epoch, so it must exceed the longest
        epoch and the time that a worker needs to start.
    on_poll : callable, optional
        Called now and then.
    poll_s : float
        How often to look, seconds.

    Raises
    ------
    TimeoutError
        If no worker is left before all trials are done.
    ValueError
        If too many trials in a row failed.
    OSError
        If the address cannot be used.
    """
    import grpc
    from keras_tuner.src import protos  # the server of KerasTuner has no public name
    from keras_tuner.src.distribute.oracle_chief import OracleServicer

    # without the option a second chief could listen on the same port and take half of the requests
    server = grpc.server(ThreadPoolExecutor(max_workers=1), options=[("grpc.so_reuseport", 0)])
    protos.get_service_grpc().add_OracleServicer_to_server(OracleServicer(oracle), server)
    address = f"{post.host}:{post.port}"
    try:
        bound = server.add_insecure_port(address)
    except RuntimeError:
        bound = 0
    if not bound:
        raise OSError(f"the chief cannot listen at {address}; choose another {ORACLE_IP} or {ORACLE_PORT}")
    server.start()
    try:
        while not oracle.is_finished():
            time.sleep(poll_s)
            if on_poll is not None:
                on_poll()
            if oracle.failure is not None:
                raise ValueError(f"too many trials in a row failed, the last one because: {oracle.failure}")
            oracle.drop_silent_workers(worker_timeout_s)
        time.sleep(poll_s)  # the last answer is still on its way
    finally:
        server.stop(grace=1.0).wait()


def is_listening(post: Post, timeout_s: float = 1.0) -> bool:
    """Whether something accepts connections where the chief should be."""
    try:
        with socket.create_connection((post.host, post.port), timeout=timeout_s):
            return True
    except OSError:
        return False


def wait_for_chief(post: Post, timeout_s: float, pause_s: float = 0.5) -> bool:
    """Wait until the chief listens; False where it does not within the time."""
    end = time.monotonic() + timeout_s
    while not is_listening(post):
        if time.monotonic() > end:
            return False
        time.sleep(pause_s)
    return True
