"""Call each application's provider by one thread at a time, even where several producers share it."""

from __future__ import annotations

import weakref
from typing import Any, Final

from dekaf._threads.primitives import new_reentrant_lock
from dekaf.process_lock import ProcessLock

# By the provider's id, for as long as it lives. Not by its hash: a dataclass has none, and equal ones are two.
_turns: Final[dict[int, tuple[object, ProcessLock]]] = {}
_adding: Final = ProcessLock(new_reentrant_lock)  # guards `_turns`


def provider_turn(provider: object) -> ProcessLock:
    """Return the lock to hold while a provider is called; a forked child does not inherit who holds it."""
    # A bound method is another object each time it is looked up: what it is bound to is what must not be disturbed.
    owner: Any = getattr(provider, "__self__", provider)
    with _adding:
        known = _turns.get(id(owner))
        if known is None:
            known = _turns[id(owner)] = (_reference(owner), ProcessLock(new_reentrant_lock))
        return known[1]


def _reference(owner: object) -> object:
    """Return what forgets the owner's turn with it; the owner itself where there is no such thing.

    Held then, it cannot leave its id, and with it its turn, to another object.
    """
    key = id(owner)

    def forget(_: object) -> None:
        _turns.pop(key, None)

    try:
        return weakref.ref(owner, forget)
    except TypeError:  # it has __slots__
        return owner
