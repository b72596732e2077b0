"""ProducerConfig: every option once, under Kafka's own name, validated when it is made."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final, Never, Self, Unpack, cast

from dekaf._security.mechanism import Mechanism
from dekaf._security.security_options import SecurityOptions, SecurityProtocol
from dekaf.abc import OnUndelivered, ProducerListener, RecordTracer
from dekaf.errors import ConfigurationError
from dekaf.partitioning import Partitioner
from dekaf.producer.fault_text import in_lines, shown, shown_name
from dekaf.producer.frozen_options import Refusal, option
from dekaf.producer.masked import Masked, masked, masked_keywords, unmasked
from dekaf.producer.options import (
    Backend,
    BufferFull,
    CompressionType,
    MetadataRecoveryStrategy,
    PartitionerSpec,
    ProducerOptions,
    Start,
    one_of,
    optional_whole_number,
    partitioner_for,
    to_acks,
    to_client_id,
    to_compression_type,
    to_endpoint,
    to_key_spec,
    to_listener,
    to_on_undelivered,
    to_optional_switch,
    to_partitioner_spec,
    to_servers,
    to_switch,
    to_tracer,
    to_unavailable_after_ms,
    to_value_spec,
    whole_number,
)
from dekaf.producer.other_names import unknown_option
from dekaf.producer.security_config import SecurityConfig, is_security_option
from dekaf.producer.security_faults import security_faults
from dekaf.producer.security_options import is_given
from dekaf.producer.security_values import security_options
from dekaf.serialization import SerializerSpec
from dekaf.types import Acks

__all__ = ("ProducerConfig", "ProducerOptions", "configuration_of")

logger = logging.getLogger("dekaf.producer.config")

# A broker remembers the last five batches of a producer on a partition, so that is how many may be under way.
_MAX_IN_FLIGHT_IDEMPOTENT: Final = 5

# From KIP-390: https://cwiki.apache.org/confluence/display/KAFKA/KIP-390%3A+Support+Compression+Level
_COMPRESSION_LEVELS: Final = {"gzip": (1, 9), "lz4": (1, 17), "zstd": (-131072, 22)}
# The values of these security options are words and numbers that hold no secret, and may be shown when they are wrong.
_SHOWN: Final = frozenset(
    {
        "sasl_mechanism",
        "sasl_oauthbearer_assertion_algorithm",
        "sasl_oauthbearer_assertion_claim_exp_seconds",
        "sasl_oauthbearer_assertion_claim_jti_include",
        "sasl_oauthbearer_assertion_claim_nbf_seconds",
        "sasl_oauthbearer_header_urlencode",
        "security_protocol",
        "ssl_check_hostname",
    }
)

_PICKLED_INSTEAD: Final = {"ssl_context": "give ssl_cafile, ssl_certfile and ssl_keyfile"}

_MILLISECONDS: Final = whole_number(0)
_POSITIVE_MILLISECONDS: Final = whole_number(1)
_BYTES: Final = whole_number(1)


def _program_name() -> str:
    """Return what the process was started as, for the broker's logs and quotas."""
    path = sys.argv[0] if sys.argv else ""
    name, _ = os.path.splitext(os.path.basename(path))
    if name == "__main__":  # python -m package
        name = os.path.basename(os.path.dirname(path))
    return name if name.isprintable() and 1 <= len(name) <= 255 and not name.startswith("-") else "dekaf"


