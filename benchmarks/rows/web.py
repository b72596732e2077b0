"""Web applications: the CPU that one produce adds to a request."""

from __future__ import annotations

from benchmarks.builds import Build
from benchmarks.job import Job
from benchmarks.measures.interface import Measure
from benchmarks.measures.web_server import GUNICORN, UVICORN, Server, WebServer
from benchmarks.rows.names import (
    AIOKAFKA,
    AIOKAFKA_0,
    AIOKAFKA_5,
    BRIDGE_0,
    BRIDGE_5,
    BRIDGES,
    CONFLUENT_FLUSH,
    INTERPRETED,
    NO_CLIENT,
    OURS,
)
from benchmarks.rows.row import Row, at_most

__all__ = ("WEB",)

COLUMNS = ("added_us", "bare_us", "requests")


def _endpoint(client: str, *, linger_ms: int = 5, freezes: bool, build: Build | None = None) -> Measure:
    job = Job(workload="endpoint", client=client, linger_ms=linger_ms)
    return WebServer(server=UVICORN, job=job, connections=64, freezes=freezes, build=build)


def _view(client: str, *, linger_ms: int = 5, server: Server = GUNICORN, build: Build | None = None) -> Measure:
    job = Job(workload="view", client=client, linger_ms=linger_ms)
    return WebServer(server=server, job=job, connections=16, build=build)


def _fastapi(name: str, title: str, *, limit: float, freezes: bool) -> Row:
    return Row(
        name=name,
        title=f"FastAPI endpoint awaiting one produce, 64 connections, uvicorn on uvloop, {title}",
        contenders={
            OURS: _endpoint("dekaf", freezes=freezes, build=Build.COMPILED),
            INTERPRETED: _endpoint("dekaf", freezes=freezes, build=Build.INTERPRETED),
            AIOKAFKA_0: _endpoint("aiokafka", linger_ms=0, freezes=freezes),
            AIOKAFKA_5: _endpoint("aiokafka", freezes=freezes),
            BRIDGE_0: _endpoint("confluent", linger_ms=0, freezes=freezes),
            BRIDGE_5: _endpoint("confluent", freezes=freezes),
            NO_CLIENT: _endpoint("none", freezes=freezes),
        },
        targets=(
            at_most("added_us", limit, *AIOKAFKA, *BRIDGES),
            at_most("added_us", 1, *AIOKAFKA, ours=INTERPRETED),
        ),
        columns=COLUMNS,
    )


WEB: tuple[Row, ...] = (
    _fastapi("fastapi", "gc.freeze() after start-up", limit=0.35, freezes=True),
    _fastapi("fastapi-default-gc", "the collector as it is", limit=0.75, freezes=False),
    Row(
        name="django",
        title="Django sync view with one blocking produce, 16 connections, gunicorn gthread with 16 threads",
        contenders={
            OURS: _view("dekaf", build=Build.COMPILED),
            INTERPRETED: _view("dekaf", build=Build.INTERPRETED),
            CONFLUENT_FLUSH: _view("confluent", linger_ms=0),
            NO_CLIENT: _view("none"),
        },
        targets=(at_most("added_us", 0.8, CONFLUENT_FLUSH),),
        columns=COLUMNS,
    ),
)
