"""How one face makes the other without importing it: each tells here how it is made over a core."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from dekaf.producer._core.core import ProducerCore
from dekaf.serialization import Serializer

MakeFace = Callable[[ProducerCore, Serializer[Any], Serializer[Any]], Any]

THREADS: Final = "threads"
COROUTINES: Final = "coroutines"

_makers: dict[str, MakeFace] = {}


def register_face(kind: str, make: MakeFace) -> None:
    """Tell how faces of a kind are made; called once, when the package is imported."""
    _makers[kind] = make


def make_face(kind: str, core: ProducerCore, key: Serializer[Any], value: Serializer[Any]) -> Any:
    """Return a face over `core` that owns nothing."""
    return _makers[kind](core, key, value)
