"""Where producers end besides at the exit of the interpreter: with a Celery worker, and with their settings."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType

import pytest
from django.conf import settings
from django.test import override_settings

from dekaf import ConfigurationError, ProducerClosedError
from dekaf.contrib.django import get_producer, get_registry
from dekaf.contrib.django.shutdown import close_with_celery

OTHER: dict[str, object] = {"bootstrap_servers": "127.0.0.1:2", "close_timeout_ms": 200}


class Signal:
    """As much of a Celery signal as is used."""

    def __init__(self) -> None:
        self.receivers: dict[object, Callable[..., object]] = {}

    def connect(self, receiver: Callable[..., object], *, weak: bool, dispatch_uid: str) -> None:
        assert not weak
        self.receivers[dispatch_uid] = receiver

    def send(self) -> None:
        for receiver in self.receivers.values():
            receiver(signal=self, sender=None, pid=1, exitcode=0)


class Signals(ModuleType):
    """The module `celery.signals`."""

    def __init__(self) -> None:
        super().__init__("celery.signals")
        self.worker_process_shutdown = Signal()
        self.worker_shutdown = Signal()


@pytest.fixture
def celery(monkeypatch: pytest.MonkeyPatch) -> Signals:
    signals = Signals()
    package = ModuleType("celery")
    package.signals = signals  # type: ignore[attr-defined] # a package has its modules as attributes
    monkeypatch.setitem(sys.modules, "celery", package)
    monkeypatch.setitem(sys.modules, "celery.signals", signals)
    return signals


@pytest.mark.parametrize("signal", ["worker_process_shutdown", "worker_shutdown"])
def test_the_end_of_a_celery_worker_closes_the_producers(celery: Signals, signal: str) -> None:
    close_with_celery()
    close_with_celery()  # however often Django is set up
    registry = get_registry()
    get_producer().fire("orders", "42", "paid")

    getattr(celery, signal).send()
    getattr(celery, signal).send()

    assert registry.is_closed
    assert registry.close().undelivered == 1


def test_without_celery_nothing_is_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "celery", raising=False)

    close_with_celery()

    assert "celery" not in sys.modules


def test_changed_settings_make_new_producers_and_close_the_old() -> None:
    before = get_producer()

    with override_settings(DEKAF=OTHER):
        within = get_producer()
        servers = get_registry().config().bootstrap_servers
        with pytest.raises(ConfigurationError, match="no alias 'audit'"):
            get_producer("audit")
        with pytest.raises(ProducerClosedError):
            before.fire("orders", "42", "paid")

    assert servers == ("127.0.0.1:2",)
    assert get_registry().config().bootstrap_servers == (settings.NOWHERE,)
    with pytest.raises(ProducerClosedError):
        within.fire("orders", "42", "paid")


def test_other_settings_change_nothing() -> None:
    before = get_producer()

    with override_settings(DEBUG=True):
        assert get_producer() is before
