"""Calls that are refused before their record is looked at: a tracer sees them, too, with the error as the outcome.

That is what happens to a message. A call that could not be one, because of its arguments or of where it is made, is not
told: nothing was to be sent.
"""

from __future__ import annotations

from typing import Any

from dekaf.errors import ClusterUnavailableError, ProduceError
from dekaf.message import ProducerMessage
from dekaf.producer._core.arguments import MISSING, topic_name
from dekaf.producer._core.core import ProducerCore
from dekaf.types import Headers, HeadersLike


def check_available(core: ProducerCore, topic: object, key: object, value: object, headers: HeadersLike | None) -> None:
    """Refuse a call that would wait while no broker can be reached; only asked where that may be so.

    Args:
        core: The producer's.
        topic: As the call was given it, a whole message maybe.
        key: The same.
        value: The same.
        headers: The same.

    Raises:
        ClusterUnavailableError: None has been reachable for `unavailable_after_ms`.
    """
    try:
        core.check_available(topic_name(topic))
    except ClusterUnavailableError as error:
        tell_refused(core, topic, key, value, headers, error)
        raise


def tell_refused(  # a call's own arguments
    core: ProducerCore,
    topic: object,
    key: object,
    value: object,
    headers: HeadersLike | None,
    error: ProduceError,
) -> None:
    """Let a tracer begin and finish a call; without one, nothing happens.

    Args:
        core: The producer's.
        topic: As the call was given it, a whole message maybe.
        key: The same.
        value: The same.
        headers: The same.
        error: What is raised.
    """
    if isinstance(topic, ProducerMessage):
        message: ProducerMessage[Any, Any] = topic
        topic, key, value, headers = message.topic, message.key, message.value, message.headers
    if not isinstance(topic, str) or value is MISSING:
        return  # another error, had Kafka been there
    try:
        given = None if headers is None else Headers.of(headers)
    except (TypeError, ValueError):
        return  # the same
    core.hooks.refused(topic, key, value, given, core.clock_ms(), error)
