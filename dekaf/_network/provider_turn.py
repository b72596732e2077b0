"""Call each application's provider by one thread at a time, even where several producers share it."""

from __future__ import annotations

from typing import Any, Final
from weakref import WeakKeyDictionary

from dekaf.process_lock import ProcessLock

_turns: Final[WeakKeyDictionary[object, ProcessLock]] = WeakKeyDictionary()
_adding: Final = ProcessLock()  # guards `_turns`


def provider_turn(provider: object) -> ProcessLock:
    """Return the lock to hold while a provider is called; a forked child does not inherit who holds it."""
    # A bound method is another object each time it is looked up: what it is bound to is what must not be disturbed.
    owner: Any = getattr(provider, "__self__", provider)
    with _adding:
        try:
            turn = _turns.get(owner)
            if turn is None:
                turn = _turns[owner] = ProcessLock()
        except TypeError:  # it cannot be hashed, or not weakly referred to: it has its turn to itself
            return ProcessLock()
        return turn
