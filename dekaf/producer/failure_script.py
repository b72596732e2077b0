"""FailureScript: what a test ordered to fail, for producers with ``backend="memory"``.

An order is checked when it is given: what no producer raises in production cannot be had here either.
"""

from __future__ import annotations

import copy
import threading
from dataclasses import dataclass
from typing import Final, Generic, TypeVar, final

from dekaf._protocol.error_codes import ERROR_CODES
from dekaf.errors import (
    BrokerConnectionError,
    BufferExhaustedError,
    ClusterUnavailableError,
    DekafError,
    DeliveryAbortedError,
    DeliveryTimeoutError,
    InvalidTopicError,
    OutOfResourcesError,
    ProduceError,
    ProducerClosedError,
    RecordTooLargeError,
    SerializationError,
)

__all__ = ("FailureScript",)

E = TypeVar("E", bound=DekafError)

# What a producer raises at the call, because it does not accept such a message; all else is told as the outcome.
_AT_THE_CALL: Final = (
    BufferExhaustedError,
    InvalidTopicError,
    OutOfResourcesError,
    ProducerClosedError,
    RecordTooLargeError,
    SerializationError,
)
# Of the errors that no broker answers with.
_RETRIABLE: Final = (
    BufferExhaustedError,
    ClusterUnavailableError,
    DeliveryAbortedError,
    DeliveryTimeoutError,
    OutOfResourcesError,
)
_AMBIGUOUS: Final = (DeliveryAbortedError, DeliveryTimeoutError)

_TEXT: Final = "The test let this message fail."


@dataclass(slots=True)
class _Order(Generic[E]):
    topic: str | None
    error: E | type[E]
    left: int

    def concerns(self, topic: str) -> bool:
        return self.left > 0 and self.topic in {None, topic}

    def is_raised_by_the_call(self) -> bool:
        kind = self.error if isinstance(self.error, type) else type(self.error)
        return issubclass(kind, _AT_THE_CALL)


@final
class FailureScript:
    """Every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock: Final = threading.RLock()  # guards the orders; re-entrant, as a finalizer may produce meanwhile
        self._messages: list[_Order[DekafError]] = []
        self._checks: list[_Order[BrokerConnectionError]] = []

    def fail_next(self, topic: str | None, error: DekafError | type[DekafError], *, times: int) -> None:
        """Order messages to fail; see `ProducedMessages.fail_next`."""
        if topic is not None and not isinstance(topic, str):
            raise TypeError(f"topic must be a str, or None for any topic, not {type(topic).__name__}")
        _refuse_unless(error, (ProduceError, ProducerClosedError), "fail_next takes what produce() raises")
        _check_times(times)
        with self._lock:
            self._messages.append(_Order(topic, error, times))

    def fail_next_check(self, error: BrokerConnectionError | type[BrokerConnectionError], *, times: int) -> None:
        """Order checks to fail; see `ProducedMessages.fail_next_check`."""
        _refuse_unless(error, (BrokerConnectionError,), "fail_next_check takes what check() raises")
        _check_times(times)
        with self._lock:
            self._checks.append(_Order(None, error, times))

    def clear(self) -> None:
        """Forget all orders."""
        with self._lock:
            self._messages.clear()
            self._checks.clear()

    # Carrying orders out.

    def refusal_error(self, topic: str) -> DekafError | None:
        """Take the next order for a topic, if the call that produces is to raise it."""
        with self._lock:
            order = self._next(topic)
            if order is None or not order.is_raised_by_the_call():
                return None
            order.left -= 1
        return _message_error(order.error, topic, None)

    def outcome_error(self, topic: str, partition: int) -> ProduceError | None:
        """Take the next order for a topic, if it is the outcome of a message."""
        with self._lock:
            order = self._next(topic)
            if order is None or order.is_raised_by_the_call():
                return None
            order.left -= 1
        error = _message_error(order.error, topic, partition)
        assert isinstance(error, ProduceError)  # the others are raised by the call
        return error

    def next_check_error(self) -> DekafError | None:
        """Take the next order for a check."""
        with self._lock:
            order = next((order for order in self._checks if order.left > 0), None)
            if order is None:
                return None
            order.left -= 1
        error = order.error
        return copy.copy(error) if isinstance(error, DekafError) else error("The test let this check fail.")

    def _next(self, topic: str) -> _Order[DekafError] | None:
        return next((order for order in self._messages if order.concerns(topic)), None)


def _message_error(error: DekafError | type[DekafError], topic: str, partition: int | None) -> DekafError:
    """Return a fresh error about one message, so that no traceback is shared."""
    if isinstance(error, type):
        return _class_error(error, topic, partition)
    mine = copy.copy(error)
    if isinstance(mine, ProduceError):
        mine.topic = topic if mine.topic is None else mine.topic
        mine.partition = partition if mine.partition is None else mine.partition
    return mine


def _class_error(kind: type[DekafError], topic: str, partition: int | None) -> DekafError:
    if not issubclass(kind, ProduceError):
        return kind("The producer is closed: the test let this message fail.")
    row = next((row for row in ERROR_CODES.values() if row.error_class is kind), None)
    if row is None or kind is ProduceError or issubclass(kind, _AT_THE_CALL):
        return kind(
            _TEXT,
            topic=topic,
            partition=partition,
            is_retriable=issubclass(kind, _RETRIABLE),
            may_be_persisted=issubclass(kind, _AMBIGUOUS),
        )
    return kind(
        _TEXT,
        topic=topic,
        partition=partition,
        code=row.code,
        is_retriable=row.is_retriable,
        may_be_persisted=row.may_be_persisted,
    )


def _refuse_unless(error: object, kinds: tuple[type[DekafError], ...], rule: str) -> None:
    """Raise TypeError for what is neither an error of these kinds nor a class of them."""
    kind = error if isinstance(error, type) else type(error)
    if not issubclass(kind, kinds):
        raise TypeError(f"{rule}{_hint(kind, kinds)} It was given {kind.__name__}.")


def _hint(given: type[object], kinds: tuple[type[DekafError], ...]) -> str:
    if ProduceError not in kinds:
        return ", BrokerConnectionError or one of its children; for messages there is fail_next."
    if issubclass(given, BrokerConnectionError):
        return (
            ", which tells of lost connections by DeliveryTimeoutError or ClusterUnavailableError; for check() there "
            "is fail_next_check."
        )
    return ": ProduceError, one of its children, or ProducerClosedError."


def _check_times(times: object) -> None:
    if isinstance(times, bool) or not isinstance(times, int):
        raise TypeError(f"times must be an int, not {type(times).__name__}")
    if times < 1:
        raise ValueError(f"times must be at least 1, not {times}")
