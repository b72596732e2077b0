"""Both shops with their page, as applications: files, events, switching Kafka, and whom they refuse."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.test import override_settings

from dekaf.testing import KafkaFixture
from example_project.page import django_page, fastapi_page
from example_project.page.stand import VARIABLE
from example_project.shop.events import ORDERS_TOPIC
from example_project.stand.arrival import Arrival
from example_project.stand.board import Board
from example_project.stand.desk import Switch, open_desk
from example_project.stand.kafka import Stoppable

HERE = "http://127.0.0.1:8000"
ORDER = {"order_id": "web-1", "customer": "ada", "item": "decaf", "quantity": 1}
ARRIVAL = Arrival(partition=1, offset=7, order_id="web-1", customer="ada", item="decaf", quantity=1)

pytestmark = pytest.mark.asyncio


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, board: Board) -> Iterator[None]:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "desk"))
    switch = Switch(board, Stoppable(stop=lambda: None, start=lambda: None, is_there=lambda: True))
    with (
        open_desk(tmp_path / "desk", board, switch),
        override_settings(ROOT_URLCONF="example_project.page.django_urls"),
    ):
        yield


@asynccontextmanager
async def visitor(shop: str) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client of one shop, whose lifespan runs."""
    if shop == "django":
        app: Any = django_page.application
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
            yield client
        return
    app = fastapi_page.create_app()
    async with (
        app.router.lifespan_context(app) as state,
        httpx.AsyncClient(transport=httpx.ASGITransport(WithState(app, state or {})), base_url=HERE) as client,
    ):
        yield client


class WithState:
    """What a server does with what a lifespan yields: each request's scope has it."""

    def __init__(self, app: Any, state: Any) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._app({**scope, "state": dict(self._state)}, receive, send)


both_shops = pytest.mark.parametrize("shop", ["fastapi", "django"])


@both_shops
async def test_a_shop_serves_its_page_by_itself(kafka: KafkaFixture, shop: str) -> None:
    async with visitor(shop) as client:
        page = await client.get("/")
        script = await client.get("/page/page.js")
        missing = await client.get("/page/guard.py")

    assert page.status_code == 200
    assert "<h1>" in page.text
    assert page.headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert script.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert missing.status_code == 404


@both_shops
async def test_the_shops_own_addresses_are_what_they_were(kafka: KafkaFixture, shop: str) -> None:
    async with visitor(shop) as client:
        answer = await client.post("/orders", json=ORDER, headers={"Origin": HERE})

    assert answer.json() == {"order_id": "web-1", "topic": ORDERS_TOPIC, "partition": 0, "offset": 0}


@both_shops
@pytest.mark.parametrize("path", ["/orders", "/orders/express", "/kafka/stop", "/kafka/start"])
async def test_a_forged_post_does_nothing(kafka: KafkaFixture, board: Board, shop: str, path: str) -> None:
    async with visitor(shop) as client:
        answer = await client.post(path, json=ORDER, headers={"Origin": "https://evil.example"})

    assert answer.status_code == 403
    assert answer.json() == {"detail": "This comes from another site's page."}
    kafka.assert_nothing_produced()
    assert board.kafka_state == "running"


@both_shops
async def test_kafka_is_switched_by_post_alone(kafka: KafkaFixture, board: Board, shop: str) -> None:
    async with visitor(shop) as client:
        looked = await client.get("/kafka/stop")
        assert board.kafka_state == "running"
        other = await client.post("/kafka/explode")
        stopped = await client.post("/kafka/stop")

    assert looked.status_code == 405
    assert other.status_code in {404, 422}
    assert (stopped.status_code, stopped.json()) == (202, {"kafka": "stopping"})


@both_shops
async def test_events_are_what_the_stand_tells_and_how_the_shops_producer_is(
    kafka: KafkaFixture, board: Board, shop: str
) -> None:
    async def tell() -> None:
        while not board.is_watched:
            await asyncio.sleep(0)
        board.add([ARRIVAL])
        board.close()

    async with visitor(shop) as client:
        telling = asyncio.create_task(tell())
        answer = await client.get("/events")
        await telling

    assert answer.headers["Content-Type"].startswith("text/event-stream")
    told = events_in(answer.text)
    assert [name for name, _ in told if name != "vitals"] == ["shop", "state", "history", "arrivals"]
    assert told[0][1] == {"name": shop}
    assert dict(told)["arrivals"] == {"records": 1, "doubles": 0, "arrivals": [ARRIVAL.as_dict()]}
    assert dict(told)["vitals"]["health"] == "up"
    assert dict(told)["vitals"]["pid"] == os.getpid()


@both_shops
async def test_without_a_stand_the_stream_ends_and_the_browser_asks_again(
    kafka: KafkaFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shop: str
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nobody"))

    async with visitor(shop) as client:
        answer = await client.get("/events")

    assert answer.status_code == 200
    assert answer.text.startswith("retry: 1000\n\n")
    assert [name for name, _ in events_in(answer.text)] == ["shop"]


def events_in(text: str) -> list[tuple[str, Any]]:
    """Return names and data, as a browser reads them."""
    parts = [dict(line.split(": ", 1) for line in part.splitlines()) for part in text.split("\n\n") if part]
    return [(part["event"], json.loads(part["data"])) for part in parts if "event" in part]
