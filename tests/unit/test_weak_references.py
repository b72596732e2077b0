"""Weak references to dekaf's objects work, or are refused; they never dangle."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable

import pytest

import dekaf
from dekaf import AsyncProducer, Headers, Producer, ProducerMessage

MAKE: dict[str, Callable[[], object]] = {
    "Producer": lambda: Producer(backend="disabled"),
    "AsyncProducer": lambda: AsyncProducer(backend="disabled"),
    "TopicProducer": lambda: Producer(backend="disabled").for_topic("t"),
    "AsyncTopicProducer": lambda: AsyncProducer(backend="disabled").for_topic("t"),
    "ProducerMessage": lambda: ProducerMessage(topic="t", value=None),
    "Headers": Headers,
}


@pytest.mark.parametrize("name", MAKE)
def test_weak_references_die_with_the_object_or_are_refused(name: str) -> None:
    made = MAKE[name]()
    assert type(made).__name__ == name
    if dekaf.compiled or "__slots__" in vars(type(made)):
        with pytest.raises(TypeError, match="weak reference"):
            weakref.ref(made)
        return
    reference = weakref.ref(made)

    del made
    gc.collect()

    assert reference() is None
