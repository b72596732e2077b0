"""The pytest plugin that is there wherever dekaf is installed: the ``kafka`` fixture, and no real Kafka by accident.

Every run of pytest loads this module, also in projects that never ask for the fixture. So it imports nothing but what
pytest has loaded already; the names behind `dekaf.testing` are looked up when the fixture is used.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Generator, Iterator
from typing import Final

import pytest

from dekaf import testing
from dekaf.real_kafka import GUARD

__all__ = ("kafka",)

OPTION: Final = "dekaf_real_kafka"
MARKER: Final = "real_kafka"

_permissions: Final = pytest.StashKey[contextlib.ExitStack]()


@pytest.fixture
def kafka() -> Iterator[testing.KafkaFixture]:
    """All producers in memory, with assertions about what was produced: see `dekaf.testing.KafkaFixture`.

    Example:
        def test_order_is_announced(kafka):
            OrderService(kafka.producer(str, Order)).place(order)

            kafka.assert_produced("orders", key="42", value=order)
    """
    with testing.KafkaFixture() as kafka:
        yield kafka


def pytest_addoption(parser: pytest.Parser) -> None:
    """Know the option that allows all tests a real Kafka."""
    parser.addini(
        OPTION, "allow producers of settings and registries to reach a real Kafka", type="bool", default=False
    )


def pytest_configure(config: pytest.Config) -> None:
    """Switch the guard on for this run."""
    config.addinivalue_line("markers", f"{MARKER}: producers of settings and registries may reach a real Kafka")
    stack = config.stash[_permissions] = contextlib.ExitStack()
    if config.getini(OPTION):
        stack.enter_context(GUARD.permission())  # also where another plugin sets up Django's test environment
    else:
        GUARD.switch_on()
        stack.callback(GUARD.switch_off)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave no trace in a process that goes on."""
    config.stash.get(_permissions, contextlib.ExitStack()).close()


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, None, None]:
    """Let a marked test reach a real Kafka, its fixtures included; forget what is in memory after each test."""
    with contextlib.ExitStack() as stack:
        if item.get_closest_marker(MARKER) is not None:
            stack.enter_context(GUARD.permission())
        yield
    registry = sys.modules.get("dekaf.registry")
    if registry is not None:  # otherwise there is nothing to forget
        registry.clear_memories()
