"""Callers of both faces that produce while something happens to Kafka, and what they were told."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from dekaf import ProduceError, Producer, RecordMetadata
from dekaf.abc import AsyncKafkaProducer
from dekaf.metrics import ProducerMetrics
from dekaf.producer import ProducerOptions
from tests.kafka import read_back

__all__ = ("Told", "Traffic")


@dataclass
class Told:
    """What a caller was told about each of its messages."""

    metadata: dict[int, RecordMetadata] = field(default_factory=dict)
    errors: dict[int, ProduceError] = field(default_factory=dict)

    def note(self, number: int, metadata: RecordMetadata | None, error: ProduceError | None) -> None:
        """Keep an outcome; each comes once."""
        assert number not in self.metadata and number not in self.errors  # noqa: PT018  # one fact
        if metadata is not None:
            self.metadata[number] = metadata
        if error is not None:
            self.errors[number] = error


@dataclass
class Traffic:
    """Two threads and two event loops that keep producing, each to keys of its own, until told to stop."""

    servers: str
    topic: str
    options: ProducerOptions = field(default_factory=ProducerOptions)
    told: dict[str, Told] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)
    producer: Producer[str, str] | None = None  # while it runs
    metrics: ProducerMetrics | None = None  # once it has run
    pause: float = 0.005  # seconds after every 20 messages of a thread

    def run(self, trouble: Callable[[], object]) -> None:
        """Produce while there is trouble, then deliver what is left."""
        # Patient: whatever happens, time is not what ends it. A silent broker is given up after a second.
        options: ProducerOptions = {
            "bootstrap_servers": self.servers,
            "request_timeout_ms": 1_000,
            "delivery_timeout_ms": 90_000,
            "retry_backoff_ms": 20,
            "reconnect_backoff_ms": 20,
            **self.options,
        }
        with Producer(key=str, value=str, **options) as producer:
            self.producer = producer
            producer.partitions_for(self.topic)
            workers = [threading.Thread(target=self._in_thread, args=(producer, f"thread-{at}")) for at in range(2)]
            workers += [threading.Thread(target=self._in_loop, args=(producer, f"loop-{at}")) for at in range(2)]
            for worker in workers:
                worker.start()
            try:
                trouble()
            finally:
                self.stop.set()
                for worker in workers:
                    worker.join()
            producer.flush(90)
            assert producer.status().buffered_bytes == 0
            self.metrics = producer.metrics()

    def _in_thread(self, producer: Producer[str, str], caller: str) -> None:
        told = self.told[caller] = Told()
        for number in itertools.count():
            if self.stop.is_set():
                break
            self.counts[caller] = number + 1

            def on_delivery(metadata: RecordMetadata | None, error: ProduceError | None, number: int = number) -> None:
                told.note(number, metadata, error)

            producer.fire(self.topic, caller, str(number), on_delivery=on_delivery)
            if number % 20 == 19:
                self.stop.wait(self.pause)  # some thousand messages a second: batches of several records

    def _in_loop(self, producer: Producer[str, str], caller: str) -> None:
        asyncio.run(self._awaiting(producer.as_async(), caller))

    async def _awaiting(self, producer: AsyncKafkaProducer[str, str], caller: str) -> None:
        told = self.told[caller] = Told()

        async def one(number: int) -> None:
            try:
                told.note(number, await producer.produce(self.topic, caller, str(number)), None)
            except ProduceError as error:
                told.note(number, None, error)

        tasks = []
        for number in itertools.count():
            if self.stop.is_set():
                break
            self.counts[caller] = number + 1
            tasks.append(asyncio.create_task(one(number)))
            await asyncio.sleep(0.001)
        await asyncio.gather(*tasks)

    def check(self, bootstrap_servers: str) -> None:
        """Hold what was told against what is in the log: everything, once, in order, where it was said to be."""
        assert {caller: list(told.errors.items())[:3] for caller, told in self.told.items() if told.errors} == {}
        records = read_back(bootstrap_servers, self.topic, sum(self.counts.values()), timeout=60)
        for caller, count in self.counts.items():
            mine = [record for record in records if record.key == caller.encode()]
            assert [int(record.value or b"") for record in mine] == list(range(count))
            assert [(record.partition, record.offset) for record in mine] == [
                (self.told[caller].metadata[number].partition, self.told[caller].metadata[number].offset)
                for number in range(count)
            ]
        assert len(records) == sum(self.counts.values())
        assert self.metrics is not None
        assert self.metrics.records_delivered_total == len(records)
