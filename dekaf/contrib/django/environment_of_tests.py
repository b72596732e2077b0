"""What Django's tests mean for producers: when they are under way, and which functions wait for a commit in vain."""

from __future__ import annotations

from django.db import connections

from dekaf.testing.hints import add_hint

__all__ = ("follow_tests", "hint_at_commit_hooks")


def follow_tests() -> None:
    """Have failed assertions say what Django holds back."""
    add_hint(hint_at_commit_hooks)


def hint_at_commit_hooks() -> str | None:
    """Return what to do about functions that wait for the commit of a transaction; None if there are none.

    A `TestCase` wraps each test in a transaction that it rolls back, so they never run.
    """
    waiting = sum(len(connection.run_on_commit) for connection in connections.all(initialized_only=True))
    if not waiting:
        return None
    return (
        f"{waiting} function{' waits' if waiting == 1 else 's wait'} for a transaction to be committed "
        "(transaction.on_commit), which a TestCase never does: put the call into `with "
        "self.captureOnCommitCallbacks(execute=True):`, or use pytest-django's "
        "django_capture_on_commit_callbacks(execute=True)."
    )
