"""What Django's tests mean for producers: when they are under way, and which functions wait for a commit in vain."""

from __future__ import annotations

import sys
from typing import Any, Final

from django.core.checks import CheckMessage, register
from django.core.signals import request_started
from django.db import connections

from dekaf.real_kafka import GUARD

__all__ = ("follow_tests", "hint_at_commit_hooks", "is_test_environment")

_UID: Final = "dekaf.contrib.django.environment_of_tests"


def follow_tests() -> None:
    """Keep Django's tests away from a real Kafka, and have failed assertions say what Django holds back."""
    GUARD.add_environment(is_test_environment, hint_at_commit_hooks)
    # What an AppConfig.ready() started runs before there is a test environment. Nothing tells when that is set up, but
    # these come soon after: the runner runs all checks, though not in processes of --parallel; a test makes a request.
    register(_look_again_with_checks, "dekaf")
    request_started.connect(_look_again, dispatch_uid=_UID)


def is_test_environment() -> bool:
    """Return whether Django's test environment is set up: by its runner, pytest-django, or by hand.

    Producers ask before they start, also in production, where `django.test` need not be imported for it.
    """
    utils = sys.modules.get("django.test.utils")
    return utils is not None and hasattr(utils._TestState, "saved_data")  # noqa: SLF001 # no public name tells it


def _look_again_with_checks(**_: Any) -> list[CheckMessage]:
    GUARD.enforce()
    return []


def _look_again(**_: Any) -> None:
    request_started.disconnect(dispatch_uid=_UID)  # once is enough: where requests are real, tests do not begin
    GUARD.enforce()


def hint_at_commit_hooks() -> str | None:
    """Return what to do about functions that wait for the commit of a transaction; None if there are none.

    A `TestCase` wraps each test in a transaction that it rolls back, so they never run, unless they are captured; then
    Django keeps them in the same list, so that the text has to be true of both.
    """
    waiting = sum(len(connection.run_on_commit) for connection in connections.all(initialized_only=True))
    if not waiting:
        return None
    functions = f"{waiting} function{'' if waiting == 1 else 's'}"
    return (
        f"{functions} given to transaction.on_commit in this test: a TestCase never commits, so only those run that "
        "were given in a block `with self.captureOnCommitCallbacks(execute=True):`, or pytest-django's "
        "django_capture_on_commit_callbacks(execute=True), and they run when it ends."
    )
