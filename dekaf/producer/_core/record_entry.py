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
from dekaf.producer._core.arguments import check_callback, check_value, only_message, partition_number
from dekaf.producer._core.core import ProducerCore
from dekaf.producer._core.field_encoder import FieldEncoder
from dekaf.producer._core.slow_way import append_waiting
from dekaf.producer._core.tracing import PROCESS
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
        if core.is_hooked or now >= PROCESS.wakes_at:
            return self._append_hooked(now, topic, key, value, headers, partition, timestamp, recipient, route)
        given = None if headers is None else Headers.of(headers)
        return self._append(now, topic, key, value, given, partition, timestamp, recipient, route, None)

    def _append_hooked(  # noqa: PLR0913 # see append
        self,
        now: i64,
        topic: str,
        key: object,
        value: object,
        headers: HeadersLike | None,
        partition: object,
        timestamp: Timestamp | None,
        recipient: object | None,
        route: OutcomeRoute | None,
    ) -> WaitingRecord | None:
        """Append one record that listeners, or a tracer, want to see before."""
        check_value(value)
        given = None if headers is None else Headers.of(headers)
        given, trace = self.core.hooks.begin(topic, key, value, given, now)
        try:
            return self._append(now, topic, key, value, given, partition, timestamp, recipient, route, trace)
        except BaseException as error:
            if trace is not None:
                trace.refuse(error)
            raise

    def _append(  # noqa: PLR0913 # see append
        self,
        now: i64,
        topic: str,
        key: object,
        value: object,
        headers: Headers | None,
        partition: object,
        timestamp: Timestamp | None,
        recipient: object | None,
        route: OutcomeRoute | None,
        trace: RecordTrace | None,
    ) -> WaitingRecord | None:
        core = self.core
        if route is not None and not 0 <= now - route.begun_ms < route.fresh_ms and route.calls is not None:
            route = route.calls.fresh(now)
        check_value(value)
        where: i64 = -1
        if partition is not None:
            where = partition_number(partition)
        at: i64 = now
        if timestamp is not None:
            at = timestamp_to_ms(timestamp)
        header_bytes: bytes | None = None
        if headers is not None and len(headers) > 0:
            header_bytes = encode_headers(headers.pairs)
        key_bytes = self.key.encode(key, topic, headers)
        value_bytes = self.value.encode(value, topic, headers)
        if trace is not None:
            core.keep(trace, key_bytes, value_bytes, header_bytes)
        status = core.append(topic, key_bytes, value_bytes, header_bytes, where, at, recipient, route, trace)
        if status == APPENDED:
            return None
        record = WaitingRecord(topic, key_bytes, value_bytes, header_bytes, where, at, recipient, route)
        record.trace = trace
        return record if status == NO_SPACE or not append_waiting(core, record, None) else None

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

    def check_callback(self, on_delivery: object) -> None:
        """Raise TypeError for an `on_delivery` that cannot be called, or would have to be awaited.

        That is a matter of a function's code, or else of its type: those of the last one are not looked at again.
        """
        code = getattr(on_delivery, "__code__", type(on_delivery))
        if code is not self._callback_code:
            check_callback(on_delivery)
            self._callback_code = code
