"""Signal handlers and finalizers that call the producer they have interrupted while it held its lock."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Literal

import pytest

from dekaf import BlockingCallError, BufferExhaustedError, DrainReport, Producer, ProducerState
from dekaf.producer._buffer.accumulator import FILLED
from dekaf.producer.sync_producer import close_all_blocking
from dekaf.testing import FakeCluster

pytestmark = pytest.mark.interpreted  # machine code is not interrupted while it holds the lock


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(topics={"t": 1}) as cluster:
        yield cluster


@pytest.fixture
def producer(cluster: FakeCluster) -> Iterator[Producer[str, str]]:
    with Producer(bootstrap_servers=cluster.bootstrap_servers, key=str, value=str, close_timeout_ms=5_000) as producer:
        producer.produce("t", "key", "first")
        yield producer


class Interruption:
    """Calls `handler` once, where a signal or a collection may strike: while a record is written into its batch.

    Or elsewhere: at the beginning, or the end, of a function of `file`, in a call that has filled a batch.
    """

    def __init__(
        self,
        handler: Callable[[], object],
        *,
        function: str = "append",
        file: str = "builder.py",
        event: Literal["call", "return"] = "call",
    ) -> None:
        self._event = event
        self._function = function
        self._file = file
        self._handler = handler
        self._has_struck = False
        self.answer: object = None

    def __enter__(self) -> Interruption:
        sys.setprofile(self._look)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        assert self._has_struck

    def _look(self, frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if (
            self._has_struck
            or event != self._event
            or code.co_name != self._function
            or not code.co_filename.endswith(self._file)
            or ("result" in frame.f_locals and not frame.f_locals["result"] & FILLED)
        ):
            return
        self._has_struck = True
        try:
            self.answer = self._handler()
        except (BlockingCallError, BufferExhaustedError) as error:
            self.answer = error


def test_firing_is_refused_and_the_interrupted_record_goes_out(producer: Producer[str, str]) -> None:
    with Interruption(lambda: producer.fire("t", "key", "from a handler")) as interruption:
        producer.fire("t", "key", "second")
    producer.flush(5)

    error = interruption.answer
    assert isinstance(error, BufferExhaustedError)
    assert (error.topic, error.is_retriable, error.may_be_persisted) == ("t", True, False)
    assert producer.status().delivered_total == 2


@pytest.mark.parametrize("call", ["produce", "flush"])
def test_blocking_calls_raise_at_once(producer: Producer[str, str], call: str) -> None:
    calls: dict[str, Callable[[], object]] = {
        "produce": lambda: producer.produce("t", "key", "from a handler"),
        "flush": producer.flush,
    }

    with Interruption(calls[call]) as interruption:
        producer.fire("t", "key", "second")

    assert isinstance(interruption.answer, BlockingCallError)
    assert call in str(interruption.answer)
    assert producer.produce("t", "key", "third").offset == 2


def test_status_is_told(producer: Producer[str, str]) -> None:
    with Interruption(lambda: producer.status().state) as interruption:
        producer.fire("t", "key", "second")

    assert interruption.answer is ProducerState.RUNNING


def close_all(producer: Producer[str, str]) -> DrainReport:
    return close_all_blocking([producer])[0]


@pytest.mark.parametrize("close", [Producer.close, close_all])
def test_close_is_initiated_and_everything_accepted_delivered(
    cluster: FakeCluster, producer: Producer[str, str], close: Callable[[Producer[str, str]], DrainReport]
) -> None:
    with Interruption(lambda: close(producer)) as interruption:
        producer.fire("t", "key", "second")
    report = producer.close(5)

    assert isinstance(interruption.answer, DrainReport)
    assert interruption.answer.pending
    assert report.undelivered == 0
    assert [record.value for record in cluster.log("t")] == [b"first", b"second"]


def press_ctrl_c() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("function", "file"),
    [
        ("_close_locked", "accumulator.py"),
        ("_after_append", "accumulator.py"),
        ("_compress", "accumulator.py"),
        ("seal", "accumulator.py"),
        ("seal", "batch.py"),
    ],
)
def test_batch_whose_filling_was_interrupted_is_sent_by_the_io_thread(
    cluster: FakeCluster, function: str, file: str
) -> None:
    """Whoever fills a batch compresses it, and is interrupted before, meanwhile, or before waking the I/O thread."""
    fired = 0
    with Producer(
        bootstrap_servers=cluster.bootstrap_servers,
        compression_type="gzip",
        batch_size=1,
        linger_ms=100,
        key=str,
        value=str,
    ) as producer:
        producer.produce("t", "key", "first")
        with Interruption(press_ctrl_c, function=function, file=file), pytest.raises(KeyboardInterrupt):  # noqa: PT012
            for _ in range(100):
                fired += 1
                producer.fire("t", "key", "x" * 100)
        later = producer.submit("t", "key", "later")

        assert later.result(10).partition == 0
        assert producer.flush(10).ok
        assert producer.status().buffered_records == 0
    values = [record.value for record in cluster.log("t")]
    assert len(values) - 2 in {fired, fired - 1}  # the one that was interrupted was mostly accepted
    assert (values[0], values[-1]) == (b"first", b"later")


@pytest.mark.parametrize("where", ["builder.py", "_buffer/batch.py"])
def test_record_that_was_written_as_its_call_was_interrupted_is_counted(
    cluster: FakeCluster, producer: Producer[str, str], where: str
) -> None:
    interruption = Interruption(press_ctrl_c, file=where, event="return")
    with interruption, pytest.raises(KeyboardInterrupt):
        producer.fire("t", "key", "second")
    assert producer.status().buffered_records in {0, 1}
    producer.fire("t", "key", "third")
    report = producer.close(5)

    assert (report.delivered, report.undelivered) == (3, 0)
    status = producer.status()
    assert (status.buffered_records, status.buffered_bytes) == (0, 0)
    assert [record.value for record in cluster.log("t")] == [b"first", b"second", b"third"]
