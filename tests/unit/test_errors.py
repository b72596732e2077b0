"""What callers may rely on when they catch an exception: its place in the tree, its facts, its text."""

from __future__ import annotations

import copy
import pickle

import pytest

from dekaf import errors
from dekaf.errors import (
    AuthenticationError,
    BrokerConnectionError,
    BufferExhaustedError,
    ConfigurationError,
    DekafError,
    DeliveryTimeoutError,
    NotEnoughReplicasError,
    ProduceError,
    ProducerClosedError,
    RecordTooLargeError,
    SerializationError,
)

ALL_ERRORS: list[type[DekafError]] = [getattr(errors, name) for name in errors.__all__]
PRODUCE_ERRORS = [kind for kind in ALL_ERRORS if issubclass(kind, ProduceError)]


def test_every_exception_is_a_dekaf_error() -> None:
    assert all(issubclass(kind, DekafError) for kind in ALL_ERRORS)


@pytest.mark.parametrize("kind", ALL_ERRORS)
def test_the_tree_in_the_docstring_shows_every_exception(kind: type[DekafError]) -> None:
    assert kind.__name__ in (errors.__doc__ or "")


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (ConfigurationError, ValueError),
        (ProducerClosedError, RuntimeError),
        (errors.BlockingCallError, RuntimeError),
        (BrokerConnectionError, ConnectionError),
        (AuthenticationError, BrokerConnectionError),
        (BufferExhaustedError, TimeoutError),
        (DeliveryTimeoutError, TimeoutError),
    ],
)
def test_an_exception_is_also_the_builtin_one_expects(kind: type[DekafError], builtin: type[Exception]) -> None:
    assert issubclass(kind, builtin)


@pytest.mark.parametrize("kind", PRODUCE_ERRORS)
def test_a_produce_error_keeps_its_facts_through_pickle_and_copy(kind: type[ProduceError]) -> None:
    error = kind("refused", topic="orders", partition=3, code=19, is_retriable=True, may_be_persisted=True)
    error.add_note("seen by the test")

    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is kind
        assert vars(again) == vars(error)
        assert str(again) == str(error)


@pytest.mark.parametrize("kind", [kind for kind in ALL_ERRORS if not issubclass(kind, ProduceError)])
def test_every_other_exception_keeps_its_text_through_pickle(kind: type[DekafError]) -> None:
    error = kind("what happened")

    again = pickle.loads(pickle.dumps(error))

    assert type(again) is kind
    assert str(again) == "what happened"


def test_the_field_of_a_serialization_error_survives_pickle() -> None:
    again = pickle.loads(pickle.dumps(SerializationError("the key must be str", topic="orders", field="key")))

    assert (again.topic, again.field) == ("orders", "key")


def test_an_unknown_outcome_is_not_retriable_and_not_persisted_unless_said() -> None:
    error = ProduceError("refused")

    assert (error.topic, error.partition, error.code) == (None, None, None)
    assert not error.is_retriable
    assert not error.may_be_persisted


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ProduceError("refused"), "refused"),
        (ProduceError("refused", partition=3), "refused"),
        (RecordTooLargeError("too large", topic="orders"), "orders: too large"),
        (
            NotEnoughReplicasError("1 of 2 replicas", topic="orders", partition=0, is_retriable=True),
            "orders-0: 1 of 2 replicas. It was not written: producing it again is safe.",
        ),
        (
            DeliveryTimeoutError("no answer.", topic="orders", partition=3, is_retriable=True, may_be_persisted=True),
            "orders-3: no answer. It may have been written: producing it again may write it twice.",
        ),
        (
            ProduceError("aborted", topic="orders", may_be_persisted=True),
            "orders: aborted. It may have been written all the same.",
        ),
    ],
)
def test_the_text_names_topic_partition_problem_and_what_a_retry_would_do(error: ProduceError, text: str) -> None:
    assert str(error) == text
