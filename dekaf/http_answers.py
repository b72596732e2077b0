"""What an HTTP server answers when a message could not be produced: one table, for every framework's adapter.

The answer is problem details (RFC 9457), without addresses, exception texts or anything of the message.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Final, NamedTuple, final

from dekaf.errors import (
    AuthenticationError,
    BrokerConnectionError,
    ClusterAuthorizationError,
    DekafError,
    InvalidRecordError,
    InvalidTimestampError,
    InvalidTopicError,
    ProduceError,
    ProducerClosedError,
    RecordTooLargeError,
    SerializationError,
    TopicAuthorizationError,
    UnsupportedCompressionTypeError,
)
from dekaf.types import FlushTimeoutError, ProduceAllError, RecordMetadata

__all__ = ("MEDIA_TYPE", "RETRY_AFTER", "HttpAnswer", "Kind", "answer_of", "kind_of")

RETRY_AFTER: Final = 5  # seconds: for about as long a producer says no at once before it looks again
MEDIA_TYPE: Final = "application/problem+json"
UNAVAILABLE: Final = 503


class Kind(Enum):
    """What an error means for a request, best first."""

    SAFE_TO_REPEAT = "safe to repeat"
    FAILED = "failed"  # repeating it will hardly help, or nobody can tell
    MAYBE_WRITTEN = "maybe written"  # a proxy that repeats the request may write the message twice
    REFUSED = "refused"  # Kafka does not let this application in: somebody has to mend that
    BUG = "bug"  # of the application: its framework's 500, with a traceback where it puts them


# What is wrong with the message, or with how it is sent. The same request will fail for ever.
_BUGS: Final = (
    SerializationError,
    RecordTooLargeError,
    InvalidRecordError,
    InvalidTimestampError,
    InvalidTopicError,
    UnsupportedCompressionTypeError,
)
_REFUSALS: Final = (AuthenticationError, TopicAuthorizationError, ClusterAuthorizationError)

_DETAILS: Final = {
    Kind.SAFE_TO_REPEAT: "The message was not written. Repeating the request is safe.",
    Kind.FAILED: "The message was not written.",
    Kind.MAYBE_WRITTEN: "The message may have been written. Repeating the request may write it twice.",
    Kind.REFUSED: "The message was not written.",
}


@final
class HttpAnswer(NamedTuple):
    """What to answer.

    Attributes:
        kind: What the error means for the request.
        status: The status code.
        headers: Beside the content type; ``Retry-After`` only where a retry cannot write twice.
        body: What the JSON holds.
    """

    kind: Kind
    status: int
    headers: dict[str, str]
    body: dict[str, Any]


def kind_of(error: BaseException) -> Kind | None:
    """Return what an error means for the request that met it; None if it is no error of producing.

    Of a `ProduceAllError` it is the worst of its results, and a part that was written would be written again. An error
    that has a refusal as its cause is one.
    """
    if isinstance(error, ProduceAllError):
        return _kind_of_several(error)
    if isinstance(error, FlushTimeoutError):
        return Kind.MAYBE_WRITTEN  # what was accepted is still on its way
    if isinstance(error, ProduceError | BrokerConnectionError | ProducerClosedError):
        return _kind_of_one(error)
    return None


def answer_of(error: BaseException, *, retry_after: int = RETRY_AFTER) -> HttpAnswer | None:
    """Return what to answer a request whose message could not be produced.

    Args:
        error: What was raised.
        retry_after: The seconds that ``Retry-After`` says.

    Returns:
        None where the framework's own answer is right, which is 500: a bug of the application, or another error.
    """
    kind = kind_of(error)
    if kind is None or kind is Kind.BUG:
        return None
    may_be_persisted = _may_be_persisted(error)
    body = {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": UNAVAILABLE,
        "detail": _DETAILS[Kind.MAYBE_WRITTEN if may_be_persisted else kind],
        "may_be_persisted": may_be_persisted,
    }
    headers = {"Retry-After": str(retry_after)} if kind is Kind.SAFE_TO_REPEAT else {}
    return HttpAnswer(kind, UNAVAILABLE, headers, body)


def _may_be_persisted(error: BaseException) -> bool:
    """Return whether anything of the request may be in Kafka, also where something else about it is worse."""
    if isinstance(error, ProduceAllError):
        return any(isinstance(one, RecordMetadata) or one.may_be_persisted for one in error.results)
    return isinstance(error, FlushTimeoutError) or (isinstance(error, ProduceError) and error.may_be_persisted)


def _kind_of_several(group: ProduceAllError) -> Kind:
    worst = max([_kind_of_one(result) for result in group.results if isinstance(result, ProduceError)], key=_rank)
    are_some_written = any(isinstance(result, RecordMetadata) for result in group.results)
    return max(worst, Kind.MAYBE_WRITTEN, key=_rank) if are_some_written else worst


def _kind_of_one(error: DekafError | ProduceError) -> Kind:
    if isinstance(error, _BUGS):
        return Kind.BUG
    may_be_persisted = isinstance(error, ProduceError) and error.may_be_persisted
    if isinstance(error, _REFUSALS) or (_has_refusal_as_cause(error) and not may_be_persisted):
        return Kind.REFUSED
    if may_be_persisted:
        return Kind.MAYBE_WRITTEN
    if isinstance(error, ProduceError) and not error.is_retriable:
        return Kind.FAILED
    # A connection that could not be made, or a producer that closes with its server: another one will take it.
    return Kind.SAFE_TO_REPEAT


def _has_refusal_as_cause(error: BaseException) -> bool:
    """Return whether a refusal led to an error: to an outage which fills the buffer, for one."""
    cause = error.__cause__
    while cause is not None:
        if isinstance(cause, _REFUSALS):
            return True
        cause = cause.__cause__
    return False


def _rank(kind: Kind) -> int:
    return list(Kind).index(kind)
