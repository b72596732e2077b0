"""The project under Django's own runner."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from asgiref import testing
from django.contrib.auth.models import User
from django.test import LiveServerTestCase, SimpleTestCase, TestCase, override_settings

from dekaf.contrib.django import get_producer
from dekaf.testing import ANY, KafkaTestMixin, RealKafkaInTestError, including
from tests.styles.django_project.asgi import application

communicator_of: Any = testing.ApplicationCommunicator  # it is not typed


class Views(KafkaTestMixin, TestCase):  # type: ignore[misc] # Django is not typed
    """With the client, and the database."""

    @classmethod
    def setUpTestData(cls) -> None:
        User.objects.create(username="ada")
        get_producer().produce("orders", "0", {"status": "prepared"})  # as a signal handler would

    def test_client(self) -> None:
        self.assertEqual(self.client.get("/orders/42").json(), {"offset": 0})
        self.kafka.assert_produced("orders", key="42", value=including(status="placed", id=ANY), count=1)

    async def test_async_client(self) -> None:
        await self.async_client.get("/awaiting/42")
        await self.kafka.await_for("orders", key="42")

    def test_commit_hooks(self) -> None:
        with self.captureOnCommitCallbacks(execute=True):
            self.client.get("/users/grace")
        self.kafka.assert_produced("users", value="grace", alias="audit")

    def test_hint_at_commit_hooks(self) -> None:
        self.client.get("/users/grace")
        with self.assertRaisesRegex(AssertionError, r"captureOnCommitCallbacks\(execute=True\)"):
            self.kafka.assert_produced("users")

    def test_other_settings(self) -> None:
        with self.settings(DEKAF={"bootstrap_servers": "elsewhere.invalid:9092", "key": "str", "value": "json"}):
            self.client.get("/orders/42")
        self.kafka.assert_produced("orders", key="42")


class Server(KafkaTestMixin, LiveServerTestCase):  # type: ignore[misc] # as above
    """With a server on a thread, and real commits."""

    def test_live_server(self) -> None:
        urllib.request.urlopen(f"{self.live_server_url}/users/ada").close()
        self.kafka.assert_produced("users", value="ada")


class Socket(KafkaTestMixin, TestCase):  # type: ignore[misc] # as above
    """With Channels, which looks after the connections to the database."""

    async def test_websocket(self) -> None:
        communicator = communicator_of(application, {"type": "websocket", "path": "/", "headers": []})
        await communicator.send_input({"type": "websocket.connect"})
        await communicator.receive_output()
        await communicator.send_input({"type": "websocket.receive", "text": '{"id": "42"}'})
        self.assertEqual(json.loads((await communicator.receive_output())["text"]), {"offset": 0})
        await communicator.send_input({"type": "websocket.disconnect", "code": 1000})
        await communicator.wait()
        self.assertEqual(self.kafka.topic("orders").one().json(), {"id": "42"})


class WithoutTheMixin(SimpleTestCase):  # type: ignore[misc] # as above
    """Who forgets it reaches nothing."""

    def test_guard(self) -> None:
        with self.assertRaises(RealKafkaInTestError):
            self.client.get("/orders/42")

    @override_settings(DEKAF={"bootstrap_servers": "elsewhere.invalid:9092"})  # type: ignore[untyped-decorator] # as above
    def test_guard_with_other_settings(self) -> None:
        with self.assertRaisesRegex(RealKafkaInTestError, "elsewhere"):
            self.client.get("/orders/42")
