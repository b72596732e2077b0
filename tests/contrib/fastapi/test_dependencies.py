from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import BackgroundTasks, Depends, FastAPI, Request, WebSocket
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient

from dekaf import AsyncProducer, AsyncTopicProducer, ConfigurationError, JsonSerializer, Producer, TopicProducer
from dekaf.contrib.fastapi import (
    ProducerDep,
    SyncProducerDep,
    dekaf_lifespan,
    dependencies,
    get_producer,
    get_registry,
    get_sync_producer,
    producer_for,
    registry_of,
    sync_producer_for,
    sync_topic_for,
    topic_for,
)
from dekaf.lifespans import SERVED, STATE_KEY, lifespan_served
from dekaf.registry import ProducerRegistry, override_everywhere
from dekaf.testing import KafkaFixture

OPTIONS: dict[str, object] = {"bootstrap_servers": "127.0.0.1:1", "close_timeout_ms": 200}
SETTINGS: dict[str, object] = {"default": OPTIONS, "audit": OPTIONS}

Order = dict[str, str]


@pytest.fixture
def double() -> Iterator[Producer]:
    with Producer(backend="memory") as double:
        yield double


def shop() -> FastAPI:
    """Return an application that produces in every way there is."""
    app = FastAPI()

    @app.post("/await")
    async def awaiting(producer: ProducerDep) -> int:
        return (await producer.produce("orders", "42", "paid")).offset

    @app.post("/block")
    def blocking(producer: SyncProducerDep) -> int:
        return producer.produce("orders", "42", "paid").offset

    @app.post("/audit")
    async def auditing(
        producer: Annotated[AsyncProducer[str, Order], Depends(producer_for("audit", str, Order))],
        same: Annotated[Producer[str, Order], Depends(sync_producer_for("audit", str, Order))],
    ) -> None:
        producer.fire("audit", "42", {"order": "42"})
        same.fire("audit", "42", {"order": "42"})

    @app.websocket("/socket")
    async def socket(websocket: WebSocket, producer: ProducerDep) -> None:
        await websocket.accept()
        await websocket.send_json((await producer.produce("orders", "42", "paid")).offset)
        await websocket.close()

    return app


def with_lifespan(app: FastAPI) -> FastAPI:
    app.router.lifespan_context = dekaf_lifespan(SETTINGS)
    return app


def around(inner: FastAPI) -> FastAPI:
    outer = FastAPI(lifespan=dekaf_lifespan(SETTINGS))
    outer.mount("/inner", inner)
    return outer


@pytest.mark.parametrize(("app", "prefix"), [(with_lifespan(shop()), ""), (around(shop()), "/inner")])
def test_every_kind_of_endpoint_is_served(double: Producer, app: FastAPI, prefix: str) -> None:
    with override_everywhere(double), TestClient(app) as client:
        answers = [client.post(f"{prefix}/{path}") for path in ("await", "block", "audit")]
        with client.websocket_connect(f"{prefix}/socket") as socket:
            last = socket.receive_json()

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert last == 2
    assert [message.topic for message in double.produced.messages] == ["orders", "orders", "audit", "audit", "orders"]
    assert json.loads(double.produced.messages[2].value or b"") == {"order": "42"}


def test_one_variable_runs_it_without_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEKAF_BACKEND", "memory")
    monkeypatch.setenv("DEKAF_AUDIT__CLIENT_ID", "audit")
    app = shop()
    app.router.lifespan_context = dekaf_lifespan()

    with TestClient(app) as client:
        answers = [client.post(f"/{path}").json() for path in ("await", "block", "audit")]
        registry: ProducerRegistry = app.state.dekaf

        assert answers == [0, 1, None]
        assert [message.value for message in registry.async_producer().produced.messages] == [b"paid", b"paid"]
        assert len(registry.producer("audit").produced.to_topic("audit")) == 2


