"""The bound on memory, against a real broker: counted to the byte, first come first served, whatever is produced."""

from __future__ import annotations

import asyncio
import functools
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from dekaf import BufferExhaustedError, Producer, RecordMetadata
from tests.conftest import ReadBack
from tests.kafka import KafkaCluster

ROOT = Path(__file__).parents[2]
BUFFER_MEMORY = 300_000
VALUE = b"x" * 10_000
# More than half of the memory: one of those in line is let in at a time, and the log tells in which order. Several let
# in at once would race for their places.
LARGE_VALUE = b"x" * 160_000
MIB = 1024 * 1024


def wait_until(condition: Callable[[], object], timeout: float = 20) -> None:
    """Wait for what nothing announces."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.001)


class Line:
    """Callers that wait for space, who joined one after the other."""

    def __init__(self, producer: Producer[str, bytes]) -> None:
        self.producer = producer
        self.joined: list[str] = []
        self.results: dict[str, RecordMetadata] = {}
        self._workers: list[threading.Thread] = []
        self._loops: list[asyncio.AbstractEventLoop] = []

    def join(self, name: str, run: Callable[[], RecordMetadata]) -> None:
        """Let another caller produce; return when it stands in line behind the others."""

        def work() -> None:
            self.results[name] = run()

        worker = threading.Thread(target=work, name=name)
        self._workers.append(worker)
        before = self.producer.status().waiting_for_space
        worker.start()
        wait_until(lambda: self.producer.status().waiting_for_space == before + 1)
        self.joined.append(name)

    def wait(self) -> None:
        """Wait until everybody was served."""
        for worker in self._workers:
            worker.join(30)


def test_a_stopped_broker_fills_the_buffer_and_those_in_line_are_served_in_their_order(
    kafka_cluster: KafkaCluster, topic: str, read_back: ReadBack
) -> None:
    """Threads and coroutines of loops of their own, all in one line."""
    with Producer(
        bootstrap_servers=kafka_cluster.bootstrap_servers,
        key=str,
        value=bytes,
        buffer_memory=BUFFER_MEMORY,
        batch_size=20_000,
        max_request_size=200_000,
        max_block_ms=60_000,
        delivery_timeout_ms=60_000,
    ) as producer:
        producer.produce(topic, "first", b"", partition=0)
        assert producer.status().buffered_bytes == 0
        line = Line(producer)

        with kafka_cluster.paused(0):
            fired = fill(producer, topic)
            full = producer.status()
            for number in range(6):
                line.join(f"thread-{number}", functools.partial(in_thread, producer, topic, f"thread-{number}"))
                line.join(f"loop-{number}", functools.partial(in_loop, producer, topic, f"loop-{number}"))
            waiting = producer.status()
        line.wait()
        after = producer.status()

    assert BUFFER_MEMORY - len(VALUE) * 2 < full.buffered_bytes <= BUFFER_MEMORY
    assert waiting.buffered_bytes == full.buffered_bytes  # those in line take no space
    assert waiting.waiting_for_space == 12
    assert (after.buffered_bytes, after.waiting_for_space) == (0, 0)
    records = read_back(topic, 1 + fired + 12)
    assert [(record.key or b"").decode() for record in records[1 + fired :]] == line.joined
    assert {name: result.offset for name, result in line.results.items()} == {
        name: 1 + fired + place for place, name in enumerate(line.joined)
    }


def fill(producer: Producer[str, bytes], topic: str) -> int:
    """Fire until there is no space left; return how many were accepted."""
    fire = producer.as_async().fire
    refusal: BufferExhaustedError | None = None
    fired = 0
    while refusal is None:
        try:
            fire(topic, "fired", VALUE, partition=0)
            fired += 1
        except BufferExhaustedError as error:
            refusal = error
    assert "buffer_memory=300000" in str(refusal)
    return fired


def in_thread(producer: Producer[str, bytes], topic: str, name: str) -> RecordMetadata:
    return producer.produce(topic, name, LARGE_VALUE, partition=0)


def in_loop(producer: Producer[str, bytes], topic: str, name: str) -> RecordMetadata:
    return asyncio.run(awaited(producer.as_async().produce(topic, name, LARGE_VALUE, partition=0)))


async def awaited(coroutine: Coroutine[object, object, RecordMetadata]) -> RecordMetadata:
    return await coroutine


def test_no_room_within_max_block_is_an_error_and_the_room_is_counted_on(
    kafka_cluster: KafkaCluster, topic: str, read_back: ReadBack
) -> None:
    with Producer(
        bootstrap_servers=kafka_cluster.bootstrap_servers,
        key=str,
        value=bytes,
        buffer_memory=BUFFER_MEMORY,
        max_request_size=100_000,
        max_block_ms=300,
        delivery_timeout_ms=60_000,
        unavailable_after_ms=None,
    ) as producer:
        producer.produce(topic, "first", b"", partition=0)

        with kafka_cluster.paused(0):
            fired = fill(producer, topic)
            started = time.monotonic()
            with pytest.raises(BufferExhaustedError, match="max_block_ms") as caught:
                producer.fire(topic, "late", VALUE)
            took = time.monotonic() - started
        producer.flush(30)

        assert 0.3 <= took < 2
        assert caught.value.is_retriable
        assert not caught.value.may_be_persisted
        assert producer.status().buffered_bytes == 0
    assert len(read_back(topic, 1 + fired)) == 1 + fired


# How much memory a process grows by while it produces messages that are made one by one. The results are the caller's:
# they are as many as the messages, and counted apart.
GROWTH = """
    import asyncio, resource, sys
    from dekaf import AsyncProducer, Producer, ProducerMessage

    servers, topic, kind, count = *sys.argv[1:4], int(sys.argv[4])
    VALUE = b"x" * int(sys.argv[5])

    def messages(count):
        for _ in range(count):
            yield ProducerMessage(topic=topic, key=None, value=VALUE)

    async def async_messages(count):
        for message in messages(count):
            yield message

    def peak():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts it in KiB

    def from_thread():
        with Producer(bootstrap_servers=servers, produce_timeout_ms=110_000) as producer:
            producer.produce_all(messages(20_000))
            before = peak()
            return producer.produce_all(messages(count)), before

    async def from_loop():
        async with AsyncProducer(bootstrap_servers=servers, produce_timeout_ms=110_000) as producer:
            await producer.produce_all(async_messages(20_000))
            before = peak()
            return await producer.produce_all(async_messages(count)), before

    results, before = from_thread() if kind == "iterator" else asyncio.run(from_loop())
    growth = peak() - before
    size = sys.getsizeof
    taken = size(results) + sum(size(one) + size(one.offset) + size(one.timestamp_ms) for one in results)
    print(len(results), growth, taken)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is counted in other units elsewhere")
@pytest.mark.timeout(180)  # a million calls take half a minute where the interpreter runs them
@pytest.mark.parametrize(("kind", "count", "size"), [("iterator", 1_000_000, 50), ("async iterator", 200_000, 500)])
def test_produce_all_of_any_number_of_messages_takes_bounded_memory(
    kafka_cluster: KafkaCluster, topic: str, kind: str, count: int, size: int
) -> None:
    """A million messages let the process grow by 140 MiB, of which results are 126."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            textwrap.dedent(GROWTH),
            kafka_cluster.bootstrap_servers,
            topic,
            kind,
            f"{count}",
            f"{size}",
        ],
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
        cwd=ROOT,
    )

    assert done.returncode == 0, done.stderr
    delivered, growth, taken_by_results = map(int, done.stdout.split())
    assert delivered == count
    # The allocator rounds up what results take. Beside them: 10,000 messages under way, in 32 MiB of buffers at most.
    assert growth < taken_by_results * 1.3 + 64 * MIB