class ProducerConfig(SecurityConfig):
    """The frozen, validated options of a producer.

    Values may be texts, as the environment and settings files hold them: ``"5"`` and ``"true"`` are understood.

    Raises:
        ConfigurationError: an option is unknown, wrong or contradicts another; every fault has its line.

    Example:
        >>> ProducerConfig(bootstrap_servers="localhost:9092", linger_ms=20).linger_ms
        20

    The names are Kafka's: https://kafka.apache.org/documentation/#producerconfigs
    """

    bootstrap_servers: tuple[str, ...] = option(
        (),
        check=to_servers,
        description="Where to find the cluster: `host:port` entries, as a list or separated by commas; required unless "
        "`backend` is `memory` or `disabled`. Any brokers of the cluster will do; name two or three, in case one is "
        "down. An IPv6 address is written `[::1]:9092`. Kafka: `bootstrap.servers`.",
    )
    client_id: str = option(
        default_factory=_program_name,
        check=to_client_id,
        description="Text; default: the program's name, and that of the alias in settings with several. How the "
        "producer appears in the brokers' logs, metrics and quotas. Kafka: `client.id`.",
    )
    key: SerializerSpec = option(
        None,
        check=to_key_spec,
        description="A type, a serializer, or a name: `str`, `bytes`, `int`, `json`, … or a dotted name; default: "
        "decided by each key (`AutoSerializer`). How keys become bytes. Kafka: `key.serializer`.",
    )
    value: SerializerSpec = option(
        None,
        check=to_value_spec,
        description="A type, a serializer, or a name, as for `key`; default: decided by each value "
        "(`AutoSerializer`). How values become bytes. Kafka: `value.serializer`.",
    )
    acks: Acks = option(
        Acks.ALL,
        check=to_acks,
        description="`all` (-1), `leader` (1) or `none` (0); default `all`. Who must have a record before it counts as "
        "delivered: all in-sync replicas, the partition's leader, or none. With `none`, offsets are not known and "
        "losses not noticed. Kafka: `acks`.",
    )
    enable_idempotence: bool | None = option(
        None,
        check=to_optional_switch,
        description="True, False or None; default None: on if `acks` is `all` and at most 5 requests are in flight. "
        "Retries then neither duplicate nor reorder records. True together with other settings is refused. Kafka: "
        "`enable.idempotence` (KIP-98).",
    )
    max_in_flight_requests_per_connection: int = option(
        5,
        check=whole_number(1),
        description="Number; default 5. How many produce requests may be unanswered on one connection. More than 5 "
        "switch idempotence off. Kafka: `max.in.flight.requests.per.connection`.",
    )
    linger_ms: int = option(
        5,
        check=_MILLISECONDS,
        description="Milliseconds; default 5. How long a record may wait for others to share its batch. Records that "
        "a caller awaits leave at once while nothing else is under way to that broker. Kafka: `linger.ms`.",
    )
    batch_size: int = option(
        65_536,
        check=_BYTES,
        description="Bytes; default 65536 (Java: 16384). A batch is sent when it reaches this size, at the latest; "
        "with compression, its estimated compressed size. Kafka: `batch.size`.",
    )
    compression_type: CompressionType = option(
        "none",
        check=to_compression_type,
        description="`none`, `gzip`, `snappy`, `lz4` or `zstd`; default `none`. How batches are compressed. All but "
        "`gzip` need an extra: `pip install 'dekaf[lz4]'`. Kafka: `compression.type`.",
    )
    compression_level: int | None = option(
        None,
        check=optional_whole_number(-131_072, 22),
        description="Number; default: the codec's own. gzip 1 to 9, lz4 1 to 17, zstd -131072 to 22. Kafka: "
        "`compression.gzip.level`, `compression.lz4.level`, `compression.zstd.level` (KIP-390).",
    )
    partitioner: PartitionerSpec = option(
        "murmur2",
        check=to_partitioner_spec,
        description="`murmur2`, `round_robin`, `consistent_random`, a class, an object or a dotted name; default "
        "`murmur2`. Chooses partitions: `murmur2` as the Java client does (records without a key as in KIP-794), "
        "`consistent_random` as confluent-kafka does by default. Kafka: `partitioner.class`.",
    )
    buffer_memory: int = option(
        33_554_432,
        check=whole_number(1, 2**63 - 1),
        description="Bytes; default 33554432 (32 MiB). The bound on everything accepted and not yet done with: "
        "waiting, compressed and in flight. Kafka: `buffer.memory`.",
    )
    buffer_full: BufferFull = option(
        "block",
        check=one_of("block", "raise"),
        description="`block` or `raise`; default `block`. What happens when `buffer_memory` is used up: wait for at "
        "most `max_block_ms`, or raise BufferExhaustedError at once.",
    )
    max_block_ms: int = option(
        5_000,
        check=_MILLISECONDS,
        description="Milliseconds; default 5000 (Java: 60000, but here a request handler waits). How long a call may "
        "wait for space in the buffer, or, with `on_delivery`, until fewer callbacks are due; and for how long brokers "
        "may deny a record's topic. Kafka: `max.block.ms`.",
    )
    max_request_size: int = option(
        1_048_576,
        check=_BYTES,
        description="Bytes; default 1048576 (1 MiB). The largest record, and the largest request. The brokers' "
        "`message.max.bytes` must allow it too. Kafka: `max.request.size`.",
    )
    request_timeout_ms: int = option(
        10_000,
        check=_POSITIVE_MILLISECONDS,
        description="Milliseconds; default 10000 (Java: 30000). How long a broker may take to answer before the "
        "request is tried again. Kafka: `request.timeout.ms`.",
    )
    delivery_timeout_ms: int = option(
        120_000,
        check=_POSITIVE_MILLISECONDS,
        description="Milliseconds; default 120000. A record's life: how long it may take from acceptance to its "
        "outcome, retries included; at least `linger_ms` + `request_timeout_ms`. Kafka: `delivery.timeout.ms` "
        "(KIP-91).",
    )
    produce_timeout_ms: int = option(
        20_000,
        check=_POSITIVE_MILLISECONDS,
        description="Milliseconds; default 20000. How long `produce` and `produce_all` may take in all, the wait for "
        "space included, unless the call has a `timeout` of its own. Then they raise; what was not sent yet is "
        "withdrawn, and certain never to be written.",
    )
    unavailable_after_ms: int | None = option(
        5_000,
        check=to_unavailable_after_ms,
        description="Milliseconds, or None (as text: `none`); default 5000. For how long no broker may have been "
        "reachable before `produce`, `produce_all` and `partitions_for` raise ClusterUnavailableError at once instead "
        "of waiting; records accepted with `fire` and `submit` keep their time. None: calls always wait, which suits "
        "jobs that can.",
    )
    close_timeout_ms: int = option(
        10_000,
        check=_MILLISECONDS,
        description="Milliseconds; default 10000. How long closing may take to deliver what was accepted, wherever "
        "the caller gives no timeout: at the end of a `with` block, of a lifespan, of the process. As long, a `flush` "
        "without a timeout waits for callbacks.",
    )
    retry_backoff_ms: int = option(
        100,
        check=_MILLISECONDS,
        description="Milliseconds; default 100. The pause before the first retry; it doubles with each one, with "
        "jitter. Kafka: `retry.backoff.ms` (KIP-580).",
    )
    retry_backoff_max_ms: int = option(
        1_000,
        check=_MILLISECONDS,
        description="Milliseconds; default 1000. The longest pause between retries. Kafka: `retry.backoff.max.ms` "
        "(KIP-580).",
    )
    reconnect_backoff_ms: int = option(
        50,
        check=_MILLISECONDS,
        description="Milliseconds; default 50. The pause before connecting to a broker again; it doubles with each "
        "failure, with jitter. Kafka: `reconnect.backoff.ms`.",
    )
    reconnect_backoff_max_ms: int = option(
        1_000,
        check=_MILLISECONDS,
        description="Milliseconds; default 1000. The longest pause between connection attempts. Kafka: "
        "`reconnect.backoff.max.ms`.",
    )
    socket_connection_setup_timeout_ms: int = option(
        10_000,
        check=_POSITIVE_MILLISECONDS,
        description="Milliseconds; default 10000. How long connecting may take. Kafka: "
        "`socket.connection.setup.timeout.ms` (KIP-601).",
    )
    connections_max_idle_ms: int = option(
        540_000,
        check=whole_number(-1),
        description="Milliseconds; default 540000. After how long an unused connection is closed; -1: never. Kafka: "
        "`connections.max.idle.ms`.",
    )
    metadata_max_age_ms: int = option(
        300_000,
        check=_POSITIVE_MILLISECONDS,
        description="Milliseconds; default 300000. After how long the cluster is asked again which brokers lead which "
        "partitions, even without a sign of change. Kafka: `metadata.max.age.ms`.",
    )
    metadata_max_idle_ms: int = option(
        300_000,
        check=_POSITIVE_MILLISECONDS,
        description="Milliseconds; default 300000. After how long a topic that nothing is produced to is forgotten, so "
        "that the cluster is not asked for it any more; the next message asks again. Kafka: `metadata.max.idle.ms` "
        "(KIP-526).",
    )
    metadata_recovery_strategy: MetadataRecoveryStrategy = option(
        "rebootstrap",
        check=one_of("rebootstrap", "none"),
        description="`rebootstrap` or `none`; default `rebootstrap`. Whether the bootstrap servers are asked again "
        "when the brokers they led to cannot be reached, or give no usable metadata. Kafka: "
        "`metadata.recovery.strategy` (KIP-899).",
    )
    metadata_recovery_rebootstrap_trigger_ms: int = option(
        300_000,
        check=_MILLISECONDS,
        description="Milliseconds; default 300000. After how long without usable metadata the known brokers are "
        "forgotten, and the bootstrap servers asked again; only with `rebootstrap`. Kafka: "
        "`metadata.recovery.rebootstrap.trigger.ms` (KIP-1102).",
    )
    allow_auto_create_topics: bool = option(
        default=True,
        check=to_switch,
        description="True or False; default True. Whether the first message to a missing topic may create it, where "
        "the brokers allow that too (`auto.create.topics.enable`). Nothing else ever creates one.",
    )
    start: Start = option(
        "lazy",
        check=one_of("lazy", "background", "eager"),
        description="`lazy`, `background` or `eager`; default `lazy`. When to connect: at the first message, at once "
        "without waiting, or at once and fail if the cluster cannot be reached.",
    )
    backend: Backend = option(
        "kafka",
        check=one_of("kafka", "memory", "disabled"),
        description="`kafka`, `memory` or `disabled`; default `kafka`. For local work and tests: `memory` keeps the "
        "latest messages, up to `buffer_memory` bytes, in `producer.produced`; `disabled` drops them. Neither connects "
        "anywhere, and all checks run.",
    )
    allow_blocking_in_loop: bool = option(
        default=False,
        check=to_switch,
        description="True or False; default False. Lets a thread producer's blocking calls run where an event loop "
        "runs, which stands still meanwhile; for notebooks.",
    )
    listener: ProducerListener | tuple[ProducerListener, ...] | None = option(
        None,
        check=to_listener,
        description="A ProducerListener, or the dotted name of one or of its class, as settings need it, or several of "
        "these, in text with commas between them; default None. Hooks for tracing and metrics, plain methods.",
    )
    tracer: RecordTracer | None = option(
        None,
        check=to_tracer,
        description="A RecordTracer, such a class, or the dotted name of either; default None: the one that "
        "`dekaf.telemetry.install` was given, if any. Joins each message's call to its outcome.",
    )
    on_undelivered: OnUndelivered | None = option(
        None,
        check=to_on_undelivered,
        description="A function, not a coroutine, or its dotted name; default None. Called by closing with the "
        "messages, serialized, that could not be delivered in time, to save them elsewhere; some may have been written "
        "all the same. It may take up to `close_timeout_ms`, on top of the closing itself.",
    )

    def __init__(
        self,
        /,
        *positional: Never,
        key: SerializerSpec = None,
        value: SerializerSpec = None,
        **options: Unpack[ProducerOptions],
    ) -> None:
        given = masked_keywords(options)
        if positional:
            refusal = positional_error("ProducerConfig", positional)
            del positional
            raise refusal
        if faults := self._faults_of_options(_with_serializers(given, key, value)):
            raise ConfigurationError(in_lines(faults))

    def _faults_of_options(self, given: Mapping[str, object]) -> list[str]:
        """Take the options; return what is wrong with them."""
        fields = ProducerConfig.model_fields
        faults = [unknown_option(name, value, fields) for name, value in given.items() if name not in fields]
        known = {name: value for name, value in given.items() if name in fields and not _is_left_out(name, value)}
        faults += [_fault_of(refusal) for refusal in self._take(known)]
        return faults or list(_contradictions(self))

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object], *, source: str = "DEKAF") -> Self:
        """Return the configuration that settings or environment variables describe.

        Args:
            mapping: options by name, in any case: ``LINGER_MS`` and ``linger_ms`` are the same option.
            source: where the mapping comes from; errors begin with it.

        Raises:
            ConfigurationError: as for the class; or one option is given twice, in different case.
        """
        given = masked(mapping)
        del mapping
        options, faults = _lowered(given)
        if faults:
            raise ConfigurationError(f"{source}: {in_lines(faults)}")
        return cls._from_source(source, options)

    @classmethod
    def from_confluent(
        cls,
        mapping: Mapping[str, Any],
        /,
        *,
        key: SerializerSpec = None,
        value: SerializerSpec = None,
        **overrides: Unpack[ProducerOptions],
    ) -> Self:
        """Return what a configuration of confluent-kafka comes to, as it is, ``oauth_cb`` included.

        Options that are left out have dekaf's defaults, except ``partitioner``: it is ``consistent_random``, so that
        keys stay where they are. Numbers that dekaf would refuse beside each other are made to fit: a request gets no
        more time than its record. Options that only tune are left out, and listed in one line of the log.

        Args:
            mapping: what ``confluent_kafka.Producer`` is given.
            key: how keys become bytes; needed in place of a ``key.serializer``.
            value: the same for values.
            overrides: options of dekaf's, which go before.

        Raises:
            ConfigurationError: an option is unknown, or cannot be honoured and changes security or delivery; or as for
                the class.
        """
        given = masked(mapping)
        del mapping
        return cls._translated("confluent", given, masked_keywords(overrides), key, value)

    @classmethod
    def from_aiokafka(
        cls,
        mapping: Mapping[str, Any],
        /,
        *,
        key: SerializerSpec = None,
        value: SerializerSpec = None,
        **overrides: Unpack[ProducerOptions],
    ) -> Self:
        """Return what the keywords of ``aiokafka.AIOKafkaProducer`` come to, serializers and token provider included.

        Otherwise as `from_confluent`; the partitioners' defaults agree.
        """
        given = masked(mapping)
        del mapping
        return cls._translated("aiokafka", given, masked_keywords(overrides), key, value)

    @classmethod
    def from_kafka_python(
        cls,
        mapping: Mapping[str, Any],
        /,
        *,
        key: SerializerSpec = None,
        value: SerializerSpec = None,
        **overrides: Unpack[ProducerOptions],
    ) -> Self:
        """Return what the keywords of ``kafka.KafkaProducer`` come to, serializers and token provider included.

        Otherwise as `from_confluent`; the partitioners' defaults agree.
        """
        given = masked(mapping)
        del mapping
        return cls._translated("kafka_python", given, masked_keywords(overrides), key, value)

    @classmethod
    def _translated(
        cls, client: str, mapping: Masked, given: dict[str, object], key: SerializerSpec, value: SerializerSpec
    ) -> Self:
        # Only those who come from another client need the tables of its options.
        from dekaf.producer.translation.clients import NUMBERS, Client, translated  # noqa: PLC0415 - as said

        defaults = {name: ProducerConfig.model_fields[name].get_default() for name in NUMBERS}
        overrides = _with_serializers(given, key, value)
        translation = translated(Client(client), mapping, overrides=overrides, defaults=defaults)
        if translation.faults:
            raise ConfigurationError(f"from_{client}: {in_lines(translation.faults)}")
        if translation.left_out:
            logger.info("from_%s: left out, for dekaf has no such option: %s", client, ", ".join(translation.left_out))
        return cls._from_source(f"from_{client}", translation.options)

    @classmethod
    def _from_source(cls, source: str, options: Mapping[str, object]) -> Self:
        try:
            return cls(**cast("ProducerOptions", options))
        except ConfigurationError as error:
            fault = f"{source}: {error}"
        raise ConfigurationError(fault)

    def with_options(self, /, **options: Unpack[ProducerOptions]) -> Self:
        """Return a configuration with these options in place of this one's.

        Raises:
            ConfigurationError: as for the class.
        """
        given: dict[str, object] = {name: Masked(getattr(self, name)) for name in self.model_fields_set}
        given.update(masked_keywords(options))
        return type(self)(**cast("ProducerOptions", given))

    @property
    def bootstrap_endpoints(self) -> tuple[tuple[str, int], ...]:
        """The bootstrap servers as pairs of host and port; IPv6 addresses without their brackets."""
        return tuple(to_endpoint(entry) for entry in self.bootstrap_servers)

    @property
    def listeners(self) -> tuple[ProducerListener, ...]:
        """What ``listener`` comes to."""
        if self.listener is None:
            return ()
        return (self.listener,) if isinstance(self.listener, ProducerListener) else self.listener

    @property
    def idempotence(self) -> bool:
        """Whether the producer is idempotent: what ``enable_idempotence`` comes to."""
        if self.enable_idempotence is None:
            return self.acks is Acks.ALL and self.max_in_flight_requests_per_connection <= _MAX_IN_FLIGHT_IDEMPOTENT
        return self.enable_idempotence

    @property
    def shows_credentials(self) -> bool:
        """Whether every machine on the way to the brokers can read a password or a token: nothing encrypts it."""
        mechanism = None if self.sasl_mechanism is None else Mechanism(self.sasl_mechanism)
        is_plain = SecurityProtocol(self.security_protocol) is SecurityProtocol.SASL_PLAINTEXT
        return is_plain and mechanism is not None and mechanism.shows_credentials

    def create_security_options(self) -> SecurityOptions:
        """Return what the security options come to, for the engine; no file is read, and no function called.

        Raises:
            ConfigurationError: a ``sasl_oauth_token_provider`` given by name cannot be imported, or made.
        """
        return security_options(self)

    def create_partitioner(self) -> Partitioner | None:
        """Return a new partitioner; None for the built-in one, ``murmur2``."""
        return partitioner_for(self.partitioner)

    def __getstate__(self) -> dict[Any, Any]:
        if fault := _pickling_fault(self):
            raise ConfigurationError(fault)
        return self.__dict__


