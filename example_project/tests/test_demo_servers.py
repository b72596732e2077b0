"""What the demo says about a server that does not do what it should."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from example_project.demo.failure import DemoError
from example_project.demo.interruption import Interrupted, Interruption
from example_project.demo.servers import Server, ServerSpec, running_servers
from example_project.tests.demo_run import is_gone

LISTENS = "import time; print('listening at http://127.0.0.1:1', flush=True); "


def python(code: str) -> ServerSpec:
    return ServerSpec(name="fake", title="Fake, python", command=("-c", code))


def ignore_log(source: str, line: str) -> None:
    """Nobody reads it."""


@pytest.fixture
def interruption() -> Iterator[Interruption]:
    """Signals are this test's; afterwards they are pytest's again."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    listening = Interruption()
    listening.listen()
    yield listening
    for number, action in before.items():
        signal.signal(number, action)


def ended(spec: ServerSpec, interruption: Interruption) -> Server:
    with running_servers([spec], os.environ, interruption, ignore_log) as [server]:
        server.wait_for_its_end()
    return server


def test_a_server_that_ends_at_once_is_reported_with_its_log(interruption: Interruption) -> None:
    spec = python("raise SystemExit('no such module')")

    with pytest.raises(DemoError, match="Fake, python ended before it served") as raised:
        ended(spec, interruption)

    assert raised.value.details == ["no such module"]


def test_a_server_that_reports_no_drain_is_a_failure(interruption: Interruption) -> None:
    server = ended(python(LISTENS), interruption)

    with pytest.raises(DemoError, match="without a report"):
        server.drain_reports()


def test_a_drain_that_lost_something_is_a_failure(interruption: Interruption) -> None:
    line = "Producer closed at exit: 5 delivered, 0 failed, 1 undelivered in 10.000 s"
    server = ended(python(f"{LISTENS}print({line!r})"), interruption)

    with pytest.raises(DemoError, match="lost messages") as raised:
        server.drain_reports()

    assert line in raised.value.details


def test_drain_reports_of_all_processes_are_found(interruption: Interruption) -> None:
    line = "INFO dekaf.producer: Producer closed by close(): 3 delivered, 0 failed, 0 undelivered in 0.002 s"
    server = ended(python(f"{LISTENS}print({line!r}); print({line!r})"), interruption)

    assert [report.delivered for report in server.drain_reports()] == [3, 3]


def test_a_server_and_what_it_forked_do_not_survive_a_failure(interruption: Interruption) -> None:
    spec = python(f"import os; os.fork(); {LISTENS}time.sleep(600)")

    with (
        pytest.raises(DemoError, match="something else"),
        running_servers([spec], os.environ, interruption, ignore_log) as [server],
    ):
        raise DemoError("something else")

    assert is_gone(server.pid)


def test_a_signal_is_raised_after_what_it_must_not_interrupt(interruption: Interruption) -> None:
    steps = []

    def start_a_server() -> None:
        with interruption.held():
            os.kill(os.getpid(), signal.SIGTERM)
            steps.append("started all the same")

    with pytest.raises(Interrupted) as raised:
        start_a_server()

    assert steps == ["started all the same"]
    assert raised.value.exit_code == 143


def test_only_the_first_signal_interrupts(interruption: Interruption) -> None:
    with pytest.raises(Interrupted):
        os.kill(os.getpid(), signal.SIGINT)

    os.kill(os.getpid(), signal.SIGINT)  # while tidying up
