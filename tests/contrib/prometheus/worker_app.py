"""An application of two gunicorn workers, whose metrics are shown together; and gunicorn's configuration."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from dekaf import ProducerRegistry
from dekaf.contrib.fastapi import ProducerDep, dekaf_lifespan
from dekaf.contrib.prometheus import install_multiprocess

INTERVAL = 0.2  # seconds
OPTIONS = {"linger_ms": 60_000}  # what a worker is told to stop with lingers: the drain alone sends it


def make_app() -> Callable[[dict[str, Any], Any], Iterable[bytes]]:
    """Make the application, in each worker."""
    producers = ProducerRegistry({"default": {"bootstrap_servers": os.environ["TEST_SERVERS"], **OPTIONS}})
    install_multiprocess(producers, interval=float(os.environ.get("TEST_INTERVAL", INTERVAL)))

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        if environ["PATH_INFO"] == "/metrics":
            return [all_metrics()]
        for _ in range(10):
            producers.producer().fire(os.environ["TEST_TOPIC"], "42", "paid")
        if environ["PATH_INFO"] == "/flushed":
            producers.producer().flush()
        return [str(os.getpid()).encode()]

    return app


def make_fastapi() -> FastAPI:
    """Make the application for uvicorn, in each worker."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        async with dekaf_lifespan({"bootstrap_servers": os.environ["TEST_SERVERS"], **OPTIONS})(app) as state:
            install_multiprocess(app.state.dekaf, interval=float(os.environ["TEST_INTERVAL"]))
            yield dict(state)

    app = FastAPI(lifespan=lifespan)

    @app.get("/metrics")
    def metrics() -> PlainTextResponse:
        return PlainTextResponse(all_metrics())

    @app.get("/{how}")
    async def produce(how: str, producer: ProducerDep) -> PlainTextResponse:
        for _ in range(10):
            producer.fire(os.environ["TEST_TOPIC"], "42", "paid")
        if how == "flushed":
            await producer.flush()
        return PlainTextResponse(str(os.getpid()))

    return app


def all_metrics() -> bytes:
    """Return what all workers show."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def child_exit(_server: object, worker: Any) -> None:
    """Take what a dead worker no longer has, its buffer for one, out of the sums."""
    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
