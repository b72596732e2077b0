"""An application of two gunicorn workers, whose metrics are shown together; and gunicorn's configuration."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from dekaf import ProducerRegistry
from dekaf.contrib.prometheus import install_multiprocess

INTERVAL = 0.2  # seconds


def make_app() -> Callable[[dict[str, Any], Any], Iterable[bytes]]:
    """Make the application, in each worker."""
    # What a worker is told to stop with lingers: the drain alone sends it.
    producers = ProducerRegistry({"default": {"bootstrap_servers": os.environ["TEST_SERVERS"], "linger_ms": 60_000}})
    install_multiprocess(producers, interval=INTERVAL)

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        if environ["PATH_INFO"] == "/metrics":
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
            return [generate_latest(registry)]
        for _ in range(10):
            producers.producer().fire(os.environ["TEST_TOPIC"], "42", "paid")
        if environ["PATH_INFO"] == "/flushed":
            producers.producer().flush()
        return [str(os.getpid()).encode()]

    return app


def child_exit(_server: object, worker: Any) -> None:
    """Take what a dead worker no longer has, its buffer for one, out of the sums."""
    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
