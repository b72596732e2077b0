"""The Django part with Django's own test classes."""

from __future__ import annotations

from django.test import SimpleTestCase, TestCase
from orders.models import Order

from dekaf import ProducerMessage
from dekaf.contrib.django import get_producer
from dekaf.testing import FakeCluster, KafkaTestMixin, RealKafkaInTestError, allow_real_kafka, including


class Orders(KafkaTestMixin, TestCase):
    order: Order

    @classmethod
    def setUpTestData(cls) -> None:
        cls.order = Order.objects.create(customer="ada")

    def test_saving(self) -> None:
        with self.captureOnCommitCallbacks(execute=True):
            self.order.save()

        message = self.kafka.topic("orders").one()
        self.assertEqual((message.key, message.json()["customer"]), (str(self.order.pk).encode(), "ada"))

    async def test_awaiting(self) -> None:
        response = await self.async_client.post("/awaiting/ada")

        self.assertEqual(response.status_code, 200)
        await self.kafka.await_for("orders", value=including(customer="ada"))


class WithoutTheMixin(SimpleTestCase):
    def test_guard(self) -> None:
        with self.assertRaises(RealKafkaInTestError):
            get_producer().fire("orders", "42", {})

    @allow_real_kafka()
    def test_a_cluster(self) -> None:
        with (
            FakeCluster(topics={"orders": 1}) as cluster,
            self.settings(DEKAF={"bootstrap_servers": cluster.bootstrap_servers}),
        ):
            get_producer().produce(ProducerMessage(topic="orders", key="42", value="placed"))
            self.assertEqual(cluster.log("orders")[0].value, b"placed")
