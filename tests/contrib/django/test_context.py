from __future__ import annotations

import asyncio
from contextvars import copy_context
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from dekaf import ConfigurationError, Headers
from dekaf.contrib.django.context import Suppressed, current_context, merged, produce_context, suppress


def test_outside_of_all_blocks_nothing_holds() -> None:
    with produce_context(topic_prefix="a."):
        pass

    assert current_context() is None


def test_a_block_inside_adds_headers_and_replaces_the_prefix() -> None:
    with produce_context(topic_prefix="a.", headers={"one": "1", "two": "2"}):
        with produce_context(topic_prefix="b.", headers={"two": "3"}):
            inner = current_context()
        with produce_context(headers={"three": "3"}), suppress():
            other = current_context()
        outer = current_context()

    assert inner
    assert other
    assert outer
    assert (inner.topic_prefix, list(inner.headers)) == ("b.", [("one", b"1"), ("two", b"3")])
    assert (other.topic_prefix, [name for name, _ in other.headers]) == ("a.", ["one", "two", "three"])
    assert other.suppressed is not None
    assert (outer.topic_prefix, outer.suppressed) == ("a.", None)


def test_an_exception_ends_a_block_as_well() -> None:
    with pytest.raises(ZeroDivisionError), produce_context(topic_prefix="a."):
        raise ZeroDivisionError

    assert current_context() is None


@pytest.mark.parametrize("prefix", ["", 42, b"a."])
def test_a_prefix_that_is_none_is_refused(prefix: Any) -> None:
    with pytest.raises(ConfigurationError, match="topic_prefix must be a text"), produce_context(topic_prefix=prefix):
        pytest.fail("it holds")


def test_headers_that_are_none_are_refused() -> None:
    wrong: Any = 42
    with pytest.raises(TypeError), produce_context(headers=wrong):
        pytest.fail("it holds")


@pytest.mark.asyncio
async def test_tasks_and_threads_of_the_block_have_it_and_others_do_not() -> None:
    def prefix() -> str | None:
        context = current_context()
        return None if context is None else context.topic_prefix

    async def awaited() -> str | None:
        await asyncio.sleep(0)
        return prefix()

    outside = copy_context()
    with produce_context(topic_prefix="a."):
        found = [await asyncio.create_task(awaited()), await sync_to_async(prefix)(), await asyncio.to_thread(prefix)]

    assert found == ["a."] * 3
    assert outside.run(prefix) is None


def test_own_headers_go_before_those_of_the_same_name() -> None:
    outer = Headers([("one", "1"), ("two", "2")])
    inner = Headers([("two", "3"), ("two", "4")])

    assert list(merged(outer, inner)) == [("one", b"1"), ("two", b"3"), ("two", b"4")]


def test_what_was_suppressed_is_counted_and_shown() -> None:
    suppressed = Suppressed()
    suppressed.add()

    assert suppressed.count == 1
    assert repr(suppressed) == "<Suppressed 1 message(s)>"
