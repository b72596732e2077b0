from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from dekaf.contrib.django import get_producer, get_registry
from dekaf.contrib.django.shutdown import close_with_celery

ROOT = Path(__file__).parents[3]


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


def run_script(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.contrib.django.settings"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_setting_up_django_makes_no_producers_and_starts_no_threads() -> None:
    done = run_script("""
        import sys, threading
        import django
        django.setup()
        from dekaf.contrib.django import producers
        assert producers._current.existing is None
        assert threading.active_count() == 1, threading.enumerate()
        loaded = [name for name in ("celery", "dependency_injector", "fastapi", "starlette") if name in sys.modules]
        assert not loaded, loaded
    """)

    assert (done.returncode, done.stderr) == (0, "")


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
