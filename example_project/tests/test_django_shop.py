"""The Django application with the `kafka` fixture and Django's own test clients."""

from __future__ import annotations

import pytest
from django.test import AsyncClient, Client

from dekaf import NotEnoughReplicasError
from dekaf.testing import KafkaFixture
from example_project.shop.events import ORDERS_TOPIC, VIEWS_TOPIC

ORDER = {"order_id": "42", "customer": "ada", "item": "flat-white", "quantity": 2}
JSON = "application/json"
EVENT = {**ORDER, "total_cents": 840}


@pytest.mark.asyncio
async def test_placing_an_order_in_an_async_view_answers_where_it_is(
    async_client: AsyncClient, kafka: KafkaFixture
) -> None:
    answer = await async_client.post("/orders", ORDER, content_type=JSON)

    assert answer.status_code == 201
    assert answer.json() == {"order_id": "42", "topic": ORDERS_TOPIC, "partition": 0, "offset": 0}
    kafka.assert_produced(ORDERS_TOPIC, key="ada", value=EVENT, count=1)


def test_placing_an_order_in_a_sync_view_answers_where_it_is(client: Client, kafka: KafkaFixture) -> None:
    answer = client.post("/orders/sync", ORDER, content_type=JSON)

    assert answer.status_code == 201
    assert answer.json() == {"order_id": "42", "topic": ORDERS_TOPIC, "partition": 0, "offset": 0}
    kafka.assert_produced(ORDERS_TOPIC, key="ada", value=EVENT, count=1)


@pytest.mark.asyncio
async def test_an_accepted_order_is_produced_as_well(async_client: AsyncClient, kafka: KafkaFixture) -> None:
    answer = await async_client.post("/orders/express", ORDER, content_type=JSON)

    assert answer.status_code == 202
    kafka.assert_produced(ORDERS_TOPIC, key="ada", value=EVENT, count=1)


def test_looking_at_an_item_is_told(client: Client, kafka: KafkaFixture) -> None:
    answer = client.get("/items/decaf", {"customer": "grace"})

    assert answer.json() == {"item": "decaf", "price_cents": 300}
    kafka.assert_produced(VIEWS_TOPIC, key="grace", value={"item": "decaf", "customer": "grace"}, count=1)


def test_an_item_we_do_not_serve_is_not_found_and_not_told(client: Client, kafka: KafkaFixture) -> None:
    answer = client.get("/items/tea")

    assert answer.status_code == 404
    kafka.assert_nothing_produced()


@pytest.mark.parametrize("path", ["/orders", "/orders/sync"])
def test_an_order_that_kafka_refuses_is_not_confirmed(client: Client, kafka: KafkaFixture, path: str) -> None:
    kafka.fail_next(ORDERS_TOPIC, NotEnoughReplicasError)

    answer = client.post(path, ORDER, content_type=JSON)

    assert answer.status_code == 503
    assert answer.json() == {"detail": "The order was not confirmed.", "may_be_placed": False}
    kafka.assert_nothing_produced()


@pytest.mark.parametrize("path", ["/orders", "/orders/sync", "/orders/express"])
def test_nonsense_produces_nothing(client: Client, kafka: KafkaFixture, path: str) -> None:
    answer = client.post(path, {**ORDER, "quantity": 0}, content_type=JSON)

    assert answer.status_code == 422
    kafka.assert_nothing_produced()
