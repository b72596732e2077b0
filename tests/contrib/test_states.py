"""What probes and endpoints answer in an outage, with a full buffer, in the drain and after a fork: one table."""

from __future__ import annotations

import json
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, NamedTuple

import django
import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path
from fastapi import FastAPI

from dekaf import ProducerRegistry
from dekaf.contrib.django import get_producer
from dekaf.contrib.django.producers import discard_producers, get_registry
from dekaf.contrib.fastapi import ProducerDep, dekaf_lifespan, health_router, install_error_handlers
from dekaf.errors import BufferExhaustedError
from dekaf.testing import ALWAYS, ApiKey, FakeCluster
from tests.scenarios.faces import eventually

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # see tests/contrib/fastapi/conftest.py
    from fastapi.testclient import TestClient

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.contrib.django.settings")
django.setup()

OPTIONS = {
    "unavailable_after_ms": 100,
    "max_block_ms": 200,
    "buffer_memory": 20_000,
    "max_request_size": 10_000,
    "close_timeout_ms": 100,
    "linger_ms": 0,
}


class Answer(NamedTuple):
    """What matters of an answer."""

    status: int
    retry_after: str | None
    body: dict[str, Any]


class Site(NamedTuple):
    """An application with probes and an endpoint that waits for Kafka."""

    cluster: FakeCluster
    registry: ProducerRegistry
    get: Callable[[str], Answer]


@contextmanager
def fastapi_site(cluster: FakeCluster) -> Iterator[Site]:
    app = FastAPI(lifespan=dekaf_lifespan({"bootstrap_servers": cluster.bootstrap_servers, **OPTIONS}))
    install_error_handlers(app)
    app.include_router(health_router())

    @app.get("/order")
    async def order(producer: ProducerDep) -> dict[str, int]:
        return {"offset": (await producer.produce("orders", "42", "x" * 1_000)).offset}

    with TestClient(app) as client:

        def get(url: str) -> Answer:
            answer = client.get(url)
            return Answer(answer.status_code, answer.headers.get("Retry-After"), answer.json())

        yield Site(cluster, app.state.dekaf, get)


def order(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(f'{{"offset": {get_producer().produce("orders", "42", "x" * 1_000).offset}}}')


urlpatterns = [path("order", order)]


@contextmanager
def django_site(cluster: FakeCluster) -> Iterator[Site]:
    def get(url: str) -> Answer:
        answer = Client(raise_request_exception=False).get(url)
        body = json.loads(answer.content)
        return Answer(answer.status_code, answer.headers.get("Retry-After"), body)

    middleware = [
        "dekaf.contrib.django.probes.ProbesMiddleware",
        "dekaf.contrib.django.middleware.ProduceErrorMiddleware",
    ]
    options = {"bootstrap_servers": cluster.bootstrap_servers, **OPTIONS}
    with override_settings(DEKAF=options, ROOT_URLCONF=__name__, MIDDLEWARE=middleware):
        discard_producers()
        yield Site(cluster, get_registry(), get)
        discard_producers()


@pytest.fixture(params=[fastapi_site, django_site], ids=["fastapi", "django"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    with FakeCluster(topics={"orders": 1}) as cluster, request.param(cluster) as site:
        yield site


# States.


@contextmanager
def as_it_is(_site: Site) -> Iterator[None]:
    yield


@contextmanager
def in_an_outage(site: Site) -> Iterator[None]:
    site.get("/order")
    site.cluster.stop_broker(1, elect=False)
    eventually(lambda: site.registry.producer().status().unavailable_for is not None)
    yield
    site.cluster.start_broker(1)


@contextmanager
def in_an_outage_with_a_full_buffer(site: Site) -> Iterator[None]:
    with in_an_outage(site):
        with suppress(BufferExhaustedError):
            while True:
                site.registry.producer().fire("orders", "42", "x" * 1_000)
        yield


@contextmanager
def with_a_full_buffer_and_calls_that_wait(site: Site) -> Iterator[None]:
    """The broker is there, and answers nothing."""
    held = site.cluster.on(ApiKey.PRODUCE).hold(times=ALWAYS)
    producer = site.registry.producer()
    over = threading.Event()

    def fire() -> None:
        while not over.is_set():
            try:
                producer.fire("orders", "42", "x" * 1_000)
            except BufferExhaustedError:
                continue

    threads = [threading.Thread(target=fire) for _ in range(4)]
    with ExitStack() as stack:
        stack.callback(held.release)
        for thread in threads:
            thread.start()
            stack.callback(thread.join)
            eventually(lambda: producer.status().waiting_for_space > 0)
            over.wait(0.05)  # so that they are not refused at the same moment
        stack.callback(over.set)
        yield


@contextmanager
def while_it_is_drained(site: Site) -> Iterator[None]:
    held = site.cluster.on(ApiKey.PRODUCE).hold(times=ALWAYS)
    site.registry.producer().fire("orders", "42", "a")
    closing = threading.Thread(target=site.registry.close, args=[30])
    closing.start()
    eventually(lambda: site.registry.is_closed)
    yield
    held.release()
    closing.join()


@contextmanager
def once_it_is_closed(site: Site) -> Iterator[None]:
    site.get("/order")
    site.registry.close()
    yield


State = Callable[[Site], Any]

# By state: the status of /livez, /readyz and /startupz, how a process is, and the status of an order with Retry-After.
TABLE: dict[State, tuple[int, int, int, str, int, str | None]] = {
    as_it_is: (200, 200, 200, "up", 200, None),
    in_an_outage: (200, 200, 200, "degraded", 503, "5"),
    in_an_outage_with_a_full_buffer: (200, 200, 200, "degraded", 503, "5"),
    with_a_full_buffer_and_calls_that_wait: (200, 503, 200, "down", 503, "5"),
    while_it_is_drained: (200, 503, 200, "down", 503, "5"),
    once_it_is_closed: (200, 503, 200, "down", 503, "5"),
}


@pytest.mark.parametrize("state", TABLE)
def test_answers_are_those_of_the_table(site: Site, state: State) -> None:
    with state(site):
        live, ready, started, order = (site.get(url) for url in ("/livez", "/readyz", "/startupz", "/order"))

    assert (live.status, ready.status, started.status, ready.body["status"], order.status, order.retry_after) == (
        TABLE[state]
    )
    said = f"{live.body} {ready.body} {started.body} {order.body}"
    assert "127.0.0.1" not in said
    assert "localhost" not in said
    if order.status != 200:
        assert order.body["may_be_persisted"] is False


def test_after_an_outage_all_is_as_before(site: Site) -> None:
    with in_an_outage(site):
        assert site.get("/order").status == 503
    eventually(lambda: site.get("/order").status == 200)

    assert site.get("/readyz").body["status"] == "up"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("state", [as_it_is, in_an_outage])
def test_a_forked_child_begins_afresh(site: Site, state: State) -> None:
    """As with gunicorn's --preload: what its parent knows of Kafka is nothing to it."""
    with state(site):
        child = os.fork()
        if child == 0:
            report = site.registry.producer().status()
            os._exit(0 if (report.unavailable_for, report.state) == (None, "idle") else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
