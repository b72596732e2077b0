"""RecordingDesk: the way into a recording that the doubles for threads and for coroutines share."""

from __future__ import annotations

from typing import Any

from dekaf.errors import ProduceError
from dekaf.message import ProducerMessage
from dekaf.producer._core.arguments import check_value, no_message_error, only_message, partition_number
from dekaf.producer._core.field_encoder import FieldEncoder
from dekaf.serialization import Serializer
from dekaf.testing.recording import Draft, Recording
from dekaf.types import DrainReport, Field, HeadersLike, PartitionInfo, RecordMetadata, Timestamp

__all__ = ("RecordingDesk",)


class RecordingDesk:
    """Takes a call's arguments in: checks and serializes them as a producer does, then records the message."""

    def __init__(self, key: Serializer[Any], value: Serializer[Any], recording: Recording) -> None:
        self.recording = recording
        self.key = FieldEncoder(key, Field.KEY)
        self.value = FieldEncoder(value, Field.VALUE)

    def take(  # noqa: PLR0913 - a call's own arguments
        self,
        topic: object,
        key: object,
        value: object,
        headers: HeadersLike | None,
        partition: int | None,
        timestamp: Timestamp | None,
        *,
        is_unheard: bool = False,
    ) -> RecordMetadata | ProduceError:
        """Record a message and return its outcome; see `Recording.write` for what is raised instead."""
        if not isinstance(topic, str):
            return self._write(only_message(topic, key, value, headers, partition, timestamp), is_unheard=is_unheard)
        check_value(value)
        return self._write(
            ProducerMessage.create(topic, key, value, headers=headers, partition=partition, timestamp=timestamp),
            is_unheard=is_unheard,
        )

    def take_message(self, message: ProducerMessage[Any, Any]) -> RecordMetadata | ProduceError:
        """Record a message of ``produce_all``; errors at the call are outcomes here."""
        if not isinstance(message, ProducerMessage):
            raise no_message_error(message)
        try:
            return self._write(message)
        except ProduceError as error:
            return error

    def close(self, *, is_view: bool) -> DrainReport:
        """Close the recording, unless a view is asked to."""
        if is_view:
            return DrainReport(delivered=0, failed=0, undelivered=0, elapsed=0.0)
        return self.recording.close()

    def partitions_for(self, topic: str) -> tuple[PartitionInfo, ...]:
        """Return the recording's partitions of a topic."""
        count = self.recording.partition_count
        return tuple([PartitionInfo(topic=topic, partition=index, leader=None) for index in range(count)])

    def _write(self, message: ProducerMessage[Any, Any], *, is_unheard: bool = False) -> RecordMetadata | ProduceError:
        self.recording.check_open()
        if message.partition is not None:
            partition_number(message.partition)
        headers = message.headers
        draft = Draft(
            topic=message.topic,
            key=self.key.encode(message.key, message.topic, headers or None),
            value=self.value.encode(message.value, message.topic, headers or None),
            headers=headers,
            partition=message.partition,
            timestamp_ms=message.timestamp_ms,
        )
        return self.recording.write(draft, is_fire=is_unheard)
