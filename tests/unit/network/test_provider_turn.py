"""Each provider is called by one thread at a time, whichever producers share it."""

from __future__ import annotations

import gc

from dekaf._network import provider_turn as room
from dekaf._network.provider_turn import provider_turn


class Provider:
    """An application's."""

    def token(self) -> str:
        """Give none."""
        return ""


class Unhashable(Provider):
    """One that compares by value."""

    __hash__ = None  # type: ignore[assignment]  # what a class with __eq__ alone has


class Slotted:
    """One that no weak reference can be made to."""

    __slots__ = ()

    def token(self) -> str:
        return "token"


def test_all_who_call_a_provider_share_its_turn() -> None:
    one, other = Provider(), Provider()

    assert provider_turn(one) is provider_turn(one) is provider_turn(one.token)
    assert provider_turn(one) is not provider_turn(other)


def test_provider_that_cannot_be_hashed_has_its_turn_too() -> None:
    one, equal = Unhashable(), Unhashable()

    assert provider_turn(one) is provider_turn(one)
    assert provider_turn(one) is not provider_turn(equal)


def test_provider_that_takes_no_weak_references_has_its_turn_too() -> None:
    one = Slotted()

    assert provider_turn(one) is provider_turn(one.token)


def test_turn_goes_with_its_provider() -> None:
    gc.collect()  # what other tests left behind must not go in between
    known = len(room._turns)
    provider = Provider()
    provider_turn(provider)
    assert len(room._turns) == known + 1

    del provider
    gc.collect()

    assert len(room._turns) == known
