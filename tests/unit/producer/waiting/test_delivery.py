"""A thread's handle on its record."""

from __future__ import annotations

import concurrent.futures
import threading
from collections.abc import Callable

import pytest

from dekaf.errors import BrokerConnectionError, DeliveryTimeoutError, InvalidRecordError, caused_error
from dekaf.producer._waiting.delivery import DeliveryFuture, copied_error
from dekaf.types import RecordMetadata

METADATA = RecordMetadata("t", 0, 7, 1)
ERROR = caused_error(InvalidRecordError("no", topic="t", partition=3, code=87), BrokerConnectionError("why"))


class Runner:
    """Stands for the callback thread."""

    def __init__(self) -> None:
        self.failed: list[tuple[str, BaseException]] = []

    def __call__(self, delivery: DeliveryFuture) -> None:
        delivery.run_callbacks(self._note)

    def _note(self, topic: str, failure: BaseException) -> None:
        self.failed.append((topic, failure))


@pytest.fixture
def runner() -> Runner:
    return Runner()


@pytest.fixture
def delivery(runner: Runner) -> DeliveryFuture:
    return DeliveryFuture("t", runner)


def test_outcome_is_there_for_everybody(delivery: DeliveryFuture) -> None:
    results: list[RecordMetadata] = []
    threads = [threading.Thread(target=lambda: results.append(delivery.result(10))) for _ in range(5)]
    for thread in threads:
        thread.start()
    assert not delivery.done()
    delivery.complete(METADATA, None)
    for thread in threads:
        thread.join(10)

    assert results == [METADATA] * 5
    assert delivery.done()
    assert delivery.result() is delivery.result(0)


def test_error_is_raised_as_a_copy_for_each(delivery: DeliveryFuture) -> None:
    delivery.complete(None, ERROR)
    raised = []
    for _ in range(2):
        with pytest.raises(InvalidRecordError) as caught:
            delivery.result()
        raised.append(caught.value)

    assert raised[0] is not raised[1]
    assert raised[0] is not ERROR
    assert ERROR.__traceback__ is None
    assert (raised[0].topic, raised[0].partition, raised[0].code) == ("t", 3, 87)
    assert raised[0].__cause__ is ERROR.__cause__


def test_copy_of_an_error_says_the_same() -> None:
    assert str(copied_error(ERROR)) == str(ERROR)


@pytest.mark.parametrize("timeout", [0, 0.01, -1.0])
def test_time_out_leaves_the_record_accepted(delivery: DeliveryFuture, timeout: float) -> None:
    with pytest.raises(DeliveryTimeoutError, match="stays accepted") as caught:
        delivery.result(timeout)
    assert caught.value.may_be_persisted

    delivery.complete(METADATA, None)
    assert delivery.result(0) == METADATA


def test_callbacks_run_once_whenever_they_come(delivery: DeliveryFuture) -> None:
    called: list[str] = []
    delivery.add_done_callback(lambda _: called.append("before"))
    delivery.complete(METADATA, None)
    delivery.add_done_callback(lambda handle: called.append(f"after {handle.result().offset}"))

    assert called == ["before", "after 7"]


def test_callback_that_raises_does_not_silence_the_next(delivery: DeliveryFuture, runner: Runner) -> None:
    failure = ValueError("on purpose")
    called: list[int] = []

    def fail(_: object) -> None:
        raise failure

    delivery.add_done_callback(fail)
    delivery.add_done_callback(lambda _: called.append(1))
    delivery.complete(METADATA, None)

    assert called == [1]
    assert runner.failed == [("t", failure)]


def test_callbacks_race_with_the_outcome_and_run_once(runner: Runner) -> None:
    for _ in range(300):
        delivery = DeliveryFuture("t", runner)
        called: list[int] = []
        adding = threading.Thread(target=_add, args=(delivery, lambda _, called=called: called.append(1)))
        adding.start()
        delivery.complete(METADATA, None)
        adding.join(10)
        assert called == [1]


def test_concurrent_future_has_the_same_outcome(runner: Runner) -> None:
    good, bad = DeliveryFuture("t", runner), DeliveryFuture("t", runner)
    futures = [good.as_concurrent(), bad.as_concurrent()]
    assert not futures[0].cancel()
    good.complete(METADATA, None)
    bad.complete(None, ERROR)

    assert concurrent.futures.wait(futures, 10).not_done == set()
    assert futures[0].result() == METADATA
    assert isinstance(futures[1].exception(), InvalidRecordError)
    assert good.as_concurrent().result() == METADATA


def _add(delivery: DeliveryFuture, callback: Callable[[DeliveryFuture], object]) -> None:
    delivery.add_done_callback(callback)
