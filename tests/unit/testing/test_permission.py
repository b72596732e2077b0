"""Ways to say that a test means a real Kafka."""

from __future__ import annotations

import asyncio
import inspect
import unittest
from collections.abc import AsyncIterator, Iterator

import pytest

from dekaf.real_kafka import GUARD
from dekaf.testing import allow_real_kafka

pytestmark = pytest.mark.usefixtures("guard")


def test_as_a_context_manager_also_within_itself() -> None:
    allowed = allow_real_kafka()

    with allowed:
        with allowed:
            assert not GUARD.is_on
        assert not GUARD.is_on

    assert GUARD.is_on


def test_as_a_decorator_of_functions() -> None:
    @allow_real_kafka()
    def is_on(*, negated: bool) -> bool:
        """Say so."""
        return GUARD.is_on is not negated

    assert is_on(negated=True)
    assert is_on.__doc__ == "Say so."
    assert GUARD.is_on


def test_as_a_decorator_of_coroutines_until_they_end() -> None:
    @allow_real_kafka()
    async def is_on() -> bool:
        await asyncio.sleep(0)
        return GUARD.is_on

    assert not asyncio.run(is_on())
    assert GUARD.is_on


def test_as_a_decorator_of_fixtures_until_they_end() -> None:
    @allow_real_kafka()
    def fixture(seen: list[bool]) -> Iterator[str]:
        seen.append(GUARD.is_on)
        yield "a"
        seen.append(GUARD.is_on)

    @allow_real_kafka()
    async def async_fixture(seen: list[bool]) -> AsyncIterator[str]:
        seen.append(GUARD.is_on)
        yield "b"
        seen.append(GUARD.is_on)

    async def use(seen: list[bool]) -> list[str]:
        return [value async for value in async_fixture(seen)]

    seen: list[bool] = []
    assert [*fixture(seen), *asyncio.run(use(seen))] == ["a", "b"]
    assert seen == [False] * 4
    assert inspect.isgeneratorfunction(fixture)
    assert inspect.isasyncgenfunction(async_fixture)
    assert GUARD.is_on


def test_as_a_decorator_of_test_cases() -> None:
    seen: list[bool] = []

    @allow_real_kafka()
    class Case(unittest.TestCase):
        def setUp(self) -> None:
            seen.append(GUARD.is_on)

        def test_it(self) -> None:
            seen.append(GUARD.is_on)

    result = unittest.TestResult()
    Case("test_it").run(result)

    assert (result.wasSuccessful(), seen, GUARD.is_on) == (True, [False, False], True)


def test_other_classes_are_to_be_marked() -> None:
    class TestOrders:
        pass

    with pytest.raises(TypeError, match=r"mark TestOrders with @pytest\.mark\.real_kafka"):
        allow_real_kafka()(TestOrders)
