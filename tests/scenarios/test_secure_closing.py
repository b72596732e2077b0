"""A producer is closed at any moment while its connections are made: nothing is left open, and its thread ends."""

from __future__ import annotations

import random
import sys
import time

import pytest

from dekaf import Producer
from tests.certificates import Authority
from tests.scenarios.secured import TOPIC, secured_cluster, secured_options

CLOSES = 80
LATEST = 0.02  # seconds after the first message: a connection with TLS and SASL takes some ten milliseconds


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_nothing_is_left_open_whenever_a_producer_is_closed(
    authority: Authority, loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that was closed while it was being made came to life all the same, and outlived its loop."""
    if loop == "asyncio":
        monkeypatch.setitem(sys.modules, "uvloop", None)
    chance = random.Random(1)
    options = secured_options("PLAIN", authority, close_timeout_ms=0)
    with secured_cluster(authority) as cluster:
        for _ in range(CLOSES):
            producer = Producer(bootstrap_servers=cluster.bootstrap_servers, **options)
            producer.fire(TOPIC, None, b"v", on_delivery=lambda _metadata, _error: None)
            time.sleep(chance.random() * LATEST)  # not for something: to close at any moment
            producer.close(0)

        cluster.wait_until(lambda: not any(one.is_open for one in cluster.connections))
