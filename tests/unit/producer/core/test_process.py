"""What a producer makes of the process it is in."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from dekaf.errors import ConfigurationError
from dekaf.producer import AsyncProducer, Producer

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


@pytest.mark.parametrize("library", ["gevent", "eventlet"])
def test_library_that_has_patched_nothing_is_no_trouble(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    patched_threads(monkeypatch, library, is_patched=False)

    assert Producer(bootstrap_servers=SERVERS).close().ok