def _with_serializers(options: dict[str, object], key: SerializerSpec, value: SerializerSpec) -> dict[str, object]:
    """Return options with serializers; those left out stay out, so that only what was given counts as set."""
    given = {"key": key, "value": value}
    return {**options, **{name: one for name, one in given.items() if one is not None}}


def positional_error(made: str, given: tuple[object, ...]) -> ConfigurationError:
    """Say what to write instead of `made(given)`: a dict, first of all, which is how other clients are made.

    Args:
        made: the class.
        given: its positional arguments; they are not shown, for a password may be among them.
    """
    remedy = f"write {made}(bootstrap_servers='localhost:9092')"
    if isinstance(given[0], Mapping):
        remedy += "; of a mapping ProducerConfig.from_mapping(...) makes a configuration"
    elif isinstance(given[0], ProducerConfig) and made != ProducerConfig.__name__:
        remedy = f"write {made}(config=...)"
    return ConfigurationError(f"{made} takes its options as keywords, not {type(given[0]).__name__}: {remedy}")


def config_error(config: object) -> ConfigurationError | None:
    """Say that something is no ProducerConfig, such as a dict; it is not shown. None if it is one."""
    if isinstance(config, ProducerConfig):
        return None
    return ConfigurationError(
        f"config must be a ProducerConfig, not {type(config).__name__}; of a mapping ProducerConfig.from_mapping(...) "
        "makes one"
    )


