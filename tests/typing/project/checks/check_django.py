"""The Django part under pytest-django."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import AsyncClient, Client
from orders.apps import OrdersConfig
from orders.events import OrderEvent, Status
from orders.models import Order
from orders.services import AsyncOrderService, OrderService
from orders.tasks import audit_many

from dekaf import ConfigurationError, NotEnoughReplicasError
from dekaf.testing import ANY, KafkaFixture, including, like

pytestmark = pytest.mark.django_db


def test_placing_announces_after_the_commit(
    client: Client, kafka: KafkaFixture, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        order_id = client.post("/orders/ada").json()["id"]

    kafka.assert_produced("orders", key=order_id, value=including(status="placed"), headers={"sent-by": "shop"})
    kafka.assert_in_order(
        like("orders", alias="default"), like("audit-log", value={"who": "ada", "what": ANY}, alias="audit")
    )


def test_many(client: Client, kafka: KafkaFixture) -> None:
    body = client.post("/orders/ada/many", headers={"X-Request-ID": "7"}).json()

    assert (body["first"], body["written"][1]["offset"], body["last"]["offset"]) == (0, 2, 3)
    kafka.assert_produced("orders", where=lambda message: message.headers.get("last") == b"yes", count=1)
    kafka.assert_produced("orders", headers={"request-id": "7"}, count=4)


def test_an_override_of_the_container(client: Client, kafka: KafkaFixture) -> None:
    config = apps.get_app_config("orders")
    assert isinstance(config, OrdersConfig)
    double = kafka.producer(str, OrderEvent)
    with config.container.orders.override(OrderService(double)):
        client.post("/orders/ada/many")

    assert double.produced.to_topic("orders")


def test_async_views(async_client: AsyncClient, kafka: KafkaFixture) -> None:
    async def scenario() -> None:
        assert (await async_client.post("/awaiting/ada")).json()["topic"] == "orders"
        assert (await async_client.post("/awaiting/ada/many")).json() == {"offsets": [1, 2], "last": 3}
        await kafka.await_for("views", key="ada")

    asyncio.run(scenario())


def test_tenants(client: Client, kafka: KafkaFixture) -> None:
    assert client.post("/tenants/ada", headers={"X-Tenant": "acme"}).json() == {"topic": "acme.orders"}
    with pytest.raises(ConfigurationError, match="must have a prefix"):
        client.post("/tenants/ada")


def test_failures_are_answered_and_probes_too(client: Client, kafka: KafkaFixture) -> None:
    kafka.fail_next("orders", NotEnoughReplicasError)
    assert client.post("/orders/ada/many").status_code == 503
    with kafka.unavailable():
        assert client.get("/internal/producers").json()["default"]["status"] == "degraded"
        assert client.get("/readyz").json()["status"] == "degraded"


def test_the_admin(admin_client: Client, kafka: KafkaFixture, django_capture_on_commit_callbacks: Any) -> None:
    order = Order.objects.create(customer="ada")
    with django_capture_on_commit_callbacks(execute=True):
        admin_client.post("/admin/orders/order/", {"action": "mark_as_paid", "_selected_action": [str(order.pk)]})

    kafka.assert_produced("orders", key=str(order.pk), value=including(status=Status.PAID))


def test_tasks_and_the_command(kafka: KafkaFixture, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit_many.delay([1, 2]).get() == 2
    Order.objects.bulk_create([Order(customer="ada"), Order(customer="grace")])
    call_command("resend_orders", status="placed")
    call_command("check", "--deploy", "--tag", "dekaf", "--fail-level", "WARNING")

    assert capsys.readouterr().out.startswith("2 delivered, 0 failed")
    kafka.assert_produced("orders", count=2)


def test_users_are_not_announced(kafka: KafkaFixture) -> None:
    User.objects.create_user("ada")

    kafka.assert_nothing_produced()


def test_the_async_service(kafka: KafkaFixture) -> None:
    service = AsyncOrderService(kafka.async_producer(str, OrderEvent))

    assert asyncio.run(service.place("42", OrderEvent("ada"))) == 0
