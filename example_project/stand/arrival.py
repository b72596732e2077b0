"""An order that was read back from Kafka."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """One record of the topic of orders, and where it is."""

    partition: int
    offset: int
    order_id: str
    customer: str
    item: str
    quantity: int

    @classmethod
    def from_record(cls, partition: int, offset: int, value: bytes) -> Self | None:
        """Return what a record says; None if it is no order: on your cluster anybody may write."""
        try:
            order = json.loads(value)
            return cls(
                partition=partition,
                offset=offset,
                order_id=str(order["order_id"]),
                customer=str(order["customer"]),
                item=str(order["item"]),
                quantity=int(order["quantity"]),
            )
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
