"""Errors of producing as answers of a FastAPI application."""

from __future__ import annotations

import logging

import pytest
from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import PlainTextResponse
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from dekaf.contrib.fastapi import ProducerDep, dekaf_lifespan, install_error_handlers
from dekaf.errors import (
    AuthenticationError,
    ClusterUnavailableError,
    ConfigurationError,
    DekafError,
    DeliveryTimeoutError,
    RecordTooLargeError,
)

AWAY = ClusterUnavailableError("No broker at kafka-7:9092.", topic="orders", is_retriable=True)
UNKNOWN = DeliveryTimeoutError("Sent to kafka-7:9092.", topic="orders", is_retriable=True, may_be_persisted=True)


def app_that_raises(error: Exception) -> FastAPI:
    app = FastAPI()

    @app.post("/orders")
    async def place() -> None:
        raise error

    @app.post("/in-a-thread")
    def place_in_a_thread() -> None:
        raise error

    @app.websocket("/ws")
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        raise error

    return app


def client(app: FastAPI) -> TestClient:
    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize("path", ["/orders", "/in-a-thread"])
def test_kafka_that_is_away_is_503_with_a_time_to_retry(path: str) -> None:
    app = app_that_raises(AWAY)
    install_error_handlers(app, retry_after=3)

    response = client(app).post(path)

    assert response.status_code == 503
    assert response.headers["Retry-After"] == "3"
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json() == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "The message was not written. Repeating the request is safe.",
        "may_be_persisted": False,
    }


def test_what_may_be_written_is_503_without_a_time_to_retry() -> None:
    app = app_that_raises(UNKNOWN)
    install_error_handlers(app)

    response = client(app).post("/orders")

    assert response.status_code == 503
    assert "Retry-After" not in response.headers
    assert response.json()["may_be_persisted"] is True
    assert "kafka-7" not in response.text


def test_refusal_is_503_and_an_error_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    app = app_that_raises(AuthenticationError("The broker refused the password of user 'shop'."))
    install_error_handlers(app)

    response = client(app).post("/orders")

    assert response.status_code == 503
    assert "shop" not in response.text
    assert [record.levelno for record in caplog.records if record.name == "dekaf.contrib.fastapi"] == [logging.ERROR]


@pytest.mark.parametrize(
    "error", [RecordTooLargeError("2 MB.", topic="orders"), ConfigurationError("no lifespan"), LookupError("x")]
)
def test_bugs_stay_500_with_their_traceback(error: Exception) -> None:
    app = app_that_raises(error)
    install_error_handlers(app)

    assert client(app).post("/orders").status_code == 500
    with pytest.raises(type(error)) as caught:  # what servers log
        TestClient(app).post("/orders")
    assert caught.value is error


@pytest.mark.parametrize("kind", [ClusterUnavailableError, DekafError])
@pytest.mark.parametrize("is_first", [True, False])
def test_handlers_of_the_application_go_first(kind: type[DekafError], is_first: bool) -> None:
    app = app_that_raises(AWAY)
    if not is_first:
        install_error_handlers(app)

    @app.exception_handler(kind)
    async def own(_: Request, __: Exception) -> PlainTextResponse:
        return PlainTextResponse("mine", status_code=418)

    if is_first:
        install_error_handlers(app)

    assert client(app).post("/orders").status_code == 418


def test_websocket_is_told_to_try_again_later() -> None:
    app = app_that_raises(AWAY)
    install_error_handlers(app)

    with client(app).websocket_connect("/ws") as socket, pytest.raises(WebSocketDisconnect) as caught:
        socket.receive_text()

    assert caught.value.code == 1013
    assert caught.value.reason == "The message was not written. Repeating the request is safe."


def test_websocket_that_is_closed_already_leaves_the_error_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    app = FastAPI()
    install_error_handlers(app)

    @app.websocket("/ws")
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        await socket.close()
        raise AWAY

    with client(app).websocket_connect("/ws") as socket:
        assert socket.receive()["code"] == 1000

    (line,) = [one for one in caplog.records if one.name == "dekaf.contrib.fastapi"]
    assert line.exc_info is not None
    assert line.exc_info[1] is AWAY


def test_producer_without_kafka_makes_the_endpoint_say_so() -> None:
    options = {"bootstrap_servers": "localhost:1", "unavailable_after_ms": 1, "close_timeout_ms": 0}
    app = FastAPI(lifespan=dekaf_lifespan(options))
    install_error_handlers(app)

    @app.post("/orders")
    async def place(producer: ProducerDep) -> None:
        await producer.produce("orders", "42", {"status": "placed"})

    with client(app) as web:
        response = web.post("/orders")

    assert response.status_code == 503
    assert response.json()["may_be_persisted"] is False


def test_missing_lifespan_stays_500() -> None:
    app = FastAPI()
    install_error_handlers(app)

    @app.post("/orders")
    async def place(producer: ProducerDep) -> None:
        raise AssertionError("there is no producer")

    with pytest.raises(ConfigurationError, match="lifespan"):
        TestClient(app).post("/orders")
