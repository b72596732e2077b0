"""The FastAPI part, and the two containers."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from api import container, dishka_app
from api.app import app
from api.models import Order
from fastapi.testclient import TestClient
from orders.events import OrderEvent

from dekaf import AsyncProducer, NotEnoughReplicasError
from dekaf.contrib.fastapi import producer_for
from dekaf.testing import KafkaFixture, including


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka.invalid:9092")
    monkeypatch.setenv("KAFKA_AUDIT__LINGER_MS", "50")
    with TestClient(app) as client:
        yield client


def test_endpoints(kafka: KafkaFixture, client: TestClient) -> None:
    placed = client.post("/orders", json={"id": "42"}).json()
    assert (placed["order"], placed["written"]["offset"]) == ("42", 0)
    assert len(client.post("/baskets", json=[{"id": "43"}, {"id": "44"}]).json()) == 2
    assert client.post("/audit/ada").json() == 1
    assert client.get("/stream/2").text == "0\n1\n"
    assert client.get("/status").json()["state"] == "running"
    assert client.get("/readyz").json()["status"] == "up"
    assert client.get("/internal/readyz").json()["producers"]["audit"]["status"] == "up"

    kafka.assert_produced("orders", key="42", value=including(item="espresso"), headers={"source": "api"}, count=1)
    kafka.assert_produced("audit-log", key="ada", alias="audit", count=2)
    kafka.assert_produced("starts", key="api")
    kafka.assert_produced("requests", value="/baskets")


def test_websockets(kafka: KafkaFixture, client: TestClient) -> None:
    with client.websocket_connect("/socket") as socket:
        socket.send_text("hello")
        assert socket.receive_json()["topic"] == "socket"

    kafka.assert_produced("socket", value="hello")


def test_errors_are_answers(kafka: KafkaFixture, client: TestClient) -> None:
    kafka.fail_next("orders", NotEnoughReplicasError)

    answer = client.post("/orders", json={"id": "42"})

    assert (answer.status_code, answer.json()["may_be_persisted"]) == (503, False)


def test_an_override_of_the_dependency(kafka: KafkaFixture, client: TestClient) -> None:
    double: AsyncProducer[str, Order] = kafka.async_producer(str, Order)
    app.dependency_overrides[producer_for("default", str, Order)] = lambda: double
    client.post("/orders", json={"id": "42"})
    app.dependency_overrides.clear()

    assert double.produced.to_topic("orders")


@pytest.mark.asyncio
async def test_in_a_coroutine(kafka: KafkaFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka.invalid:9092")
    monkeypatch.setenv("KAFKA_AUDIT__LINGER_MS", "50")
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        await client.post("/baskets", json=[{"id": "42"}])

    await kafka.await_for("orders", key="42")


def test_containers(kafka: KafkaFixture) -> None:
    with TestClient(container.create_app({"bootstrap_servers": "kafka.invalid:9092", "key": "str"})) as client:
        assert client.post("/orders/42").json() == 0
    with TestClient(dishka_app.create_app()) as client:
        assert client.post("/orders/43").json() == 1

    assert [message.key for message in kafka.topic("orders")] == [b"42", b"43"]
    kafka.assert_produced("orders", value=OrderEvent("ada"), count=2)
