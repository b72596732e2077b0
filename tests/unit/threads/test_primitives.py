"""The system's own locks, queues and look-ups."""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from dekaf._threads.primitives import is_patched, original, wait_seconds


@contextmanager
def gevent_that_replaced(*modules: str) -> Iterator[None]:
    """Stand in for gevent, which calls what it has replaced by another name here; in the block alone."""
    monkey = SimpleNamespace(
        is_module_patched=lambda module: module in modules, get_original=lambda module, name: f"{module}'s own {name}"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "gevent.monkey", monkey)
        yield


def test_without_gevent_the_modules_have_the_originals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "gevent.monkey", raising=False)

    assert original("threading", "Thread") is threading.Thread
    assert original("threading", "no such name") is None
    assert not is_patched()


def test_gevent_is_asked_for_what_it_has_replaced() -> None:
    with gevent_that_replaced("threading"):
        assert original("threading", "Thread") == "threading's own Thread"


@pytest.mark.parametrize(
    ("modules", "expected"),
    [(("threading",), True), (("socket", "time"), True), (("time", "subprocess"), False), ((), False)],
)
def test_threads_or_sockets_make_a_process_one_of_greenlets(modules: tuple[str, ...], expected: bool) -> None:
    with gevent_that_replaced(*modules):
        assert is_patched() is expected


@pytest.mark.parametrize(("timeout", "seconds"), [(-1.0, 0.0), (0.5, 0.5), (math.inf, threading.TIMEOUT_MAX)])
def test_locks_get_seconds_that_they_can_count(timeout: float, seconds: float) -> None:
    assert wait_seconds(timeout) == seconds
