"""Where the producer id stands, and that there is a way out of every state."""

from __future__ import annotations

import math

import pytest

from dekaf._protocol.error_codes import ErrorCode
from dekaf._protocol.init_producer_id import InitProducerIdResponse
from dekaf.errors import BrokerConnectionError, ClusterAuthorizationError, ProduceError
from dekaf.producer._buffer.sequences import MAX_EPOCH, ProducerIdAndEpoch
from dekaf.producer._inquiries.producer_id_source import ProducerIdSource, ProducerIdState, unsupported_error

NOW = 1_000.0


def doubling_backoff(attempt: int) -> float:
    return float(2**attempt)


def granted(epoch: int = 0) -> InitProducerIdResponse:
    return InitProducerIdResponse(error_code=0, producer_id=7, producer_epoch=epoch, throttle_time_ms=0)


def refused(code: int) -> InitProducerIdResponse:
    return InitProducerIdResponse(error_code=code, producer_id=-1, producer_epoch=-1, throttle_time_ms=0)


@pytest.fixture
def source() -> ProducerIdSource:
    return ProducerIdSource(doubling_backoff, is_needed=True)


def identity_of(source: ProducerIdSource) -> ProducerIdAndEpoch:
    assert source.identity is not None
    return source.identity


def test_it_is_asked_for_at_once_and_by_one_request_at_a_time(source: ProducerIdSource) -> None:
    assert source.is_missing()
    assert source.due_at() <= 0.0

    source.asked()

    assert source.due_at() == math.inf


def test_without_idempotence_it_is_never_missing() -> None:
    assert not ProducerIdSource(doubling_backoff, is_needed=False).is_missing()


def test_granted_identity_is_no_longer_asked_for(source: ProducerIdSource) -> None:
    source.asked()

    assert source.answered(granted(), NOW) is None

    assert (int(identity_of(source).producer_id), int(identity_of(source).epoch)) == (7, 0)
    assert source.due_at() == math.inf


def test_waits_between_attempts_grow_until_one_succeeds(source: ProducerIdSource) -> None:
    waits = []
    for _ in range(3):
        source.asked()
        source.lost(NOW)
        waits.append(source.due_at() - NOW)
    source.asked()
    source.answered(granted(), NOW)
    source.drop(source.identity, NOW)
    waits.append(source.due_at() - NOW)

    assert waits == [2.0, 4.0, 8.0, 2.0]


def test_refusal_that_may_pass_is_no_error_to_anybody(source: ProducerIdSource) -> None:
    source.asked()

    assert source.answered(refused(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS), NOW) is None

    assert source.due_at() == NOW + 2.0


def test_refusal_of_the_client_is_an_error_with_a_remedy(source: ProducerIdSource) -> None:
    source.asked()

    error = source.answered(refused(ErrorCode.CLUSTER_AUTHORIZATION_FAILED), NOW)

    assert isinstance(error, ClusterAuthorizationError)
    assert "IdempotentWrite" in str(error)
    assert "enable_idempotence=False" in str(error)
    assert source.due_at() == NOW + 2.0  # an administrator may help


def test_any_other_refusal_is_an_error_by_its_name(source: ProducerIdSource) -> None:
    source.asked()

    error = source.answered(refused(ErrorCode.INVALID_REQUEST), NOW)

    assert type(error) is ProduceError
    assert "INVALID_REQUEST" in str(error)


def test_one_higher_epoch_serves_all_partitions_that_ask_for_it(source: ProducerIdSource) -> None:
    source.answered(granted(), NOW)
    broken = identity_of(source)

    source.bump(broken)
    source.bump(broken)
    source.bump(None)

    assert (int(identity_of(source).producer_id), int(identity_of(source).epoch)) == (7, 1)
    assert source.state is ProducerIdState.READY


def test_last_epoch_is_followed_by_another_id(source: ProducerIdSource) -> None:
    source.answered(granted(MAX_EPOCH), NOW)

    source.bump(source.identity)

    assert source.is_missing()
    assert source.due_at() < math.inf


def test_identity_that_the_broker_refuses_is_given_up_once(source: ProducerIdSource) -> None:
    source.answered(granted(), NOW)
    refused_one = identity_of(source)

    assert source.drop(refused_one, NOW)
    assert not source.drop(refused_one, NOW)
    assert not source.drop(None, NOW)

    assert source.is_missing()
    assert source.due_at() == NOW + 2.0


def test_refusal_of_an_identity_that_was_replaced_meanwhile_changes_nothing(source: ProducerIdSource) -> None:
    source.answered(granted(), NOW)
    old = identity_of(source)
    source.bump(old)
    new = identity_of(source)

    assert not source.drop(old, NOW)

    assert source.identity is new


def test_broker_without_the_api_is_the_cause_of_its_error() -> None:
    reason = BrokerConnectionError("The broker does not offer INIT_PRODUCER_ID.")

    error = unsupported_error(reason)

    assert error.__cause__ is reason
    assert str(reason) in str(error)