@pytest.mark.asyncio
async def test_a_transport_that_carries_no_state_finds_the_application(double: Producer) -> None:
    app = with_lifespan(shop())

    async with app.router.lifespan_context(app), client_of(app) as client:
        with app.state.dekaf.override("default", double):
            answer = await client.post("/await")

    assert answer.json() == 0


def test_dependencies_can_be_overridden_by_fastapis_own_means(double: Producer) -> None:
    app = with_lifespan(shop())
    app.dependency_overrides[get_producer] = double.as_async
    app.dependency_overrides[get_sync_producer] = lambda: double
    app.dependency_overrides[producer_for("audit", str, Order)] = double.as_async
    app.dependency_overrides[sync_producer_for("audit", str, Order)] = lambda: double

    with TestClient(app) as client:
        for path in ("await", "block", "audit"):
            client.post(f"/{path}").raise_for_status()

    assert len(double.produced.messages) == 4


@pytest.mark.parametrize("make", [producer_for, sync_producer_for])
def test_the_same_arguments_give_the_same_dependency(make: Callable[..., object]) -> None:
    serializer = JsonSerializer[int]()

    assert make("audit", str, Order) is make("audit", str, Order)
    assert make("audit", value=serializer) is make("audit", value=serializer)
    assert make("audit") is not make("other")
    assert make("audit", str) is not make("audit", bytes)


def test_the_dependency_of_the_default_alias_is_the_plain_one() -> None:
    plain: list[object] = [get_producer, get_sync_producer]

    assert [producer_for(), sync_producer_for("default")] == plain


def test_the_registry_itself_can_be_asked_for() -> None:
    app = FastAPI(lifespan=dekaf_lifespan(SETTINGS))

    @app.get("/aliases")
    async def aliases(registry: Annotated[ProducerRegistry, Depends(get_registry)]) -> tuple[str, ...]:
        return registry.aliases

    with TestClient(app) as client:
        assert client.get("/aliases").json() == ["default", "audit"]


def test_answers_that_stream_and_tasks_after_the_answer_produce(kafka: KafkaFixture) -> None:
    app = with_lifespan(FastAPI())

    @app.get("/stream")
    async def stream(producer: ProducerDep) -> StreamingResponse:
        async def parts() -> AsyncIterator[str]:
            for number in range(2):
                yield str((await producer.produce("parts", str(number), "sent")).offset)

        return StreamingResponse(parts())

    @app.get("/task")
    async def task(producer: ProducerDep, tasks: BackgroundTasks) -> None:
        tasks.add_task(producer.produce, "tasks", "async", "done")
        tasks.add_task(lambda: producer.fire("tasks", "thread", "done"))

    with TestClient(app) as client:
        assert client.get("/stream").text == "01"
        assert client.get("/task").status_code == 200

    assert [message.key for message in kafka.messages("parts")] == [b"0", b"1"]
    assert [message.key for message in kafka.messages("tasks")] == [b"async", b"thread"]


# Where there are no dependencies, and for one topic.


def test_middleware_tasks_and_schedulers_find_the_producers(double: Producer) -> None:
    app = with_lifespan(FastAPI())
    found: list[ProducerRegistry] = []

    @app.middleware("http")
    async def remember(request: Request, call_next: Any) -> Any:
        found.extend([registry_of(request), registry_of(request.scope), registry_of(app)])
        return await call_next(request)

    with TestClient(app) as client:
        client.get("/nothing")
        registry_of(app).async_producer("audit", str, dict)
        assert found == [app.state.dekaf] * 3

    with pytest.raises(ConfigurationError, match="the lifespan of dekaf did not run"):
        registry_of(app)


def test_a_topic_is_a_dependency_with_types(double: Producer) -> None:
    app = with_lifespan(FastAPI())

    @app.post("/orders")
    async def place(orders: Annotated[AsyncTopicProducer[str, Order], Depends(topic_for("orders", str, dict))]) -> int:
        return (await orders.produce("42", {"item": "espresso"})).offset

    @app.post("/log")
    def log(log: Annotated[TopicProducer[str, Order], Depends(sync_topic_for("log", str, dict, alias="audit"))]) -> int:
        return len(log.produce_all([("42", {"item": "espresso"}), ("43", {"item": "tea"})]))

    with override_everywhere(double), TestClient(app) as client:
        assert (client.post("/orders").json(), client.post("/log").json()) == (0, 2)

    assert [(message.topic, message.key) for message in double.produced.messages] == [
        ("orders", b"42"),
        ("log", b"42"),
        ("log", b"43"),
    ]


