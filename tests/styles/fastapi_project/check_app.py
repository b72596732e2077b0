"""The application under pytest, pytest-asyncio and anyio; the outer test runs this in processes side by side, too."""

from __future__ import annotations

import httpx
import pytest
from fastapi.testclient import TestClient

from dekaf import NotEnoughReplicasError
from dekaf.testing import ANY, KafkaFixture, RealKafkaInTestError, including
from tests.styles.fastapi_project.app import app


def async_client() -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test")


@pytest.mark.parametrize("path", ["orders", "blocking"])
def test_with_the_test_client(kafka: KafkaFixture, path: str) -> None:
    with TestClient(app) as client:
        assert client.post(f"/{path}/42").json() == 0

    kafka.assert_produced("orders", key="42", value=including(status="placed", id=ANY), count=1)


def test_failures_reach_the_endpoint(kafka: KafkaFixture) -> None:
    kafka.fail_next("orders", NotEnoughReplicasError)

    with TestClient(app) as client, pytest.raises(NotEnoughReplicasError):
        client.post("/orders/42")


@pytest.mark.asyncio
async def test_with_pytest_asyncio(kafka: KafkaFixture) -> None:
    async with app.router.lifespan_context(app), async_client() as client:
        await client.post("/later/42")
        await kafka.await_for("orders", value=including(status="later"))

    kafka.assert_produced("orders", key="42", count=2)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_with_anyio(kafka: KafkaFixture) -> None:
    async with app.router.lifespan_context(app), async_client() as client:
        assert (await client.post("/orders/42")).json() == 0

    assert kafka.topic("orders").one().json() == {"id": "42", "status": "placed"}


def test_who_forgets_the_fixture_reaches_nothing() -> None:
    with TestClient(app) as client, pytest.raises(RealKafkaInTestError, match=r"kafka\.invalid:9092"):
        client.post("/orders/42")