def configuration_of(config: object, options: ProducerOptions) -> ProducerConfig:
    """Return what a producer's constructor was given: a configuration, options, or both, where options win.

    Args:
        config: a ProducerConfig or None, maybe masked.
        options: the constructor's keywords. They are taken: the dictionary is empty afterwards.

    Raises:
        ConfigurationError: as for the class; or the configuration is a mapping, or something else.
    """
    taken = cast("ProducerOptions", masked_keywords(options))
    given = masked(config)
    del config
    if given.reveal() is None:
        return ProducerConfig(**taken)
    if (refusal := config_error(given.reveal())) is not None:
        raise refusal
    base: ProducerConfig = given.reveal()
    return base.with_options(**taken) if taken else base


def _is_left_out(name: str, value: object) -> bool:
    """Return whether an option counts as not given: a security option may be empty where there is no security."""
    return is_security_option(name) and not is_given(unmasked(value))


def _lowered(mapping: Masked) -> tuple[dict[str, object], list[str]]:
    """Return a mapping's options, masked, by name in lower case; and what is wrong with its names."""
    if not isinstance(mapping.reveal(), Mapping):
        return {}, [f"must be a mapping of options, not {type(mapping.reveal()).__name__}"]
    options: dict[str, object] = {}
    faults: list[str] = []
    for name, value in mapping.reveal().items():
        if not isinstance(name, str):
            faults.append(f"{shown(name)}: the name of an option must be a text")
        elif name.lower() in options:
            faults.append(f"{shown_name(name)}: given twice, in different case")
        else:
            options[name.lower()] = masked(value)
    return options, faults


