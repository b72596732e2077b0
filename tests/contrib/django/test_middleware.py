"""Errors of producing as answers of a Django application."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, override_settings

from dekaf.errors import (
    AuthenticationError,
    ClusterUnavailableError,
    ConfigurationError,
    DeliveryTimeoutError,
    RecordTooLargeError,
)
from tests.contrib.django.raising_urls import RAISED

AWAY = ClusterUnavailableError("No broker at kafka-7:9092.", topic="orders", is_retriable=True)
UNKNOWN = DeliveryTimeoutError("Sent to kafka-7:9092.", topic="orders", is_retriable=True, may_be_persisted=True)
MIDDLEWARE = ["dekaf.contrib.django.middleware.ProduceErrorMiddleware"]
FRAMEWORKS = ["plain", "coroutine", "rest", "ninja/"]


@pytest.fixture(autouse=True)
def project() -> Iterator[None]:
    """Views that raise, with the middleware."""
    rest: dict[str, object] = {
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_PERMISSION_CLASSES": [],
        "UNAUTHENTICATED_USER": None,
    }
    with override_settings(
        ROOT_URLCONF="tests.contrib.django.raising_urls", MIDDLEWARE=MIDDLEWARE, REST_FRAMEWORK=rest, DEBUG=False
    ):
        yield
    RAISED.clear()


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_kafka_that_is_away_is_503_with_a_time_to_retry(client: Client, framework: str) -> None:
    RAISED[:] = [AWAY]

    response = client.get(f"/{framework}")

    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json() == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "The message was not written. Repeating the request is safe.",
        "may_be_persisted": False,
    }


@pytest.mark.asyncio
@pytest.mark.parametrize("framework", FRAMEWORKS)
async def test_the_same_under_asgi(framework: str) -> None:
    RAISED[:] = [AWAY]

    response = await AsyncClient(raise_request_exception=False).get(f"/{framework}")

    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_what_may_be_written_is_503_without_a_time_to_retry(client: Client, framework: str) -> None:
    RAISED[:] = [UNKNOWN]

    response = client.get(f"/{framework}")

    assert response.status_code == 503
    assert "Retry-After" not in response.headers
    assert response.json()["may_be_persisted"] is True
    assert b"kafka-7" not in response.content


def test_refusal_is_503_and_an_error_in_the_log(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    RAISED[:] = [AuthenticationError("The broker refused the password of user 'shop'.")]

    response = client.get("/plain")

    assert response.status_code == 503
    assert b"shop" not in response.content
    assert [record.levelno for record in caplog.records if record.name == "dekaf.contrib.django"] == [logging.ERROR]


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize(
    "error", [RecordTooLargeError("2 MB.", topic="orders"), ConfigurationError("no such alias"), LookupError("x")]
)
def test_bugs_stay_500_with_their_traceback(client: Client, framework: str, error: Exception) -> None:
    RAISED[:] = [error]

    assert client.get(f"/{framework}").status_code == 500
    with pytest.raises(type(error)):  # what Django logs, and Sentry sees
        Client().get(f"/{framework}")


class OwnMiddleware:
    """An application's handling of the same errors."""

    def __init__(self, get_response: object) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)  # type: ignore[operator]

    def process_exception(self, _request: HttpRequest, _exception: Exception) -> HttpResponse:
        return HttpResponse("mine", status=418)


def test_handlers_of_the_application_go_first(client: Client) -> None:
    RAISED[:] = [AWAY]
    with override_settings(MIDDLEWARE=[*MIDDLEWARE, f"{__name__}.OwnMiddleware"]):
        assert client.get("/plain").status_code == 418
