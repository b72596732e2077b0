"""A log handler is an application's code: whatever it raises, nothing pending is left waiting."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest

from dekaf import ProduceError, Producer
from dekaf.testing import ApiKey, ErrorCode, FakeCluster

PATIENCE = 20.0  # seconds


class Exits(logging.Handler):
    """Wants the process to end on an error that one of our threads logs."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR and threading.current_thread().name.startswith("dekaf"):
            raise SystemExit(1)


@pytest.fixture
def exits() -> Iterator[None]:
    logger = logging.getLogger("dekaf")
    handler = Exits()
    logger.addHandler(handler)
    yield
    logger.removeHandler(handler)


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(topics={"t": 1}) as cluster:
        yield cluster


@pytest.mark.usefixtures("exits")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_next_record_starts_afresh(cluster: FakeCluster) -> None:
    with Producer(bootstrap_servers=cluster.bootstrap_servers) as producer:
        producer.produce("t", None, b"first")
        cluster.on(ApiKey.PRODUCE).fail(ErrorCode.INVALID_RECORD)
        producer.fire("t", None, b"bad")
        producer.flush(PATIENCE)

        assert producer.produce("t", None, b"next", timeout=PATIENCE).offset == 1


@pytest.mark.usefixtures("exits")
def test_callbacks_go_on(cluster: FakeCluster) -> None:
    heard: list[ProduceError | None] = []

    def broken(_metadata: object, _error: object) -> None:
        raise ValueError("a bug")

    with Producer(bootstrap_servers=cluster.bootstrap_servers) as producer:
        producer.fire("t", None, b"1", on_delivery=broken)
        producer.flush(PATIENCE)
        for _ in range(5):
            producer.fire("t", None, b"2", on_delivery=lambda _, error: heard.append(error))
        producer.flush(PATIENCE)

    assert heard == [None] * 5
