"""A service under plain unittest."""

from __future__ import annotations

import unittest

from dekaf import ProducerRegistry
from dekaf.testing import KafkaTestMixin

registry = ProducerRegistry({"bootstrap_servers": "kafka.invalid:9092"})


class Service(KafkaTestMixin, unittest.TestCase):
    """Its functions."""

    def test_it(self) -> None:
        registry.producer().fire("orders", "42", "paid")
        self.kafka.assert_produced("orders", key="42", value="paid", count=1)


class AsyncService(KafkaTestMixin, unittest.IsolatedAsyncioTestCase):
    """Its coroutines."""

    async def test_it(self) -> None:
        await registry.async_producer().produce("orders", "42", "paid")
        self.kafka.assert_produced("orders", key="42", value="paid", count=1)
