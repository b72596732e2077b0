"""How commands send: what they do while there is no space, and when they are interrupted."""

from __future__ import annotations

from typing import Any, Never

from dekaf import Producer, ProducerConfig
from dekaf.command.sending import INTERRUPTED, for_sending, sent, until_space
from dekaf.errors import BufferExhaustedError


def test_a_message_is_fired_again_until_there_is_space() -> None:
    calls: list[tuple[Any, ...]] = []

    def fire(*message: Any, partition: int) -> None:
        calls.append((*message, partition))
        if len(calls) < 3:
            raise BufferExhaustedError("full", topic="orders", is_retriable=True)

    until_space(fire, "orders", "42", partition=1)

    assert calls == [("orders", "42", 1)] * 3


def test_a_full_buffer_and_a_kafka_that_is_away_hold_it_up() -> None:
    config = for_sending(ProducerConfig(bootstrap_servers="a:1", buffer_full="raise", unavailable_after_ms=10))

    assert (config.buffer_full, config.unavailable_after_ms) == ("block", None)


def test_an_interruption_delivers_what_was_accepted_and_says_so() -> None:
    config = ProducerConfig(backend="memory")
    producer: Producer[Any, Any] = Producer.from_config(config)
    said: list[str] = []

    def send() -> int:
        producer.fire("orders", value="paid")
        raise KeyboardInterrupt

    report, status = sent(producer, config, send, said.append)

    assert (report.delivered, status) == (1, INTERRUPTED)
    assert said == ["interrupted: what was accepted is delivered, unless you interrupt again"]


def test_a_second_interruption_gives_up_and_still_reports() -> None:
    config = ProducerConfig(backend="memory")
    producer: Producer[Any, Any] = Producer.from_config(config)

    def interrupt(*_: object) -> Never:
        raise KeyboardInterrupt

    report, status = sent(producer, config, interrupt, interrupt)

    assert (report.ok, status) == (True, INTERRUPTED)
    assert producer.status().state.value == "closed"