def _pickling_fault(config: ProducerConfig) -> str:
    """Say which option keeps a configuration from being pickled; empty if none does."""
    import pickle  # noqa: PLC0415 - who asks is pickling

    for name in sorted(config.model_fields_set):
        value: object = getattr(config, name)
        try:
            pickle.dumps(value)
        except Exception as error:  # whatever an application's object raises
            return (
                f"{name}=<{type(value).__name__}>: cannot be pickled, which raised {type(error).__name__}: "
                f"{_PICKLED_INSTEAD.get(name, 'give an object or a function that a module has under its name')}, or "
                "make the configuration in each process"
            )
    return ""


def _contradictions(config: ProducerConfig) -> Iterator[str]:
    """Say which options, each valid alone, do not go together."""
    if config.backend == "kafka" and not config.bootstrap_servers:
        yield "bootstrap_servers: required; write for instance 'localhost:9092'"
    yield from security_faults(config)
    yield from _idempotence_faults(config)
    yield from _compression_faults(config)
    if "produce_timeout_ms" in config.model_fields_set and config.produce_timeout_ms > config.delivery_timeout_ms:
        yield (
            f"produce_timeout_ms={config.produce_timeout_ms}: must not exceed delivery_timeout_ms="
            f"{config.delivery_timeout_ms}, with which a record's life ends, and the wait for it"
        )
    least = config.linger_ms + config.request_timeout_ms
    if config.delivery_timeout_ms < least:
        yield (
            f"delivery_timeout_ms={config.delivery_timeout_ms}: must be at least linger_ms + request_timeout_ms, "
            f"{config.linger_ms} + {config.request_timeout_ms} = {least}"
        )
    for name, first, longest in (
        ("retry_backoff", config.retry_backoff_ms, config.retry_backoff_max_ms),
        ("reconnect_backoff", config.reconnect_backoff_ms, config.reconnect_backoff_max_ms),
    ):
        if first > longest:
            yield f"{name}_ms={first}: must not exceed {name}_max_ms={longest}"


