"""What a call may be given: the checks of arguments that both faces, and the doubles, have in common."""

from __future__ import annotations

import re
from inspect import CO_COROUTINE
from types import FunctionType, MethodType
from typing import Any, Final

from mypy_extensions import i64

from dekaf.errors import InvalidTopicError
from dekaf.message import ProducerMessage

# Stands for a value that was not given: None is Kafka's null, a tombstone. Any: it is the default of typed parameters.
MISSING: Final[Any] = object()

# As brokers check it. They keep a partition in a folder named after topic and number, of at most 255 characters.
_TOPIC_NAME: Final = re.compile(r"[a-zA-Z0-9._-]{1,249}")


def topic_name(topic: object) -> str:
    """Return the name of the topic that a call's first argument is, or means.

    Args:
        topic: A name, or a whole `ProducerMessage`.

    Raises:
        TypeError: It is neither.
    """
    if isinstance(topic, str):
        return topic
    if isinstance(topic, ProducerMessage):
        return topic.topic
    raise no_topic_error(topic)


def check_topic_name(topic: str) -> None:
    """Raise InvalidTopicError for a name that brokers do not allow: it would fail only after a round trip."""
    if _TOPIC_NAME.fullmatch(topic) is None or topic in (".", ".."):
        raise InvalidTopicError(
            f"{topic[:60]!r} is not a topic name: 1 to 249 of a-z, A-Z, 0-9, '.', '_' and '-', but not '.' or '..'."
        )


def only_message(message: object, *others: object) -> ProducerMessage[Any, Any]:
    """Return the message that a call's first argument is.

    Args:
        message: What is no topic's name.
        others: What the call gave beside it.

    Raises:
        TypeError: It is no message; or the call gave something beside it that belongs into the message.
    """
    if not isinstance(message, ProducerMessage):
        raise no_topic_error(message)
    if any(other is not None and other is not MISSING for other in others):
        raise TypeError("with a ProducerMessage, key, value, headers, partition and timestamp belong into the message")
    return message


def check_callback(on_delivery: object) -> None:
    """Raise TypeError for an `on_delivery` that could not be called once the outcome is there."""
    plain: object = on_delivery.__func__ if type(on_delivery) is MethodType else on_delivery
    if type(plain) is FunctionType:  # nearly always, and for every record
        if plain.__code__.co_flags & CO_COROUTINE:
            raise _coroutine_error()
        return
    if not callable(on_delivery):
        raise TypeError(f"on_delivery must be a function of (metadata, error), not {type(on_delivery).__name__}")
    for function in (on_delivery, type(on_delivery).__call__):
        flags = getattr(getattr(function, "__code__", None), "co_flags", 0)
        if isinstance(flags, int) and flags & CO_COROUTINE:  # a mock's may be a mock
            raise _coroutine_error()


def _coroutine_error() -> TypeError:
    return TypeError(
        "on_delivery is a coroutine function, which dekaf does not await; it may start a task instead, such as "
        "lambda metadata, error: loop.create_task(...)"
    )


def partition_number(partition: object) -> i64:
    """Return an explicit partition's number.

    Raises:
        TypeError: It is no int.
        ValueError: Kafka's protocol, which has 31 bits for it, cannot carry it.
    """
    if isinstance(partition, bool) or not isinstance(partition, int):
        raise TypeError(f"partition must be an int, not {type(partition).__name__}")
    if not 0 <= partition < 2**31:
        raise ValueError(f"partition must be between 0 and {2**31 - 1}, not {partition}")
    return partition


def check_value(value: object) -> None:
    """Raise TypeError where a call left the value out."""
    if value is MISSING:
        raise TypeError("value is missing; write value=None for a tombstone")


def no_topic_error(topic: object) -> TypeError:
    """Return what a call raises whose first argument is neither a topic's name nor a message."""
    return TypeError(f"topic must be a str or a ProducerMessage, not {type(topic).__name__}")


def no_message_error(message: object) -> TypeError:
    """Return what `produce_all` raises for something else than a message."""
    return TypeError(f"produce_all takes ProducerMessage, not {type(message).__name__}")
