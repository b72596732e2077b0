"""The clients whose configurations are understood."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from enum import Enum
from typing import Final

from dekaf.producer.masked import Masked
from dekaf.producer.translation.adjustments import NUMBERS, adjusted
from dekaf.producer.translation.confluent import translated as confluent_translated
from dekaf.producer.translation.python_clients import aiokafka_translated, kafka_python_translated
from dekaf.producer.translation.rules import Translation

__all__ = ("NUMBERS", "Client", "translated")


class Client(Enum):
    """Another client; the values are what follows ``from_``."""

    AIOKAFKA = "aiokafka"
    CONFLUENT = "confluent"
    KAFKA_PYTHON = "kafka_python"


_TRANSLATORS: Final[dict[Client, Callable[[Masked, Collection[str]], Translation]]] = {
    Client.AIOKAFKA: aiokafka_translated,
    Client.CONFLUENT: confluent_translated,
    Client.KAFKA_PYTHON: kafka_python_translated,
}


def translated(
    client: Client, mapping: Masked, *, overrides: Mapping[str, object], defaults: Mapping[str, object]
) -> Translation:
    """Return what a configuration comes to, with overrides in it, and numbers made to fit beside each other.

    Args:
        client: Whose it is.
        mapping: The configuration.
        overrides: Our options that the application gives beside, maybe masked.
        defaults: Those of the options in `NUMBERS`.
    """
    translation = _TRANSLATORS[client](mapping, overrides)
    translation.options = adjusted({**translation.options, **overrides}, defaults)
    return translation
