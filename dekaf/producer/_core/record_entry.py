"""One face's way in: turn a call's arguments into the bytes of a record, and offer it to the core.

Both faces stand on this; only the waiting for space, and for the outcome, is theirs.
"""

from __future__ import annotations

from typing import Any, Final, final

from mypy_extensions import i64

from dekaf._record.builder import encode_headers
from dekaf.message import ProducerMessage
from dekaf.producer._buffer.accumulator import APPENDED, NO_SPACE
from dekaf.producer._buffer.waiting_record import WaitingRecord
from dekaf.producer._core.arguments import (
    MISSING,
    check_callback,
    check_value,
    only_message,
    partition_number,
)
from dekaf.producer._core.core import ProducerCore
from dekaf.producer._core.field_encoder import FieldEncoder
from dekaf.producer._core.slow_way import append_waiting
from dekaf.producer._waiting.mailbox import OutcomeRoute
from dekaf.producer._waiting.record_trace import RecordTrace
from dekaf.serialization import Serializer
from dekaf.types import Field, Headers, HeadersLike, Timestamp, timestamp_to_ms


@final
class RecordEntry:
    """A face's serializers in front of the core."""

    def __init__(self, core: ProducerCore, key: Serializer[Any], value: Serializer[Any]) -> None:
        self.core: Final = core
        self.key: Final = FieldEncoder(key, Field.KEY)
        self.value: Final = FieldEncoder(value, Field.VALUE)
        self._callback_code: object = None  # the last callback's: to ask for each would be a fifth of `fire`

    def append(  # noqa: PLR0913 # a call's own arguments: an object for them would cost as much as all the rest
        self,
        topic: object,
        key: object,
        value: object,
        headers: HeadersLike | None,
        partition: object,
        timestamp: Timestamp | None,
        recipient: object | None,
        route: OutcomeRoute | None,
    ) -> WaitingRecord | None:
        """Check, serialize and append one record.

        Args:
            topic: The topic's name, or a whole `ProducerMessage`; then what belongs into it must not be given.
            key: The key, not serialized.
            value: The value, not serialized.
            headers: As the call was given them.
            partition: The one asked for; None leaves the choice to the partitioner.
            timestamp: As the call was given it; None means now.
            recipient: What hears of the outcome, through `route`.
            route: Where the outcome goes; None if nothing waits for it.

        Returns:
            The record if there was no space for it, else None.

        Raises:
            ProduceError: It cannot be accepted.
            ProducerClosedError: The producer was closed.
            TypeError: An argument is of the wrong type.
            ValueError: An argument is out of range.
        """
        if not isinstance(topic, str):
            message = only_message(topic, key, value, headers, partition, timestamp)
            return self.append_message(message, recipient, route)
        core = self.core
        now = core.clock_ms()
        if route is not None and not 0 <= now - route.begun_ms < route.fresh_ms and route.calls is not None:
            route = route.calls.fresh(now)
        trace: RecordTrace | None = None
        try:
            if value is MISSING:  # asked here: the call would cost what the rest of these checks does
                check_value(value)
            given = None if headers is None else Headers.of(headers)
            if now >= core.tracing.wakes_at:
                given, trace = core.hooks.begin(topic, key, value, given, now)
            where: i64 = -1
            if partition is not None:
                where = partition_number(partition)
            at: i64 = now
            if timestamp is not None:
                at = timestamp_to_ms(timestamp)
            header_bytes = _encoded(given)
            key_bytes = self.key.encode(key, topic, given)
            value_bytes = self.value.encode(value, topic, given)
            status = core.append(topic, key_bytes, value_bytes, header_bytes, where, at, recipient, route, trace)
            if status == APPENDED:
                return None
            record = WaitingRecord(topic, key_bytes, value_bytes, header_bytes, where, at, recipient, route)
            record.trace = trace
            return self._not_appended(record, status)
        except BaseException as error:
            if trace is not None:
                trace.refuse(error)
            raise

    def _not_appended(self, record: WaitingRecord, status: i64) -> WaitingRecord | None:
        """Return the record if there was no space for it, and else bring it in on the slow way."""
        return record if status == NO_SPACE or not append_waiting(self.core, record, None) else None

    def append_message(
        self, message: ProducerMessage[Any, Any], recipient: object | None, route: OutcomeRoute | None
    ) -> WaitingRecord | None:
        """Append a message; otherwise as `append`."""
        return self.append(
            message.topic,
            message.key,
            message.value,
            message.headers,
            message.partition,
            message.timestamp_ms,
            recipient,
            route,
        )

    def check_callback(self, on_delivery: object, route: OutcomeRoute | None) -> None:
        """Raise TypeError for an `on_delivery` that cannot be called, or would have to be awaited.

        That is a matter of a function's code, or else of its type: those of the last one are not looked at again.

        Args:
            on_delivery: What was given.
            route: Remembers it until it was called, so that a caller who gives the same again need not ask; None: do
                not.
        """
        code = getattr(on_delivery, "__code__", type(on_delivery))
        if code is not self._callback_code:
            check_callback(on_delivery)
            self._callback_code = code
        if route is not None:
            route.checked = on_delivery


def _encoded(headers: Headers | None) -> bytes | None:
    if headers is None or len(headers) == 0:
        return None
    return encode_headers(headers.pairs)
