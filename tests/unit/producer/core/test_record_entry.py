"""A call's arguments on their way to bytes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from functools import partial
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest

from dekaf.errors import InvalidTopicError, ProducerClosedError, SerializationError
from dekaf.producer._core.arguments import MISSING
from dekaf.producer._core.core import ProducerCore
from dekaf.producer._core.record_entry import RecordEntry
from dekaf.producer.config import ProducerConfig
from dekaf.serialization import BytesSerializer, StringSerializer


@pytest.fixture
def core() -> Iterator[ProducerCore]:
    core = ProducerCore(ProducerConfig(bootstrap_servers="127.0.0.1:1", max_block_ms=60_000))
    yield core
    core.close(0.0)


@pytest.fixture
def entry(core: ProducerCore) -> RecordEntry:
    return RecordEntry(core, StringSerializer(), BytesSerializer())


def append(entry: RecordEntry, topic: object = "t", key: object = "k", value: object = b"v", **others: Any) -> object:
    return entry.append(
        topic,
        key,
        value,
        others.get("headers"),
        others.get("partition"),
        others.get("timestamp"),
        None,
        None,
    )


def parked(core: ProducerCore, topic: str = "t") -> Any:
    return core._accumulator.topics[topic].parked[-1]


def test_record_is_accepted_as_bytes(core: ProducerCore, entry: RecordEntry) -> None:
    assert append(entry, headers=[("h", "1"), ("h", None)], partition=3, timestamp=1234) is None

    record = parked(core)
    assert (record.key, record.value, record.partition, record.timestamp) == (b"k", b"v", 3, 1234)
    assert record.headers == bytes.fromhex("04" + "0268" + "0231" + "0268" + "01")


def test_timestamp_is_the_wall_clock_unless_given(core: ProducerCore, entry: RecordEntry) -> None:
    before = dt.datetime.now(dt.UTC)
    append(entry)
    after = dt.datetime.now(dt.UTC)

    assert int(before.timestamp() * 1000) <= parked(core).timestamp <= int(after.timestamp() * 1000)
    append(entry, timestamp=dt.datetime(2024, 1, 1, tzinfo=dt.UTC))
    assert parked(core).timestamp == 1_704_067_200_000


def test_empty_headers_are_none(core: ProducerCore, entry: RecordEntry) -> None:
    append(entry, headers={})

    assert parked(core).headers is None


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"topic": 7}, TypeError),
        ({"topic": None}, TypeError),
        ({"topic": ""}, InvalidTopicError),
        ({"topic": ".."}, InvalidTopicError),
        ({"topic": "a b"}, InvalidTopicError),
        ({"topic": "a" * 250}, InvalidTopicError),
        ({"value": MISSING}, TypeError),
        ({"key": 7}, SerializationError),
        ({"partition": -1}, ValueError),
        ({"partition": 2**31}, ValueError),
        ({"partition": True}, TypeError),
        ({"partition": "0"}, TypeError),
        ({"timestamp": -1}, ValueError),
        ({"timestamp": dt.datetime(2024, 1, 1)}, ValueError),  # naive on purpose
        ({"headers": 7}, TypeError),
    ],
)
def test_nonsense_is_refused_before_anything_is_accepted(
    core: ProducerCore, entry: RecordEntry, arguments: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        append(entry, **arguments)

    assert core.buffered_records() == 0
    assert core.status().buffered_bytes == 0


async def awaited(_metadata: object, _error: object) -> None:
    """No callback: nothing would await it."""


class Awaited:
    async def __call__(self, _metadata: object, _error: object) -> None: ...

    async def method(self, _metadata: object, _error: object) -> None: ...


class Called:
    def __call__(self, _metadata: object, _error: object) -> None: ...

    def method(self, _metadata: object, _error: object) -> None: ...


FINE: list[Any] = [lambda _metadata, _error: None, Called(), Called().method, print, partial(print), Mock(), Called]
WRONG: list[Any] = [awaited, Awaited(), Awaited().method, AsyncMock(), "no function", 42]


@pytest.mark.parametrize("callback", WRONG)
def test_callback_that_could_not_be_called_is_refused_whatever_came_before(entry: RecordEntry, callback: Any) -> None:
    for fine in FINE:
        entry.check_callback(fine, None)

        with pytest.raises(TypeError, match="on_delivery"):
            entry.check_callback(callback, None)


def test_closed_producer_accepts_nothing(core: ProducerCore, entry: RecordEntry) -> None:
    core.close(0.0)
    with pytest.raises(ProducerClosedError):
        append(entry)
