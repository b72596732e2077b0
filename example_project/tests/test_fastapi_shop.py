"""The FastAPI application with the `kafka` fixture: its container and its lifespan are the real ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from dekaf import NotEnoughReplicasError
from dekaf.testing import KafkaFixture
from example_project.fastapi_shop.app import create_app
from example_project.shop.events import ORDERS_TOPIC, VIEWS_TOPIC

ORDER = {"order_id": "42", "customer": "ada", "item": "flat-white", "quantity": 2}


@pytest.fixture
def client(kafka: KafkaFixture) -> Iterator[TestClient]:
    """A client of the application. `kafka` comes first: its doubles are in place when the application starts."""
    with TestClient(create_app()) as client:
        yield client


def test_placing_an_order_answers_where_it_is(client: TestClient, kafka: KafkaFixture) -> None:
    answer = client.post("/orders", json=ORDER)

    assert answer.status_code == 201
    assert answer.json() == {"order_id": "42", "topic": ORDERS_TOPIC, "partition": 0, "offset": 0}
    kafka.assert_produced(ORDERS_TOPIC, key="ada", value={**ORDER, "total_cents": 840}, count=1)


def test_an_accepted_order_is_produced_as_well(client: TestClient, kafka: KafkaFixture) -> None:
    answer = client.post("/orders/express", json=ORDER)

    assert answer.status_code == 202
    kafka.assert_produced(ORDERS_TOPIC, key="ada", value={**ORDER, "total_cents": 840}, count=1)


def test_looking_at_an_item_is_told(client: TestClient, kafka: KafkaFixture) -> None:
    answer = client.get("/items/decaf", params={"customer": "grace"})

    assert answer.json() == {"item": "decaf", "price_cents": 300}
    kafka.assert_produced(VIEWS_TOPIC, key="grace", value={"item": "decaf", "customer": "grace"}, count=1)


def test_an_order_that_kafka_refuses_is_not_confirmed(client: TestClient, kafka: KafkaFixture) -> None:
    kafka.fail_next(ORDERS_TOPIC, NotEnoughReplicasError)

    answer = client.post("/orders", json=ORDER)

    assert answer.status_code == 503
    assert answer.json() == {"detail": "The order was not confirmed.", "may_be_placed": False}
    kafka.assert_nothing_produced()


def test_nonsense_produces_nothing(client: TestClient, kafka: KafkaFixture) -> None:
    answer = client.post("/orders", json={**ORDER, "quantity": 0})

    assert answer.status_code == 422
    kafka.assert_nothing_produced()
