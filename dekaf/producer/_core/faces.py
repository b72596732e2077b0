"""How each face makes the other without importing it: both leave here how they are made over a core."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias, final

from dekaf.abc import AsyncKafkaProducer, KafkaProducer
from dekaf.producer._core.core import ProducerCore
from dekaf.serialization import Serializer

MakeProducer: TypeAlias = Callable[[ProducerCore, Serializer[Any], Serializer[Any]], KafkaProducer[Any, Any]]
MakeAsyncProducer: TypeAlias = Callable[[ProducerCore, Serializer[Any], Serializer[Any]], AsyncKafkaProducer[Any, Any]]


@final
class FaceMakers:
    """Make a face over a core, with serializers for key and value; what is made is a view, and owns nothing.

    Each is set by the module of its face. The package imports both, so no face can be in use before they are.
    """

    threads: MakeProducer
    coroutines: MakeAsyncProducer


FACES: Final = FaceMakers()
