from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator

import pytest

from dekaf import ConfigurationError, drain_on_sigterm, sigterm
from dekaf.sigterm import SigtermDrain, sigterm_drain
from dekaf.testing import FakeCluster

FIRES = """
    import os, signal, sys, threading, time
    from dekaf import Producer, drain_on_sigterm

    def fire(text):
        producer.fire("orders", value=text)

    producer = Producer(bootstrap_servers=os.environ["SERVERS"], linger_ms=60_000, value=str)
    fire("accepted")
"""


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(topics={"orders": 1}) as cluster:
        yield cluster


@pytest.fixture
def undone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave this process as it was."""
    monkeypatch.setattr(sigterm, "_state", sigterm._State())
    monkeypatch.setattr(sigterm, "run_after_drain", lambda _call: None)
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def run(program: str, cluster: FakeCluster) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FIRES) + textwrap.dedent(program)],
        env={**os.environ, "SERVERS": cluster.bootstrap_servers},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def delivered(cluster: FakeCluster) -> list[str]:
    return [(record.value or b"").decode() for record in cluster.log("orders")]


def test_a_program_ends_as_by_sys_exit_and_delivers(cluster: FakeCluster) -> None:
    done = run(
        """
        drain_on_sigterm()
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(30)
        finally:
            fire("from finally")
        """,
        cluster,
    )

    assert done.returncode == 143, done.stderr
    assert delivered(cluster) == ["accepted", "from finally"]


def test_without_it_what_was_fired_is_lost(cluster: FakeCluster) -> None:
    done = run("os.kill(os.getpid(), signal.SIGTERM); time.sleep(30)", cluster)

    assert done.returncode == -signal.SIGTERM
    assert delivered(cluster) == []


def test_a_second_signal_kills_a_program_that_does_not_end(cluster: FakeCluster) -> None:
    done = run(
        """
        drain_on_sigterm()
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(30)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(30)
        """,
        cluster,
    )

    assert done.returncode == -signal.SIGTERM, done.stderr


def test_a_server_that_sends_itself_the_signal_ends_by_it_after_the_drain(cluster: FakeCluster) -> None:
    done = run(
        """
        stopped = []
        original = signal.signal(signal.SIGTERM, lambda number, frame: stopped.append(number))  # a server starts
        drain_on_sigterm()                                                                      # asgi.py is imported
        os.kill(os.getpid(), signal.SIGTERM)
        fire("of a request under way")
        assert stopped == [signal.SIGTERM]
        signal.signal(signal.SIGTERM, original)                                                 # the server is done
        signal.raise_signal(signal.SIGTERM)
        fire("later")
        """,
        cluster,
    )

    assert done.returncode == -signal.SIGTERM, done.stderr
    assert delivered(cluster) == ["accepted", "of a request under way", "later"]


def test_each_signal_from_outside_reaches_the_server(cluster: FakeCluster) -> None:
    """gunicorn repeats its own every second while a worker that is to be replaced is busy."""
    done = run(
        """
        stopped = []
        signal.signal(signal.SIGTERM, lambda number, frame: stopped.append(number))
        drain_on_sigterm()
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)  # the producer's thread takes it
        while len(stopped) < 2:
            time.sleep(0.01)
        """,
        cluster,
    )

    assert done.returncode == 0, done.stderr
    assert delivered(cluster) == ["accepted"]


def test_a_program_called_twice_delivers_before_the_signal_it_raises(cluster: FakeCluster) -> None:
    """The program asks, and runs a server; the application asks again when that one imports it."""
    done = run(
        """
        drain_on_sigterm()
        original = signal.signal(signal.SIGTERM, lambda number, frame: None)
        drain_on_sigterm()
        os.kill(os.getpid(), signal.SIGTERM)
        signal.signal(signal.SIGTERM, original)
        signal.raise_signal(signal.SIGTERM)
        """,
        cluster,
    )

    assert done.returncode == -signal.SIGTERM, done.stderr
    assert delivered(cluster) == ["accepted"]


@pytest.mark.usefixtures("undone")
def test_a_signal_that_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)

    drain_on_sigterm()

    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    assert sigterm_drain() is SigtermDrain.IN_FORCE


@pytest.mark.usefixtures("undone")
def test_a_handler_outside_of_python_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    set_here: list[object] = []
    monkeypatch.setattr(signal, "getsignal", lambda _number: None)
    monkeypatch.setattr(signal, "signal", lambda _number, handler: set_here.append(handler))

    drain_on_sigterm()

    assert set_here == []
    assert sigterm_drain() is SigtermDrain.IN_FORCE
    monkeypatch.undo()


@pytest.mark.usefixtures("undone")
def test_calling_it_again_changes_nothing() -> None:
    drain_on_sigterm()
    handler = signal.getsignal(signal.SIGTERM)

    drain_on_sigterm()

    assert signal.getsignal(signal.SIGTERM) is handler


@pytest.mark.usefixtures("undone")
def test_another_thread_is_refused() -> None:
    errors: list[ConfigurationError] = []

    def call() -> None:
        try:
            drain_on_sigterm()
        except ConfigurationError as error:
            errors.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()

    assert "where the program begins" in str(errors[0])
    assert sigterm_drain() is SigtermDrain.NOT_ASKED_FOR


@pytest.mark.usefixtures("undone")
def test_a_handler_that_was_replaced_shows() -> None:
    drain_on_sigterm()
    assert sigterm_drain() is SigtermDrain.IN_FORCE

    signal.signal(signal.SIGTERM, lambda _number, _frame: None)

    assert sigterm_drain() is SigtermDrain.REPLACED
