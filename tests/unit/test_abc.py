"""The protocols tell services what their calls take, do and raise."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from dekaf import abc

PROTOCOLS = (abc.KafkaProducer, abc.AsyncKafkaProducer, abc.KafkaTopicProducer, abc.AsyncKafkaTopicProducer)


def overloaded_methods() -> list[Callable[..., Any]]:
    names = ("produce", "produce_all", "fire", "submit")
    return [getattr(protocol, name) for protocol in PROTOCOLS for name in names if hasattr(protocol, name)]


def title(method: Callable[..., Any]) -> str:
    return method.__qualname__


@pytest.mark.parametrize("method", overloaded_methods(), ids=title)
def test_docstring_explains_every_parameter_and_what_is_raised(method: Callable[..., Any]) -> None:
    doc = inspect.getdoc(method) or ""
    arguments = doc.partition("\nArgs:\n")[2].partition("\n\n")[0]

    explained = [line.strip().partition(":")[0] for line in arguments.splitlines() if line.startswith("    ")]

    parameters = [name for name in inspect.signature(method).parameters if name != "self"]
    assert [name for name in explained if name in parameters] == parameters
    assert "\nRaises:\n" in doc


@pytest.mark.parametrize("method", overloaded_methods(), ids=title)
def test_a_double_that_leaves_a_method_out_does_not_pretend_to_have_it(method: Callable[..., Any]) -> None:
    arguments = ["orders"] * len(inspect.signature(method).parameters.keys() & {"topic", "messages", "key", "pairs"})

    with pytest.raises(NotImplementedError):
        call(method, object(), *arguments)


def call(method: Callable[..., Any], *arguments: object) -> None:
    """Call a function, or run a coroutine that ends at its first step."""
    result = method(*arguments)
    if inspect.iscoroutine(result):
        result.send(None)


def test_coroutines_are_told_from_functions() -> None:
    coroutines = {title(method) for method in overloaded_methods() if inspect.iscoroutinefunction(method)}

    assert coroutines == {
        "AsyncKafkaProducer.produce",
        "AsyncKafkaProducer.produce_all",
        "AsyncKafkaProducer.submit",
        "AsyncKafkaTopicProducer.produce",
        "AsyncKafkaTopicProducer.produce_all",
        "AsyncKafkaTopicProducer.submit",
    }
