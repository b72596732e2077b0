"""How FastAPI encodes dekaf's values where an endpoint names no response type, and pydantic is not asked."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi.encoders import ENCODERS_BY_TYPE

from dekaf.errors import ProduceError
from dekaf.types import RecordMetadata

__all__ = ("register_encoders",)


def register_encoders() -> None:
    """Teach ``jsonable_encoder`` the classes that it cannot take apart by itself; reports and snapshots it can."""
    ENCODERS_BY_TYPE[RecordMetadata] = RecordMetadata.as_dict
    for kind in _with_subclasses(ProduceError):  # it looks for the very class
        ENCODERS_BY_TYPE[kind] = ProduceError.as_dict


def _with_subclasses(cls: type[ProduceError]) -> Iterator[type[ProduceError]]:
    yield cls
    for subclass in cls.__subclasses__():
        yield from _with_subclasses(subclass)
