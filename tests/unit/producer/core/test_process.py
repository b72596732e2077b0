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


def patched_threads(monkeypatch: pytest.MonkeyPatch, library: str, *, is_patched: bool) -> None:
    """Stand in for a library that is loaded, and has patched threads or not."""

    def answer(module: str) -> bool:
        return is_patched and module in {"threading", "thread"}

    if library == "gevent":
        monkeypatch.setitem(sys.modules, "gevent.monkey", SimpleNamespace(is_module_patched=answer))
    else:
        monkeypatch.setitem(sys.modules, "eventlet.patcher", SimpleNamespace(is_monkey_patched=answer))


@pytest.mark.parametrize("library", ["gevent", "eventlet"])
@pytest.mark.parametrize("kind", [Producer, AsyncProducer])
def test_patched_threads_are_refused_with_the_worker_classes_that_work(
    monkeypatch: pytest.MonkeyPatch, library: str, kind: type[Producer] | type[AsyncProducer]
) -> None:
    patched_threads(monkeypatch, library, is_patched=True)

    with pytest.raises(ConfigurationError) as caught:
        kind(bootstrap_servers=SERVERS)

    assert f"{library} has patched threading" in str(caught.value)
    assert "gthread" in str(caught.value)


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


@pytest.mark.parametrize("library", ["gevent", "eventlet"])
def test_library_that_has_patched_nothing_is_no_trouble(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    patched_threads(monkeypatch, library, is_patched=False)

    assert Producer(bootstrap_servers=SERVERS).close().ok
