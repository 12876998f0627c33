"""The chief against workers that are made of requests alone: nothing is fitted here."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras_tuner
import pytest
from keras_tuner.src.distribute.oracle_client import OracleClient

from decode.tuning.chief import Post, is_listening, post_of_process, serve_trials, wait_for_chief
from decode.tuning.oracles import WatchedOracle, last_line, make_oracle

TIMEOUT_S = 2.0  # short for a test, long for a busy machine


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def oracle_in(folder: Path, algorithm: Any = "random", n_trials: int = 3) -> WatchedOracle:
    space = keras_tuner.HyperParameters()
    space.Choice("x", list(range(30)), default=7)
    oracle = make_oracle(
        algorithm, objective=keras_tuner.Objective("score", "max"), hyperparameters=space, n_trials=n_trials,
        max_epochs=4, seed=0,
    )  # fmt: skip
    oracle._set_project_dir(str(folder), "search")
    return oracle


def finish(oracle: Any, trial: Any, score: float = 1.0) -> None:
    oracle.update_trial(trial.trial_id, {"score": score})
    trial.status = "COMPLETED"
    oracle.end_trial(trial)


@pytest.fixture
def post(monkeypatch: pytest.MonkeyPatch) -> Post:
    port = free_port()
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", str(port))
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "tuner0")
    monkeypatch.setenv("no_grpc_proxy", "127.0.0.1")
    return Post("chief", "chief", "127.0.0.1", port)


@pytest.fixture
def served(post: Post, tmp_path: Path) -> Iterator[tuple[WatchedOracle, Any, list[BaseException]]]:
    """A chief on a thread, a client for requests, and the errors that the chief ended with."""
    oracle = oracle_in(tmp_path)
    errors: list[BaseException] = []

    def run() -> None:
        try:
            serve_trials(oracle, post, worker_timeout_s=TIMEOUT_S, poll_s=0.05)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert wait_for_chief(post, 5)
    yield oracle, OracleClient(oracle), errors
    thread.join(20)
    assert not thread.is_alive()


class TestPost:
    def test_alone(self, monkeypatch):
        monkeypatch.delenv("KERASTUNER_ORACLE_IP", raising=False)
        assert post_of_process().role == "alone"

    @pytest.mark.parametrize(("name", "role"), [("chief", "chief"), ("tuner0", "worker")])
    def test_roles(self, post, monkeypatch, name, role):
        monkeypatch.setenv("KERASTUNER_TUNER_ID", name)
        assert post_of_process() == Post(role, name, "127.0.0.1", post.port)

    @pytest.mark.parametrize("variable", ["KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_PORT"])
    def test_a_missing_variable(self, post, monkeypatch, variable):
        monkeypatch.delenv(variable)
        with pytest.raises(ValueError, match=f"KERASTUNER_ORACLE_IP is set but {variable} is not"):
            post_of_process()

    @pytest.mark.parametrize("port", ["http", "0", "70000"])
    def test_no_port(self, post, monkeypatch, port):
        monkeypatch.setenv("KERASTUNER_ORACLE_PORT", port)
        with pytest.raises(ValueError, match="a free port between"):
            post_of_process()


class TestChief:
    def test_all_trials_are_handed_out_and_the_chief_ends(self, served):
        oracle, client, errors = served
        seen = []
        for name in ("a", "b", "a"):
            trial = client.create_trial(name)
            seen.append(trial.hyperparameters.values["x"])
            finish(client, trial, score=float(len(seen)))
        assert seen[0] == 7  # the start
        assert {client.create_trial(name).status for name in ("a", "b")} == {"STOPPED"}
        assert not errors
        assert oracle.get_best_trials(1)[0].score == 3.0

    def test_the_trial_of_a_silent_worker_goes_to_another_one(self, served, caplog):
        oracle, client, errors = served
        lost = client.create_trial("dead")
        done = 0
        end = time.monotonic() + 20
        while time.monotonic() < end:
            trial = client.create_trial("alive")
            if trial.status == "STOPPED":
                break
            if trial.status == "IDLE":  # kept until the last trial is done
                time.sleep(0.1)
                continue
            finish(client, trial)
            done += 1
        assert done == 3
        assert oracle.trials[lost.trial_id].status == "COMPLETED"
        assert "worker dead gave no sign of life for 2 s; trial 0 goes to another one" in caplog.text
        assert not errors

    def test_signs_of_life_keep_a_worker(self, served, caplog):
        _, client, errors = served
        trial = client.create_trial("slow")
        for _ in range(8):
            time.sleep(TIMEOUT_S / 5)
            client.get_trial(trial.trial_id)
        finish(client, trial)
        assert "no sign of life" not in caplog.text
        for _ in range(2):
            finish(client, client.create_trial("slow"))
        assert client.create_trial("slow").status == "STOPPED"
        assert not errors

    def test_the_last_worker_is_lost(self, served):
        oracle, client, errors = served
        finish(client, client.create_trial("dead"))
        client.create_trial("dead")
        time.sleep(1.5 * TIMEOUT_S)
        [error] = errors
        assert isinstance(error, TimeoutError)
        assert "worker dead gave no sign of life for 2 s and no other is left; 1 trials are finished" in str(error)
        assert oracle._retry_queue == ["1"]

    def test_no_worker_comes(self, served):
        _, _, errors = served
        time.sleep(1.5 * TIMEOUT_S)
        assert "no worker asked for a trial for 2 s" in str(errors[0])

    def test_trials_that_fail_one_after_the_other(self, served):
        _, client, errors = served
        for number in range(3):
            trial = client.create_trial("a")
            trial.status = "FAILED"
            if number < 2:
                client.end_trial(trial)
            else:
                with pytest.raises(Exception, match="consecutive failures"):
                    client.end_trial(trial)
        time.sleep(0.3)
        assert "too many trials in a row failed" in str(errors[0])

    def test_a_port_in_use(self, post, tmp_path):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", post.port))
            taken.listen()
            assert is_listening(post)
            with pytest.raises(OSError, match="the chief cannot listen at"):
                serve_trials(oracle_in(tmp_path), post)

    def test_no_chief(self, post):
        assert not wait_for_chief(post, 0.2, pause_s=0.05)


class TestOracles:
    def test_the_state_survives_a_killed_process(self, tmp_path):
        first = oracle_in(tmp_path)
        finish(first, first.create_trial("a"), 2.0)
        running = first.create_trial("a")
        again = oracle_in(tmp_path)
        again.reload()
        assert again.trials["0"].score == 2.0
        resumed = again.create_trial("b")
        assert resumed.trial_id == running.trial_id
        assert resumed.hyperparameters.values == running.hyperparameters.values
        finish(again, resumed)
        whole = oracle_in(tmp_path / "other")
        for _ in range(2):
            finish(whole, whole.create_trial("a"))
        values = [oracle.create_trial("a").hyperparameters.values for oracle in (again, whole)]
        assert values[0] == values[1]

    def test_a_late_result_of_a_worker_that_was_given_up(self, tmp_path):
        oracle = oracle_in(tmp_path)
        trial = oracle.create_trial("slow")
        oracle.create_trial("other")
        time.sleep(0.05)
        oracle.get_trial("1")  # the other one speaks
        oracle.drop_silent_workers(0.03)
        assert oracle._retry_queue == ["0"]
        finish(oracle, trial)
        assert oracle._retry_queue == []
        assert oracle.n_ended() == 1

    def test_names(self, tmp_path):
        with pytest.raises(ValueError, match="algorithm is 'grid'"):
            oracle_in(tmp_path, "grid")
        assert {oracle_in(tmp_path, name).seed for name in ("random", "bayesian", "hyperband")} == {1}

    def test_last_line(self):
        assert last_line("a\nValueError: width is 0: too small\n\n") == "width is 0: too small"
        assert last_line("plain: text") == "plain: text"
        assert last_line(None) == ""
