"""The accumulator's lock, and who must not wait for it.

Interpreted, a signal handler or a finalizer may interrupt a thread between any two calls, so also while it holds the
lock; what they run may call the producer, which would then wait for itself. There the lock is re-entrant, so that
closing goes through, and `is_held_here` tells what must not go on. Machine code is not interrupted while it holds the
lock, and has a faster one.
"""

from __future__ import annotations

from typing import Any, Final, cast

from librt.threading import Lock

from dekaf._threads.primitives import new_reentrant_lock

IS_INTERRUPTIBLE: Final = __file__.endswith(".py")


def new_lock() -> Lock:
    """Return a lock."""
    return cast("Lock", new_reentrant_lock()) if IS_INTERRUPTIBLE else Lock()


def is_held_here(lock: Lock) -> bool:
    """Return whether the calling thread holds it, so that the caller has interrupted the code that took it."""
    if not IS_INTERRUPTIBLE:
        return False
    re_entrant: Any = lock
    return bool(re_entrant._is_owned())  # noqa: SLF001 # as the standard library's conditions do
