"""Signals that arrive while a call waits."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dekaf.testing import ApiKey, FakeCluster, Held
from dekaf.types import RecordMetadata
from tests.scenarios.faces import thread_producer


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(topics={"t": 1}) as cluster:
        yield cluster


class Signalled:
    """Runs `handler` in the main thread, as a signal handler, once `held` has a request."""

    def __init__(self, held: Held, handler: Callable[[], object]) -> None:
        self._held = held
        self._handler = handler
        self._before: Any = None
        self._sender = threading.Thread(target=self._send)

    def __enter__(self) -> Signalled:
        self._before = signal.signal(signal.SIGUSR1, lambda *_: self._handler())
        self._sender.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._sender.join(10)
        signal.signal(signal.SIGUSR1, self._before)

    def _send(self) -> None:
        while not self._held.waiting:
            time.sleep(0.005)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)


@pytest.mark.parametrize("timeout", [None, 20.0])
def test_signal_handler_may_produce_while_the_call_it_interrupted_waits(
    cluster: FakeCluster, timeout: float | None
) -> None:
    inner: list[RecordMetadata] = []
    with thread_producer(cluster.bootstrap_servers) as producer:
        producer.produce("t", None, b"first")
        held = cluster.on(ApiKey.PRODUCE).hold()

        def produce_within() -> None:
            held.release()
            inner.append(producer.produce("t", None, b"inner", timeout=timeout))

        with Signalled(held, produce_within):
            outer = producer.produce("t", None, b"outer", timeout=timeout)
        assert producer.produce("t", None, b"last", timeout=10).offset == 3

    assert [outer.offset, inner[0].offset] == [1, 2]


def test_interrupted_call_ends_at_once_and_its_record_is_delivered(cluster: FakeCluster) -> None:
    with thread_producer(cluster.bootstrap_servers) as producer:
        producer.produce("t", None, b"first")
        held = cluster.on(ApiKey.PRODUCE).hold()
        with Signalled(held, interrupt), pytest.raises(KeyboardInterrupt):
            producer.produce("t", None, b"second")
        held.release()

        assert producer.produce("t", None, b"third", timeout=10).offset == 2
    assert [record.value for record in cluster.log("t")] == [b"first", b"second", b"third"]


def interrupt() -> None:
    raise KeyboardInterrupt
