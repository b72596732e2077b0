"""Where producers are drained besides at the interpreter's exit, which covers WSGI servers and management commands."""

from __future__ import annotations

import logging
import sys
from typing import Any

from django.core.signals import setting_changed

from dekaf.contrib.django.conf import PREFIX_SETTING, SETTING
from dekaf.contrib.django.producers import close_producers, discard_producers

__all__ = ("close_with_celery", "follow_settings")

logger = logging.getLogger("dekaf.contrib.django")


def follow_settings() -> None:
    """Make producers anew whenever a test changes the setting."""
    setting_changed.connect(_on_setting_changed, dispatch_uid="dekaf.contrib.django")


def close_with_celery() -> None:
    """Drain producers when a Celery worker, or one of its processes, ends; children of prefork run no exit hooks.

    Only where Celery is loaded: in a worker it is long before Django.
    """
    if "celery" not in sys.modules:
        return
    from celery import signals  # noqa: PLC0415 # an import that only projects with Celery should pay for

    signals.worker_process_shutdown.connect(_on_worker_shutdown, weak=False, dispatch_uid="dekaf.contrib.django")
    signals.worker_shutdown.connect(_on_worker_shutdown, weak=False, dispatch_uid="dekaf.contrib.django")


def _on_setting_changed(*, setting: str, **_: Any) -> None:
    if setting in (SETTING, PREFIX_SETTING):
        discard_producers()


def _on_worker_shutdown(**_: Any) -> None:
    try:
        close_producers()
    except Exception as error:
        known = {"dekaf_error": type(error).__name__}
        logger.exception("Producers could not be closed at the end of a Celery worker", extra=known)
