"""KafkaTestMixin: the ``kafka`` fixture for tests that are `unittest.TestCase` classes, Django's included."""

from __future__ import annotations

import unittest
from typing import Any

from dekaf.testing.kafka_fixture import KafkaFixture

__all__ = ("KafkaTestMixin",)


class KafkaTestMixin:
    """Keeps in memory what a `TestCase` produces, and gives it the assertions as ``self.kafka``.

    It stands before the `TestCase` among the bases. All producers of registries are replaced from `setUpClass` on, to
    which Django's `setUpTestData` belongs; each test begins with an empty memory, before its `setUp`, and ends with it,
    after its `tearDown`. In tests that are coroutines, use `await self.kafka.await_for(...)` for what comes late.

    Example:
        >>> class PlaceOrder(KafkaTestMixin, TestCase):
        ...     def test_it_tells_the_warehouse(self):
        ...         with self.captureOnCommitCallbacks(execute=True):
        ...             self.client.post("/orders/42")
        ...         self.kafka.assert_produced("orders", key="42")
    """

    kafka: KafkaFixture

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Refuse a class in which the mixin would do nothing."""
        super().__init_subclass__(**keywords)
        order = cls.__mro__
        if unittest.TestCase in order and order.index(unittest.TestCase) < order.index(KafkaTestMixin):
            raise TypeError(
                f"KafkaTestMixin stands before the TestCase: class {cls.__name__}(KafkaTestMixin, TestCase)."
            )

    @classmethod
    def setUpClass(cls) -> None:
        """Replace all producers until the class's tests are over."""
        kafka = KafkaFixture()
        kafka.__enter__()
        base: Any = super()
        case: Any = cls
        case.addClassCleanup(kafka.__exit__)
        base.setUpClass()

    def run(self, result: Any = None) -> Any:
        """Run one test with a memory of its own."""
        base: Any = super()
        with KafkaFixture() as self.kafka:
            return base.run(result)

    def debug(self) -> None:
        """Run one test without collecting its outcome, with a memory of its own."""
        base: Any = super()
        with KafkaFixture() as self.kafka:
            base.debug()
