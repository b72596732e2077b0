from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from dekaf import ConfigurationError, ProducerClosedError
from dekaf.contrib.dependency_injector import ProducerContainer
from dekaf.contrib.fastapi import ProducerDep, dekaf_lifespan
from dekaf.producer import Producer
from dekaf.registry import ProducerRegistry
from dekaf.testing import KafkaFixture
from dekaf.types import ProducerState

pytestmark = pytest.mark.asyncio

SETTINGS: dict[str, object] = {"bootstrap_servers": "127.0.0.1:1", "close_timeout_ms": 200}


async def test_it_hands_out_the_registry_in_both_places_and_closes_it() -> None:
    app = FastAPI(lifespan=dekaf_lifespan(SETTINGS))

    async with app.router.lifespan_context(app) as state:
        assert state is not None
        registry: ProducerRegistry = state["dekaf"]
        assert app.state.dekaf is registry
        assert not registry.is_closed

    assert registry.is_closed
    assert not hasattr(app.state, "dekaf")


async def test_starting_does_no_network_input_or_output() -> None:
    app = FastAPI(lifespan=dekaf_lifespan(SETTINGS))

    async with app.router.lifespan_context(app):
        assert app.state.dekaf.producer().status().state is ProducerState.IDLE


async def test_what_cannot_be_delivered_ends_with_the_close_timeout() -> None:
    app = FastAPI(lifespan=dekaf_lifespan(SETTINGS))

    async with app.router.lifespan_context(app):
        registry: ProducerRegistry = app.state.dekaf
        registry.async_producer().fire("orders", "42", "paid")

    assert registry.close().undelivered == 1


async def test_a_lifespan_without_its_brackets_is_refused() -> None:
    app = FastAPI(lifespan=dekaf_lifespan)  # type: ignore[arg-type] # the mistake

    with pytest.raises(ConfigurationError, match=r"FastAPI\(lifespan=dekaf_lifespan\(\)\)"):
        async with app.router.lifespan_context(app):
            pytest.fail("it started")


async def test_a_lifespan_without_its_application_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"async with dekaf_lifespan\(settings\)\(app\) as state"):
        async with dekaf_lifespan(SETTINGS):  # type: ignore[attr-defined] # the mistake
            pytest.fail("it started")


@pytest.mark.parametrize(
    "settings", [{"linger": 5, **SETTINGS}, {"default": SETTINGS, "audit": {**SETTINGS, "start": "now"}}]
)
async def test_mistakes_show_when_the_application_starts(settings: dict[str, object]) -> None:
    app = FastAPI(lifespan=dekaf_lifespan(settings))

    with pytest.raises(ConfigurationError):
        async with app.router.lifespan_context(app):
            pytest.fail("it started")


async def test_it_works_inside_a_lifespan_of_ones_own() -> None:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        async with dekaf_lifespan(SETTINGS)(app) as state:
            yield {**state, "database": "there"}

    app = FastAPI(lifespan=lifespan)

    async with app.router.lifespan_context(app) as state:
        assert state is not None
        assert sorted(state) == ["database", "dekaf"]
        assert app.state.dekaf is state["dekaf"]


async def test_an_application_may_start_again() -> None:
    app = FastAPI(lifespan=dekaf_lifespan(SETTINGS))

    @app.get("/")
    async def state(producer: ProducerDep) -> str:
        return producer.status().state.value

    for _ in range(2):
        async with app.router.lifespan_context(app):
            assert (await get(app, "/")).json() == "idle"


async def test_applications_of_one_process_have_producers_of_their_own() -> None:
    first, second = FastAPI(lifespan=dekaf_lifespan(SETTINGS)), FastAPI(lifespan=dekaf_lifespan(SETTINGS))

    async with first.router.lifespan_context(first):
        async with second.router.lifespan_context(second):
            assert first.state.dekaf is not second.state.dekaf
        assert first.state.dekaf.producer().status().state is ProducerState.IDLE


async def test_a_registry_of_ones_own_is_closed_at_the_end() -> None:
    registry = ProducerRegistry(SETTINGS)
    app = FastAPI(lifespan=dekaf_lifespan(registry))

    async with app.router.lifespan_context(app):
        assert app.state.dekaf is registry

    with pytest.raises(ProducerClosedError):
        registry.producer()


async def test_a_registry_of_ones_own_is_opened_again_by_the_next_start() -> None:
    registry = ProducerRegistry(SETTINGS)
    app = FastAPI(lifespan=dekaf_lifespan(registry))

    for _ in range(2):
        async with app.router.lifespan_context(app):
            registry.async_producer().fire("orders", "42", "paid")

    assert registry.is_closed


async def test_doubles_stay_in_a_registry_that_is_opened_again() -> None:
    registry = ProducerRegistry(SETTINGS)
    app = FastAPI(lifespan=dekaf_lifespan(registry))

    with Producer(backend="memory") as double, registry.override_all(double):
        for _ in range(2):
            async with app.router.lifespan_context(app):
                registry.producer().fire("orders", "42", "paid")

    assert len(double.produced.messages) == 2


async def test_the_registry_of_a_container_serves_one_start_after_the_other(kafka: KafkaFixture) -> None:
    container = ProducerContainer(config=SETTINGS)
    app = FastAPI(lifespan=dekaf_lifespan(container.registry()))

    @app.get("/")
    async def place(producer: ProducerDep) -> None:
        await producer.produce("orders", "42", "paid")

    for _ in range(2):
        async with app.router.lifespan_context(app):
            assert (await get(app, "/")).status_code == 200

    assert len(kafka.messages("orders")) == 2
    container.shutdown_resources()


async def get(app: FastAPI, path: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client:
        return await client.get(path)
