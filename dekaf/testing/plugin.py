"""The pytest plugin that is there wherever dekaf is installed: the ``kafka`` fixture.

Every run of pytest loads this module, also in projects that never ask for the fixture. So it imports nothing but what
pytest has loaded already; the names behind `dekaf.testing` are looked up when the fixture is used.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dekaf import testing

__all__ = ("kafka",)


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
