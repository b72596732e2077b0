"""The fluent way to a producer: immutable steps, faults at build()."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from dekaf import builder
from dekaf.abc import ProducerListener
from dekaf.builder import AsyncProducerBuilder, Kafka, ProducerBuilder
from dekaf.errors import ConfigurationError
from dekaf.message import ProducerMessage
from dekaf.partitioning import RoundRobinPartitioner
from dekaf.producer import AsyncProducer, Producer, ProducerConfig
from dekaf.producer.security_config import SecurityConfig
from dekaf.serialization import StringSerializer
from dekaf.types import Acks
from tests.named_hooks import NotingTracer

Builder = ProducerBuilder[Any, Any] | AsyncProducerBuilder[Any, Any]
SERVERS = "localhost:9092"
LISTENER = ProducerListener()
TRACER = NotingTracer()


def save(messages: Sequence[ProducerMessage[bytes, bytes]]) -> None:
    raise NotImplementedError


@dataclass(frozen=True)
class Face:
    """Stands for a producer: remembers what it was made of."""

    config: ProducerConfig
    key: object
    value: object

    @classmethod
    def from_config(cls, config: ProducerConfig, *, key: object = None, value: object = None) -> Face:
        return cls(config, key, value)


@pytest.fixture
def _faces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "Producer", Face)
    monkeypatch.setattr(builder, "AsyncProducer", Face)


@pytest.fixture(params=[Kafka.create_producer, Kafka.create_async_producer])
def started(request: pytest.FixtureRequest, _faces: None) -> Builder:
    made: Builder = request.param(str, str).with_bootstrap_servers(SERVERS)
    return made


def config_of(made: Builder) -> ProducerConfig:
    face: Any = made.build()
    assert isinstance(face, Face)
    return face.config


# One step per option: its method's argument, and what the option becomes.
STEPS: dict[str, tuple[Any, Any]] = {
    "bootstrap_servers": (["a:1", "b:2"], ("a:1", "b:2")),
    "client_id": ("shop", "shop"),
    "acks": ("leader", Acks.LEADER),
    "enable_idempotence": (False, False),
    "max_in_flight_requests_per_connection": (3, 3),
    "linger_ms": (7, 7),
    "batch_size": (1000, 1000),
    "compression_type": ("gzip", "gzip"),
    "compression_level": (None, None),
    "partitioner": (RoundRobinPartitioner, RoundRobinPartitioner),
    "buffer_memory": (100_000, 100_000),
    "buffer_full": ("raise", "raise"),
    "max_block_ms": (1, 1),
    "max_request_size": (2000, 2000),
    "request_timeout_ms": (2000, 2000),
    "delivery_timeout_ms": (20_000, 20_000),
    "produce_timeout_ms": (15_000, 15_000),
    "unavailable_after_ms": (2_000, 2_000),
    "close_timeout_ms": (3000, 3000),
    "retry_backoff_ms": (10, 10),
    "retry_backoff_max_ms": (200, 200),
    "reconnect_backoff_ms": (20, 20),
    "reconnect_backoff_max_ms": (300, 300),
    "socket_connection_setup_timeout_ms": (4000, 4000),
    "connections_max_idle_ms": (-1, -1),
    "metadata_max_age_ms": (60_000, 60_000),
    "metadata_max_idle_ms": (70_000, 70_000),
    "metadata_recovery_strategy": ("none", "none"),
    "metadata_recovery_rebootstrap_trigger_ms": (80_000, 80_000),
    "allow_auto_create_topics": (False, False),
    "start": ("eager", "eager"),
    "backend": ("memory", "memory"),
    "allow_blocking_in_loop": (True, True),
    "listener": (LISTENER, LISTENER),
    "tracer": (TRACER, TRACER),
    "on_undelivered": (save, save),
}


def test_there_is_a_step_for_every_option() -> None:
    # Those of secure connections have steps of their own: see test_security_steps.
    assert set(STEPS) == set(ProducerConfig.model_fields) - set(SecurityConfig.model_fields) - {"key", "value"}


@pytest.mark.parametrize("option", STEPS)
def test_a_step_sets_its_option_in_a_new_builder(option: str, started: Builder) -> None:
    argument, expected = STEPS[option]
    before = config_of(started)

    changed: Builder = getattr(started, f"with_{option}")(argument)

    assert type(changed) is type(started)
    assert getattr(config_of(changed), option) == expected
    assert config_of(started) == before


def test_all_steps_go_together(started: Builder) -> None:
    made = started
    for option, (argument, _) in STEPS.items():
        made = getattr(made, f"with_{option}")(argument)

    config = config_of(made)

    assert {option: getattr(config, option) for option in STEPS} == {name: step[1] for name, step in STEPS.items()}


def test_with_options_sets_many_at_once(started: Builder) -> None:
    config = config_of(started.with_options(linger_ms=7, acks="leader"))

    assert (config.linger_ms, config.acks) == (7, Acks.LEADER)


def test_repeating_a_step_overrides(started: Builder) -> None:
    assert config_of(started.with_linger_ms(1).with_linger_ms(2)).linger_ms == 2


@pytest.mark.parametrize("name", ["gzip", "lz4", "zstd"])
def test_compression_is_chosen_with_or_without_a_level(name: str, started: Builder) -> None:
    use = getattr(started, f"use_{name}_compression")

    assert (config_of(use()).compression_type, config_of(use()).compression_level) == (name, None)
    assert config_of(use(3)).compression_level == 3


def test_another_compression_forgets_the_level_of_the_first(started: Builder) -> None:
    config = config_of(started.use_gzip_compression(9).use_snappy_compression())

    assert (config.compression_type, config.compression_level) == ("snappy", None)


def test_idempotence_is_switched_on_and_off(started: Builder) -> None:
    assert config_of(started.enable_idempotence()).enable_idempotence is True
    assert config_of(started.enable_idempotence().disable_idempotence()).enable_idempotence is False


def test_contradictions_surface_at_build_in_any_order_of_steps(started: Builder) -> None:
    for contradictory in (
        started.enable_idempotence().with_acks(Acks.LEADER),
        started.with_acks(Acks.LEADER).enable_idempotence(),
    ):
        with pytest.raises(ConfigurationError, match="enable_idempotence=True: needs acks='all'"):
            contradictory.build()


def test_a_contradiction_may_be_resolved_by_a_later_step(started: Builder) -> None:
    assert config_of(started.with_acks(Acks.LEADER).enable_idempotence().with_acks(Acks.ALL)).idempotence


def test_wrong_values_surface_at_build(started: Builder) -> None:
    wrong = started.with_linger_ms(-1).with_options(lingre_ms=1)  # type: ignore[call-arg]  # a misspelling

    with pytest.raises(ConfigurationError, match="2 faults"):
        wrong.build()


def test_a_builder_without_servers_says_what_is_missing(started: Builder) -> None:
    with pytest.raises(ConfigurationError, match="bootstrap_servers: required"):
        Kafka.create_producer().build()


def test_a_list_of_servers_is_copied(started: Builder) -> None:
    servers = ["a:1"]
    made = started.with_bootstrap_servers(servers)

    servers.append("b:2")

    assert config_of(made).bootstrap_servers == ("a:1",)


def test_build_may_be_called_again(started: Builder) -> None:
    first: Any = started.build()
    second: Any = started.build()

    assert first is not second
    assert first == second


def test_key_and_value_reach_the_producer(started: Builder) -> None:
    serializer = StringSerializer()
    made: Any = Kafka.create_producer(serializer, int).with_bootstrap_servers(SERVERS).build()

    assert (made.key, made.value) == (serializer, int)
    assert (made.config.key, made.config.value) == (serializer, int)


def test_a_wrong_key_type_surfaces_at_build(started: Builder) -> None:
    with pytest.raises(ConfigurationError, match="key=bool"):
        Kafka.create_producer(bool, str).with_bootstrap_servers(SERVERS).build()


@pytest.mark.parametrize("option", ["key", "value"])
def test_serializers_are_not_options_of_a_builder(option: str, started: Builder) -> None:
    with pytest.raises(ConfigurationError, match=r"given to Kafka\.create_producer"):
        started.with_options(**{option: str})  # type: ignore[arg-type]  # refused by type checkers, too


def test_a_builder_shows_which_options_are_set_but_no_values(started: Builder) -> None:
    assert repr(started.with_client_id("s3cret")).endswith("Builder(bootstrap_servers, client_id)")


def test_building_connects_nowhere() -> None:
    with Kafka.create_producer(str, str).with_bootstrap_servers("host.invalid:9092").build() as producer:
        assert isinstance(producer, Producer)


def test_building_an_asynchronous_producer_needs_no_event_loop() -> None:
    producer = Kafka.create_async_producer(str, str).with_bootstrap_servers("host.invalid:9092").build()

    assert isinstance(producer, AsyncProducer)