def test_the_same_topic_is_the_same_dependency() -> None:
    assert topic_for("orders", str, dict) is topic_for("orders", str, dict)
    assert topic_for("orders", str, dict) is not topic_for("orders", str, dict, alias="audit")
    assert len({topic_for("orders"), sync_topic_for("orders"), producer_for(), topic_for("views")}) == 4


# Without a lifespan.


def test_without_a_lifespan_the_error_shows_the_missing_line() -> None:
    client = TestClient(shop())

    with pytest.raises(ConfigurationError, match=r"FastAPI\(lifespan=dekaf_lifespan\(settings\)\)"):
        client.post("/await")


def test_without_a_lifespan_the_test_fixtures_doubles_are_used(double: Producer) -> None:
    client = TestClient(shop())

    with override_everywhere(double):
        answers = [client.post(f"/{path}").status_code for path in ("await", "block", "audit")]

    assert answers == [200, 200, 200]
    assert len(double.produced.messages) == 4


def test_without_a_lifespan_the_environment_gives_a_producer_and_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DEKAF_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    app = FastAPI()
    seen: list[Any] = []

    @app.get("/")
    async def remember(producer: ProducerDep, registry: Annotated[ProducerRegistry, Depends(get_registry)]) -> None:
        seen.extend([producer, registry])

    with caplog.at_level(logging.WARNING, "dekaf"):
        for _ in range(2):
            TestClient(app).get("/").raise_for_status()

    assert seen[0] is seen[2]
    assert seen[1] is seen[3]
    warnings = [record.getMessage() for record in caplog.records if record.name.startswith("dekaf.contrib")]
    assert len(warnings) == 1
    assert "dekaf_lifespan" in warnings[0]


def without_lifespan(monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    """Return an application whose producers come from the environment."""
    monkeypatch.setenv("DEKAF_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("DEKAF_CLOSE_TIMEOUT_MS", "0")
    app = FastAPI()

    @app.get("/")
    async def fire(producer: ProducerDep) -> str:
        producer.fire("orders", "42", "paid")
        return producer.status().state.value

    return app


def ask(app: Any, **scope: Any) -> list[Any]:
    """Ask as a server does, and return the messages of the answer."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    whole = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [], **scope}
    asyncio.run(app(whole, receive, send))
    assert sent[0]["status"] == 200
    return sent


def test_a_server_that_runs_no_lifespan_is_an_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    app = without_lifespan(monkeypatch)

    for _ in range(2):
        ask(app, state={})

    (record,) = [record for record in caplog.records if record.name == "dekaf.contrib.fastapi"]
    assert record.levelname == "ERROR"
    assert "uvicorn without --lifespan off" in record.getMessage()
    assert "drain_on_sigterm()" in record.getMessage()


def test_below_the_lifespan_of_another_application_it_is_drained_with_that_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    app = without_lifespan(monkeypatch)

    async def serve() -> ProducerRegistry:
        async with lifespan_served():
            await asyncio.to_thread(ask, app, state={STATE_KEY: SERVED})
            (registry,) = dependencies._of_process
            assert registry.producer().status().buffered_bytes > 0
        return registry

    registry = asyncio.run(serve())

    assert registry.producer().status().buffered_bytes == 0
    assert [record for record in caplog.records if record.name == "dekaf.contrib.fastapi"] == []


def test_after_the_lifespan_tests_use_the_fixture_again(double: Producer) -> None:
    app = with_lifespan(shop())
    with TestClient(app):
        pass

    with override_everywhere(double):
        TestClient(app).post("/await").raise_for_status()

    assert len(double.produced.messages) == 1


def client_of(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test")