def _idempotence_faults(config: ProducerConfig) -> Iterator[str]:
    if not config.enable_idempotence:
        return
    if config.acks is not Acks.ALL:
        yield f"enable_idempotence=True: needs acks='all', not {config.acks.name.lower()!r}"
    in_flight = config.max_in_flight_requests_per_connection
    if in_flight > _MAX_IN_FLIGHT_IDEMPOTENT:
        yield (
            "enable_idempotence=True: needs max_in_flight_requests_per_connection of at most "
            f"{_MAX_IN_FLIGHT_IDEMPOTENT}, not {in_flight}"
        )


def _compression_faults(config: ProducerConfig) -> Iterator[str]:
    level = config.compression_level
    if level is None:
        return
    levels = _COMPRESSION_LEVELS.get(config.compression_type)
    if levels is None:
        yield f"compression_level={level}: compression_type {config.compression_type!r} has no levels"
    elif not levels[0] <= level <= levels[1]:
        yield f"compression_level={level}: must be from {levels[0]} to {levels[1]} for {config.compression_type}"


def _fault_of(refusal: Refusal) -> str:
    name, value, reason = refusal
    if isinstance(reason, ConfigurationError):  # names the option and the value itself
        return str(reason)
    if is_security_option(name) and name not in _SHOWN:
        return f"{name}: {reason}"
    return f"{name}={shown(unmasked(value))}: {reason}"
