"""The pytest plugin that is there wherever dekaf is installed: the ``kafka`` fixture.

Every run of pytest loads this module, also in projects that never ask for the fixture. So it imports nothing but what
pytest has loaded already; the names behind `dekaf.testing` are looked up when the fixture is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from dekaf import testing

__all__ = ("kafka", "producers_replaced")


@pytest.fixture
def kafka() -> Iterator[testing.KafkaFixture]:
    """Doubles of all producers, with assertions about what was produced: see `dekaf.testing.KafkaFixture`.

    Example:
        def test_order_is_announced(kafka):
            OrderService(kafka.producer(str, Order)).place(order)

            kafka.assert_produced("orders", key="42", value=order)
    """
    fixture = testing.KafkaFixture()
    with producers_replaced(fixture):
        yield fixture


@contextmanager
def producers_replaced(fixture: testing.KafkaFixture) -> Iterator[None]:
    """Let the doubles of a fixture stand in for every alias of every registry while the context lasts.

    The one place where the fixture meets the producers that an application finds by itself, rather than being given.
    """
    from dekaf.registry import override_everywhere  # noqa: PLC0415 # pytest loads this module in every run

    with override_everywhere(fixture.async_producer()):
        yield
