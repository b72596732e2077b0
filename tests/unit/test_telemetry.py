"""Installing a tracer for the process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dekaf import ConfigurationError, Producer, telemetry
from dekaf._protocol.error_codes import ErrorCode, produce_error
from dekaf.errors import BufferExhaustedError
from tests.named_hooks import NotingTracer


class AwaitedTracer(NotingTracer):
    """Has a method that dekaf would not await."""

    async def finish(self, token: Any, metadata: Any, error: Any) -> None:  # type: ignore[override]
        raise NotImplementedError


@pytest.fixture(autouse=True)
def nothing_stays_installed() -> Iterator[None]:
    yield
    telemetry.uninstall()


def test_last_tracer_installed_is_asked() -> None:
    first, second = NotingTracer(), NotingTracer()
    telemetry.install(first)
    telemetry.install(second)
    with Producer(backend="memory") as producer:
        producer.produce("t", "1", "a")

    assert telemetry.installed() is second
    assert (first.started, second.tokens()) == ([], [0])


def test_only_the_one_installed_is_uninstalled() -> None:
    first, second = NotingTracer(), NotingTracer()
    telemetry.install(second)

    telemetry.uninstall(first)
    assert telemetry.installed() is second

    telemetry.uninstall(second)
    assert telemetry.installed() is None


def test_tracer_sees_key_and_value_as_they_were_given() -> None:
    tracer = NotingTracer()
    telemetry.install(tracer)
    with Producer(backend="memory") as producer:
        producer.produce("t", 7, {"status": "paid"}, headers={"a": "b"})

    ((topic, key, value, headers),) = tracer.started
    assert (topic, key, value, headers.get("a")) == ("t", 7, {"status": "paid"}, b"b")


@pytest.mark.parametrize("wrong", [object(), "text", 5, AwaitedTracer()])
def test_what_is_no_tracer_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="tracer: "):
        telemetry.install(wrong)

    assert telemetry.installed() is None


def test_errors_have_kafkas_names_where_a_broker_answered() -> None:
    refused = produce_error(ErrorCode.NOT_ENOUGH_REPLICAS, "t", partition=0, may_be_persisted=False)

    assert telemetry.error_type(refused) == "NOT_ENOUGH_REPLICAS"
    assert telemetry.error_type(BufferExhaustedError("full")) == "BufferExhaustedError"
    assert telemetry.error_type(TypeError()) == "TypeError"
