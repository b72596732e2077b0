"""What a producer makes of the process it is in."""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace

import pytest

from dekaf.errors import ConfigurationError
from dekaf.producer import AsyncProducer, Producer
from dekaf.types import ProducerState

SERVERS = "localhost:1"  # nobody listens, and nobody is asked


def eventlet(monkeypatch: pytest.MonkeyPatch, *patched: str) -> None:
    """Stand in for eventlet, which is loaded, and has patched some modules or none."""

    def answer(module: str) -> bool:
        return module in patched

    monkeypatch.setitem(sys.modules, "eventlet.patcher", SimpleNamespace(is_monkey_patched=answer))


@pytest.mark.parametrize("module", ["thread", "socket"])
@pytest.mark.parametrize("kind", [Producer, AsyncProducer])
def test_eventlet_is_refused_with_the_worker_classes_that_work(
    monkeypatch: pytest.MonkeyPatch, module: str, kind: type[Producer] | type[AsyncProducer]
) -> None:
    eventlet(monkeypatch, module)

    with pytest.raises(ConfigurationError) as caught:
        kind(bootstrap_servers=SERVERS)

    assert "eventlet has patched threads or sockets" in str(caught.value)
    assert "gevent, gthread" in str(caught.value)


def test_eventlet_is_refused_by_the_first_message_if_it_came_later(monkeypatch: pytest.MonkeyPatch) -> None:
    with Producer(bootstrap_servers=SERVERS) as producer:
        eventlet(monkeypatch, "thread")

        with pytest.raises(ConfigurationError, match="eventlet has patched"):
            producer.fire("orders", "42", "paid")

        assert producer.status().state is ProducerState.IDLE


def uwsgi(*, master: int = 0, worker: int = 0, processes: int = 1, **options: object) -> SimpleNamespace:
    """Stand in for the module that uWSGI's processes have."""
    given = {name.replace("_", "-"): value for name, value in options.items()}
    return SimpleNamespace(masterpid=lambda: master, worker_id=lambda: worker, numproc=processes, opt=given)


HOOKS = "py-call-uwsgi-fork-hooks"


@pytest.mark.parametrize("module", [uwsgi(master=os.getpid()), uwsgi(processes=2)], ids=["master", "no master"])
def test_use_before_a_fork_that_python_does_not_hear_of_is_refused(
    monkeypatch: pytest.MonkeyPatch, module: SimpleNamespace
) -> None:
    monkeypatch.setitem(sys.modules, "uwsgi", module)
    with Producer(bootstrap_servers=SERVERS, max_block_ms=10) as producer:
        for use in (producer.fire, producer.produce, producer.submit):
            with pytest.raises(ConfigurationError, match=f"{HOOKS} = true, or lazy-apps = true"):
                use("orders", "42", "paid")
        assert producer.status().state is ProducerState.IDLE


@pytest.mark.parametrize(
    "module",
    [
        uwsgi(master=os.getpid(), py_call_uwsgi_fork_hooks=True),
        SimpleNamespace(**{**vars(uwsgi(master=os.getpid())), "opt": {HOOKS.encode(): True}}),
        uwsgi(master=os.getppid(), worker=1, processes=2),
        uwsgi(worker=1, processes=2),
        uwsgi(),
    ],
    ids=["hooks", "hooks, by an older release", "worker", "worker without master", "the only process"],
)
def test_uwsgi_is_no_trouble_otherwise(monkeypatch: pytest.MonkeyPatch, module: SimpleNamespace) -> None:
    monkeypatch.setitem(sys.modules, "uwsgi", module)
    with Producer(bootstrap_servers=SERVERS, close_timeout_ms=0) as producer:
        producer.fire("orders", "42", "paid")
        assert producer.status().state is ProducerState.RUNNING


def test_doubles_start_nothing_that_a_fork_could_hurt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uwsgi", uwsgi(master=os.getpid()))
    with Producer(backend="memory") as producer:
        assert producer.produce("orders", "42", "paid").offset == 0


def test_eventlet_that_has_patched_nothing_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    eventlet(monkeypatch)

    assert Producer(bootstrap_servers=SERVERS).close().ok
