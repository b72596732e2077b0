"""A bootstrap server answers, and the address it gives for a broker leads nowhere: the error says what to do.

The commonest mistake with containers: the broker advertises an address of their network, or its own localhost.
"""

from __future__ import annotations

import contextlib
import logging
import re
import socket
import threading
from collections.abc import Iterator

import pytest

from dekaf.errors import BrokerConnectionError, DeliveryTimeoutError
from dekaf.testing import ALWAYS, ApiKey, FakeCluster
from tests.scenarios.faces import MakeFace, eventually, thread_producer

PATIENCE_MS = {"request_timeout_ms": 600, "delivery_timeout_ms": 700}


class Nowhere:
    """A port where nothing useful happens."""

    def __init__(self, *, listens: bool, closes: bool = False) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        if listens:
            self._socket.listen(16)
        if closes:
            threading.Thread(target=self._close_all, daemon=True).start()

    def _close_all(self) -> None:
        while True:
            try:
                accepted, _ = self._socket.accept()
            except OSError:  # shut
                return
            accepted.close()

    def shut(self) -> None:
        """Let the port go."""
        with contextlib.suppress(OSError):  # it may never have listened
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread in accept
        self._socket.close()


def hints(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Return what was logged of it, as applications log: from INFO on."""
    records = [record for record in caplog.records if record.levelno >= logging.INFO]
    return [record for record in records if "advertised.listeners" in record.getMessage()]


@pytest.fixture(params=["refuses", "never answers", "closes at once"])
def nowhere(request: pytest.FixtureRequest) -> Iterator[Nowhere]:
    """Return a port where no broker is."""
    port = Nowhere(listens=request.param != "refuses", closes=request.param == "closes at once")
    yield port
    port.shut()


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    """Run two brokers; partition 0 is led by the first, 1 by the second."""
    with FakeCluster(nodes=2, topics={"t": 2}) as cluster:
        yield cluster


def test_error_names_who_answered_what_cannot_be_reached_and_the_remedy(
    cluster: FakeCluster, make_face: MakeFace, nowhere: Nowhere, caplog: pytest.LogCaptureFixture
) -> None:
    for number in (1, 2):
        cluster.broker(number).advertise_address("127.0.0.1", nowhere.port)
    bootstrap = cluster.broker(1).address
    face = make_face(bootstrap, **PATIENCE_MS)

    error = face.produce("t", b"a", partition=0).exception(10)

    assert isinstance(error, DeliveryTimeoutError)
    assert error.is_retriable
    assert not error.may_be_persisted
    for text in (str(error), str(error.__cause__)):
        assert f"The bootstrap server {bootstrap} did answer" in text
        assert f"broker 1 is to be found at 127.0.0.1:{nowhere.port}" in text
        assert "advertised.listeners" in text
    assert isinstance(error.__cause__, BrokerConnectionError)
    eventually(lambda: hints(caplog))  # they are written by a thread of their own
    assert {record.levelno for record in hints(caplog)} == {logging.WARNING}


def test_one_unreachable_broker_among_others_is_named_by_its_own_trouble(
    cluster: FakeCluster, make_face: MakeFace
) -> None:
    nowhere = Nowhere(listens=False)
    cluster.broker(2).advertise_address("127.0.0.1", nowhere.port)
    face = make_face(cluster.broker(1).address, **PATIENCE_MS)

    lost = face.produce("t", b"a", partition=1)
    delivered = [face.produce("t", b"%d" % number, partition=0) for number in range(20)]

    assert [handle.result(10).offset for handle in delivered] == list(range(20))
    error = lost.exception(10)
    assert isinstance(error, DeliveryTimeoutError)
    assert re.search(rf"broker 2 is to be found at 127\.0\.0\.1:{nowhere.port}.*advertised\.listeners", str(error))
    nowhere.shut()


def test_broker_that_was_reached_before_is_just_down(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.broker(1).address, **PATIENCE_MS)
    face.produce("t", b"a", partition=1).result(10)

    cluster.stop_broker(2, elect=False)
    error = face.produce("t", b"b", partition=1).exception(10)

    assert isinstance(error, DeliveryTimeoutError)
    assert "advertised.listeners" not in str(error)


def test_records_go_out_once_the_address_is_mended(
    cluster: FakeCluster, make_face: MakeFace, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = Nowhere(listens=False)
    broker = cluster.broker(2)
    broker.advertise_address("127.0.0.1", nowhere.port)
    face = make_face(cluster.broker(1).address)
    handle = face.produce("t", b"a", partition=1)
    eventually(lambda: hints(caplog))

    broker.advertise_address(broker.host, broker.port)

    assert handle.result(10).offset == 0
    nowhere.shut()


def test_a_port_that_answers_in_http_is_told_once_with_its_address(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "dekaf")
    with FakeCluster() as cluster:
        cluster.on(ApiKey.API_VERSIONS).garbage(b"HTTP/1.1 400 Bad Request\r\n\r\n", times=ALWAYS)
        with thread_producer(cluster.bootstrap_servers, produce_timeout_ms=600) as producer:
            with pytest.raises(DeliveryTimeoutError, match="The port answers in HTTP"):
                producer.produce("t", None, b"a")
            assert len(cluster.connections) > 2

    (told,) = [record.getMessage() for record in caplog.records if record.name.startswith("dekaf.network")]
    assert told.startswith(f"{cluster.bootstrap_servers}: The port answers in HTTP")
