"""Timers may come early: uvloop counts in whole milliseconds, and rounds. Whoever looks too soon must look again."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import Callable, Iterator
from contextvars import Context
from typing import TypeVarTuple

import pytest
import uvloop

from dekaf._network.client import IMPATIENCE
from dekaf.testing import ApiKey, FakeCluster
from tests.scenarios.faces import MakeFace
from tests.scenarios.invariants import Ledger, succeed_in_order

Ts = TypeVarTuple("Ts")

TIMEOUTS = {"request_timeout_ms": 5_900, "delivery_timeout_ms": 6_000}
EARLY = 0.003  # seconds; uvloop's worst is half of it, but the standard loop is late by up to one millisecond


class HastyLoop(asyncio.SelectorEventLoop):
    """The standard loop, whose timers are early."""

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return super().call_later(max(0.0, delay - EARLY), callback, *args, context=context)


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(topics={"t": 1}) as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def _hasty_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uvloop, "new_event_loop", HastyLoop)


def succeed_soon(cluster: FakeCluster, ledger: Ledger) -> None:
    """Assert that all is delivered, and not only once some time-out has come."""
    began = time.monotonic()
    outcomes = ledger.outcomes()
    assert time.monotonic() - began < 3.0
    succeed_in_order(cluster, "t", outcomes)


def test_broker_that_was_lost_is_connected_to_again(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers, reconnect_backoff_ms=50, reconnect_backoff_max_ms=50, **TIMEOUTS)
    ledger = Ledger(face, "t")
    ledger.produce(1)
    ledger.outcomes()
    time.sleep(IMPATIENCE + 0.1)  # nothing else is left that might look

    cluster.on(ApiKey.PRODUCE).close_before_append()
    ledger.produce(1)

    succeed_soon(cluster, ledger)


def test_throttling_ends(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers, **TIMEOUTS)
    ledger = Ledger(face, "t")
    ledger.produce(1)
    ledger.outcomes()
    time.sleep(IMPATIENCE + 0.1)  # nothing else is left that might look

    cluster.on(ApiKey.PRODUCE).throttle(100)
    ledger.produce(1)
    ledger.outcomes()
    ledger.produce(1)

    succeed_soon(cluster, ledger)


def test_server_that_never_answers_is_left_for_another(
    cluster: FakeCluster, make_face: MakeFace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "choice", lambda options: options[0])
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the system accepts, nobody reads
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        face = make_face(f"{address},{cluster.bootstrap_servers}", **TIMEOUTS)
        ledger = Ledger(face, "t")
        ledger.produce(1)

        succeed_soon(cluster, ledger)
