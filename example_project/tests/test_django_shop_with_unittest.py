"""The Django application in Django's own test classes: `KafkaTestMixin` is the fixture as `self.kafka`."""

from __future__ import annotations

from django.test import SimpleTestCase

from dekaf.testing import KafkaTestMixin, including, like
from example_project.shop.events import ORDERS_TOPIC, VIEWS_TOPIC

ORDER = {"order_id": "42", "customer": "ada", "item": "flat-white", "quantity": 2}


class Shop(KafkaTestMixin, SimpleTestCase):  # type: ignore[misc] # Django is not typed
    """Its views."""

    def test_who_looks_and_then_orders_is_told_in_this_order(self) -> None:
        self.client.get("/items/flat-white", {"customer": "ada"})
        self.client.post("/orders/sync", ORDER, content_type="application/json")

        self.kafka.assert_in_order(
            like(VIEWS_TOPIC, key="ada", value=including(item="flat-white")),
            like(ORDERS_TOPIC, key="ada", value=including(order_id="42", total_cents=840)),
        )

    async def test_an_accepted_order_is_announced(self) -> None:
        await self.async_client.post("/orders/express", ORDER, content_type="application/json")

        await self.kafka.await_for(ORDERS_TOPIC, key="ada", value=including(order_id="42"))
