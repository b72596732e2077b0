"""What the API takes and gives."""

from __future__ import annotations

from pydantic import BaseModel

from dekaf import RecordMetadata


class Order(BaseModel):
    """An order."""

    id: str
    item: str = "espresso"


class Placed(BaseModel):
    """Where it was written."""

    order: str
    written: RecordMetadata
