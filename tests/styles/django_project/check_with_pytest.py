"""The project under pytest-django."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from typing import Any

import pytest
from asgiref import testing
from django.test import AsyncClient, Client, override_settings

from dekaf.testing import ANY, KafkaFixture, RealKafkaInTestError, including
from tests.styles.django_project.asgi import application

communicator_of: Any = testing.ApplicationCommunicator  # it is not typed


@pytest.mark.parametrize("path", ["orders", "awaiting"])
def test_with_the_client(client: Client, kafka: KafkaFixture, path: str) -> None:
    assert client.get(f"/{path}/42").json() == {"offset": 0}

    kafka.assert_produced("orders", key="42", value=including(status="placed", id=ANY), alias="default")


def test_with_the_async_client(async_client: AsyncClient, kafka: KafkaFixture) -> None:
    async def scenario() -> None:
        assert (await async_client.get("/awaiting/42")).json() == {"offset": 0}
        await kafka.await_for("orders", key="42")

    asyncio.run(scenario())


def test_with_a_live_server(live_server: Any, kafka: KafkaFixture, transactional_db: None) -> None:
    urllib.request.urlopen(f"{live_server.url}/users/ada").close()

    kafka.assert_produced("users", value="ada", alias="audit")


def test_with_channels(kafka: KafkaFixture) -> None:
    async def scenario() -> None:
        communicator = communicator_of(application, {"type": "websocket", "path": "/", "headers": []})
        await communicator.send_input({"type": "websocket.connect"})
        assert (await communicator.receive_output())["type"] == "websocket.accept"
        await communicator.send_input({"type": "websocket.receive", "text": '{"id": "42"}'})
        assert json.loads((await communicator.receive_output())["text"]) == {"offset": 0}
        await communicator.send_input({"type": "websocket.disconnect", "code": 1000})
        await communicator.wait()

    asyncio.run(scenario())
    assert kafka.topic("orders").one().json() == {"id": "42"}


@pytest.mark.django_db
def test_commit_hooks(client: Client, kafka: KafkaFixture, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        client.get("/users/ada")
    kafka.assert_produced("users", value="ada")

    client.get("/users/grace")
    with pytest.raises(AssertionError, match=r"functions given to transaction\.on_commit"):
        kafka.assert_produced("users", value="grace")


def test_who_forgets_the_fixture_reaches_nothing(client: Client) -> None:
    with pytest.raises(RealKafkaInTestError, match=r"kafka\.invalid:9092"):
        client.get("/orders/42")
    with (
        override_settings(DEKAF={"bootstrap_servers": "elsewhere.invalid:9092"}),
        pytest.raises(RealKafkaInTestError, match=r"elsewhere\.invalid:9092"),
    ):
        client.get("/orders/42")
