"""What the application tells the world."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

ORDERS: Final = "orders"
AUDIT: Final = "audit-log"


class Status(StrEnum):
    PLACED = "placed"
    PAID = "paid"


@dataclass(frozen=True)
class OrderEvent:
    """Something happened to an order."""

    customer: str
    status: Status = Status.PLACED


@dataclass(frozen=True)
class AuditEvent:
    """Somebody did something."""

    who: str
    what: str
