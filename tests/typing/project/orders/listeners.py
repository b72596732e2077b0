"""A listener that the settings name."""

from __future__ import annotations

from dekaf import ProduceError
from dekaf.abc import ProducerListener
from dekaf.types import Headers, RecordMetadata


class SlowDeliveries(ProducerListener):
    """Adds a header, and counts."""

    def __init__(self) -> None:
        self.acknowledged = 0
        self.failed = 0

    def on_send(self, topic: str, headers: Headers) -> Headers | None:
        return Headers([*headers, ("sent-by", b"shop")]) if topic == "orders" else None

    def on_acknowledged(self, metadata: RecordMetadata) -> None:
        self.acknowledged += 1

    def on_error(self, topic: str, partition: int | None, error: ProduceError) -> None:
        self.failed += 1
