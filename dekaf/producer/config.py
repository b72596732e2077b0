"""ProducerConfig: every option once, under Kafka's own name, validated when it is made."""

from __future__ import annotations

import difflib
import os
import reprlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, Never, Self, Unpack, cast

import pydantic

from dekaf.abc import OnUndelivered, ProducerListener
from dekaf.errors import ConfigurationError
from dekaf.partitioning import Partitioner
from dekaf.producer.options import (
    Backend,
    BufferFull,
    CompressionType,
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
    to_value_spec,
    whole_number,
)
from dekaf.serialization import SerializerSpec
from dekaf.types import Acks

__all__ = ("ProducerConfig", "ProducerOptions", "configuration_of")

# A broker remembers the last five batches of a producer on a partition, so that is how many may be under way.
_MAX_IN_FLIGHT_IDEMPOTENT: Final = 5

# From KIP-390: https://cwiki.apache.org/confluence/display/KAFKA/KIP-390%3A+Support+Compression+Level
_COMPRESSION_LEVELS: Final = {"gzip": (1, 9), "lz4": (1, 17), "zstd": (-131072, 22)}

_NOT_YET: Final = ("interceptor_", "sasl_", "security_", "ssl_", "transaction_", "transactional_")

_LISTENER: Final = "see producer.status(), and the option listener"
_ON_DELIVERY: Final = "it is an argument of fire(..., on_delivery=...)"
_RETRIES: Final = "a record is tried again until delivery_timeout_ms is over"
_TIMEOUT: Final = "write delivery_timeout_ms, request_timeout_ms, max_block_ms or close_timeout_ms"

# What other clients call an option, and options this one does without.
_INSTEAD: Final = {
    "api_version": "versions are negotiated with each broker",
    "batch_num_messages": "batches are bounded in bytes: write batch_size",
    "broker": "write bootstrap_servers",
    "brokers": "write bootstrap_servers",
    "callback": _ON_DELIVERY,
    "compression": "write compression_type",
    "compression_codec": "write compression_type",
    "delivery_report_only_error": _ON_DELIVERY,
    "dr_cb": _ON_DELIVERY,
    "error_cb": _LISTENER,
    "host": "write bootstrap_servers",
    "hosts": "write bootstrap_servers",
    "key_serializer": "write key",
    "loop": "a producer is bound to no event loop",
    "max_batch_size": "write batch_size",
    "max_in_flight": "write max_in_flight_requests_per_connection",
    "max_retries": _RETRIES,
    "message_send_max_retries": _RETRIES,
    "message_max_bytes": "write max_request_size",
    "message_timeout_ms": "write delivery_timeout_ms",
    "metadata_broker_list": "write bootstrap_servers",
    "partitioner_class": "write partitioner",
    "on_delivery": _ON_DELIVERY,
    "port": "write bootstrap_servers",
    "queue_buffering_max_kbytes": "write buffer_memory (in bytes)",
    "queue_buffering_max_messages": "records are bounded in bytes: write buffer_memory",
    "queue_buffering_max_ms": "write linger_ms",
    "request_required_acks": "write acks",
    "retries": _RETRIES,
    "servers": "write bootstrap_servers",
    "socket_timeout_ms": "write request_timeout_ms",
    "statistics_interval_ms": _LISTENER,
    "stats_cb": _LISTENER,
    "timeout": _TIMEOUT,
    "timeout_ms": _TIMEOUT,
    "topic_metadata_refresh_interval_ms": "write metadata_max_age_ms",
    "url": "write bootstrap_servers",
    "value_serializer": "write value",
}


def _checked(check: Callable[[Any], object]) -> pydantic.PlainValidator:
    """Return a check as pydantic takes it: whatever a value does when it is looked at, it is a fault of that option."""

    def guarded(value: object) -> object:
        try:
            return check(value)
        except ValueError:  # the check's own; a ConfigurationError is one, too
            raise
        except Exception as error:
            # Lazy objects of frameworks raise anything. Not chained, nor quoted: it may show what the value holds.
            raise ValueError(f"cannot be used: looking at it raised {type(error).__name__}") from None

    return pydantic.PlainValidator(guarded)


_Milliseconds = Annotated[int, _checked(whole_number(0))]
_PositiveMilliseconds = Annotated[int, _checked(whole_number(1))]
_Bytes = Annotated[int, _checked(whole_number(1))]
_Switch = Annotated[bool, _checked(to_switch)]


def _program_name() -> str:
    """Return what the process was started as, for the broker's logs and quotas."""
    path = sys.argv[0] if sys.argv else ""
    name, _ = os.path.splitext(os.path.basename(path))
    if name == "__main__":  # python -m package
        name = os.path.basename(os.path.dirname(path))
    return name if name.isprintable() and 1 <= len(name) <= 255 and not name.startswith("-") else "dekaf"


class ProducerConfig(pydantic.BaseModel):
    """The frozen, validated options of a producer.

    Values may be texts, as the environment and settings files hold them: ``"5"`` and ``"true"`` are understood.

    Raises:
        ConfigurationError: an option is unknown, wrong or contradicts another; every fault has its line.

    Example:
        >>> ProducerConfig(bootstrap_servers="localhost:9092", linger_ms=20).linger_ms
        20

    The names are Kafka's: https://kafka.apache.org/documentation/#producerconfigs
    """

    # Built with the first configuration, not with `import dekaf`: that takes some 25 ms.
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, defer_build=True)

    bootstrap_servers: Annotated[tuple[str, ...], _checked(to_servers)] = pydantic.Field(
        (),
        description="Where to find the cluster: `host:port` entries, as a list or separated by commas; required unless "
        "`backend` is `memory` or `disabled`. Any brokers of the cluster will do; name two or three, in case one is "
        "down. An IPv6 address is written `[::1]:9092`. Kafka: `bootstrap.servers`.",
    )
    client_id: Annotated[str, _checked(to_client_id)] = pydantic.Field(
        default_factory=_program_name,
        description="Text; default: the program's name. How the producer appears in the brokers' logs, metrics and "
        "quotas. Kafka: `client.id`.",
    )
    key: Annotated[SerializerSpec, _checked(to_key_spec)] = pydantic.Field(
        None,
        description="A type, a serializer, or a name: `str`, `bytes`, `int`, `json`, … or a dotted name; default: "
        "decided by each key (`AutoSerializer`). How keys become bytes. Kafka: `key.serializer`.",
    )
    value: Annotated[SerializerSpec, _checked(to_value_spec)] = pydantic.Field(
        None,
        description="A type, a serializer, or a name, as for `key`; default: decided by each value "
        "(`AutoSerializer`). How values become bytes. Kafka: `value.serializer`.",
    )
    acks: Annotated[Acks, _checked(to_acks)] = pydantic.Field(
        Acks.ALL,
        description="`all` (-1), `leader` (1) or `none` (0); default `all`. Who must have a record before it counts as "
        "delivered: all in-sync replicas, the partition's leader, or nobody. With `none`, offsets are not known and "
        "losses not noticed. Kafka: `acks`.",
    )
    enable_idempotence: Annotated[bool | None, _checked(to_optional_switch)] = pydantic.Field(
        None,
        description="True, False or None; default None: on if `acks` is `all` and at most 5 requests are in flight. "
        "Retries then neither duplicate nor reorder records. True together with other settings is refused. Kafka: "
        "`enable.idempotence` (KIP-98).",
    )
    max_in_flight_requests_per_connection: Annotated[int, _checked(whole_number(1))] = pydantic.Field(
        5,
        description="Number; default 5. How many produce requests may be unanswered on one connection. More than 5 "
        "switch idempotence off. Kafka: `max.in.flight.requests.per.connection`.",
    )
    linger_ms: _Milliseconds = pydantic.Field(
        5,
        description="Milliseconds; default 5. How long a record may wait for others to share its batch. Records that "
        "somebody awaits leave at once while nothing else is under way to that broker. Kafka: `linger.ms`.",
    )
    batch_size: _Bytes = pydantic.Field(
        65_536,
        description="Bytes; default 65536 (Java: 16384). A batch is sent when it reaches this size, at the latest; "
        "with compression, its estimated compressed size. Kafka: `batch.size`.",
    )
    compression_type: Annotated[CompressionType, _checked(to_compression_type)] = pydantic.Field(
        "none",
        description="`none`, `gzip`, `snappy`, `lz4` or `zstd`; default `none`. How batches are compressed. All but "
        "`gzip` need an extra: `pip install 'dekaf[lz4]'`. Kafka: `compression.type`.",
    )
    compression_level: Annotated[int | None, _checked(optional_whole_number(-131_072, 22))] = pydantic.Field(
        None,
        description="Number; default: the codec's own. gzip 1 to 9, lz4 1 to 17, zstd -131072 to 22. Kafka: "
        "`compression.gzip.level`, `compression.lz4.level`, `compression.zstd.level` (KIP-390).",
    )
    partitioner: Annotated[PartitionerSpec, _checked(to_partitioner_spec)] = pydantic.Field(
        "murmur2",
        description="`murmur2`, `round_robin`, `consistent_random`, a class, an object or a dotted name; default "
        "`murmur2`. Chooses partitions: `murmur2` as the Java client does (records without a key as in KIP-794), "
        "`consistent_random` as confluent-kafka does by default. Kafka: `partitioner.class`.",
    )
    buffer_memory: Annotated[int, _checked(whole_number(1, 2**63 - 1))] = pydantic.Field(
        33_554_432,
        description="Bytes; default 33554432 (32 MiB). The bound on everything accepted and not yet done with: "
        "waiting, compressed and in flight. Kafka: `buffer.memory`.",
    )
    buffer_full: Annotated[BufferFull, _checked(one_of("block", "raise"))] = pydantic.Field(
        "block",
        description="`block` or `raise`; default `block`. What happens when `buffer_memory` is used up: wait for at "
        "most `max_block_ms`, or raise BufferExhaustedError at once.",
    )
    max_block_ms: _Milliseconds = pydantic.Field(
        5_000,
        description="Milliseconds; default 5000 (Java: 60000, but here a request handler waits). How long a call may "
        "wait for space in the buffer, and a record for its topic's metadata. Kafka: `max.block.ms`.",
    )
    max_request_size: _Bytes = pydantic.Field(
        1_048_576,
        description="Bytes; default 1048576 (1 MiB). The largest record, and the largest request. The brokers' "
        "`message.max.bytes` must allow it too. Kafka: `max.request.size`.",
    )
    request_timeout_ms: _PositiveMilliseconds = pydantic.Field(
        10_000,
        description="Milliseconds; default 10000 (Java: 30000). How long a broker may take to answer before the "
        "request is tried again. Kafka: `request.timeout.ms`.",
    )
    delivery_timeout_ms: _PositiveMilliseconds = pydantic.Field(
        30_000,
        description="Milliseconds; default 30000 (Java: 120000). How long a record may take from acceptance to its "
        "outcome, retries included; at least `linger_ms` + `request_timeout_ms`. Kafka: `delivery.timeout.ms` "
        "(KIP-91).",
    )
    close_timeout_ms: _Milliseconds = pydantic.Field(
        10_000,
        description="Milliseconds; default 10000. How long closing may take to deliver what was accepted, wherever "
        "nobody gives a timeout: at the end of a `with` block, of a lifespan, of the process.",
    )
    retry_backoff_ms: _Milliseconds = pydantic.Field(
        100,
        description="Milliseconds; default 100. The pause before the first retry; it doubles with each one, with "
        "jitter. Kafka: `retry.backoff.ms` (KIP-580).",
    )
    retry_backoff_max_ms: _Milliseconds = pydantic.Field(
        1_000,
        description="Milliseconds; default 1000. The longest pause between retries. Kafka: `retry.backoff.max.ms` "
        "(KIP-580).",
    )
    reconnect_backoff_ms: _Milliseconds = pydantic.Field(
        50,
        description="Milliseconds; default 50. The pause before connecting to a broker again; it doubles with each "
        "failure, with jitter. Kafka: `reconnect.backoff.ms`.",
    )
    reconnect_backoff_max_ms: _Milliseconds = pydantic.Field(
        1_000,
        description="Milliseconds; default 1000. The longest pause between connection attempts. Kafka: "
        "`reconnect.backoff.max.ms`.",
    )
    socket_connection_setup_timeout_ms: _PositiveMilliseconds = pydantic.Field(
        10_000,
        description="Milliseconds; default 10000. How long connecting may take. Kafka: "
        "`socket.connection.setup.timeout.ms` (KIP-601).",
    )
    connections_max_idle_ms: Annotated[int, _checked(whole_number(-1))] = pydantic.Field(
        540_000,
        description="Milliseconds; default 540000. After how long an unused connection is closed; -1: never. Kafka: "
        "`connections.max.idle.ms`.",
    )
    metadata_max_age_ms: _PositiveMilliseconds = pydantic.Field(
        300_000,
        description="Milliseconds; default 300000. After how long the cluster is asked again which brokers lead which "
        "partitions, even without a sign of change. Kafka: `metadata.max.age.ms`.",
    )
    allow_auto_create_topics: _Switch = pydantic.Field(
        default=True,
        description="True or False; default True. Whether producing to a missing topic, or asking for its partitions, "
        "may create it, where the brokers allow that too (`auto.create.topics.enable`).",
    )
    start: Annotated[Start, _checked(one_of("lazy", "background", "eager"))] = pydantic.Field(
        "lazy",
        description="`lazy`, `background` or `eager`; default `lazy`. When to connect: at the first message, at once "
        "without waiting, or at once and fail if the cluster cannot be reached.",
    )
    backend: Annotated[Backend, _checked(one_of("kafka", "memory", "disabled"))] = pydantic.Field(
        "kafka",
        description="`kafka`, `memory` or `disabled`; default `kafka`. For local work and tests: `memory` keeps the "
        "latest messages, up to `buffer_memory` bytes, in `producer.produced`; `disabled` drops them. Neither connects "
        "anywhere, and all checks run.",
    )
    allow_blocking_in_loop: _Switch = pydantic.Field(
        default=False,
        description="True or False; default False. Lets a thread producer's blocking calls run where an event loop "
        "runs, which stands still meanwhile; for notebooks.",
    )
    listener: Annotated[ProducerListener | None, _checked(to_listener)] = pydantic.Field(
        None,
        description="A ProducerListener, the object itself; default None. Hooks for tracing and metrics, plain "
        "methods.",
    )
    on_undelivered: Annotated[OnUndelivered | None, _checked(to_on_undelivered)] = pydantic.Field(
        None,
        description="A function, not a coroutine; default None. Called by closing with the messages, serialized, that "
        "could not be delivered in time, to save them elsewhere; some may have been written all the same. It may take "
        "up to `close_timeout_ms`, on top of the closing itself.",
    )

    def __init__(
        self,
        /,
        *positional: Never,
        key: SerializerSpec = None,
        value: SerializerSpec = None,
        **options: Unpack[ProducerOptions],
    ) -> None:
        refuse_positional("ProducerConfig", positional)
        # Serializers left out stay out, so that only what was given counts as set.
        given: dict[str, object] = {**options}
        if key is not None:
            given["key"] = key
        if value is not None:
            given["value"] = value
        known = {name: value for name, value in given.items() if name in ProducerConfig.model_fields}
        faults = [_unknown_option(name) for name in given if name not in known]
        try:
            super().__init__(**known)
        except pydantic.ValidationError as error:
            # Not chained: pydantic's error would show every value, secrets too.
            raise ConfigurationError(_in_lines([*faults, *_faults_of(error)])) from None
        if faults:
            raise ConfigurationError(_in_lines(faults))
        if contradictions := list(_contradictions(self)):
            raise ConfigurationError(_in_lines(contradictions))

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object], *, source: str = "DEKAF") -> Self:
        """Return the configuration that settings or environment variables describe.

        Parameters:
            mapping: options by name, in any case: ``LINGER_MS`` and ``linger_ms`` are the same option.
            source: where the mapping comes from; errors begin with it.

        Raises:
            ConfigurationError: as for the class; or one option is given twice, in different case.
        """
        given: object = mapping  # whatever the annotation says, settings hold anything
        if not isinstance(given, Mapping):
            raise ConfigurationError(f"{source}: must be a mapping of options, not {type(given).__name__}")
        options: dict[str, object] = {}
        faults: list[str] = []
        for name, value in given.items():
            if not isinstance(name, str):
                faults.append(f"{_shown(name)}: the name of an option must be a text")
            elif name.lower() in options:
                faults.append(f"{_shortened_name(name)}: given twice, in different case")
            else:
                options[name.lower()] = value
        if faults:
            raise ConfigurationError(f"{source}: {_in_lines(faults)}")
        try:
            return cls(**cast("ProducerOptions", options))
        except ConfigurationError as error:
            raise ConfigurationError(f"{source}: {error}") from error.__cause__

    def with_options(self, /, **options: Unpack[ProducerOptions]) -> Self:
        """Return a configuration with these options in place of this one's.

        Raises:
            ConfigurationError: as for the class.
        """
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return type(self)(**cast("ProducerOptions", {**given, **options}))

    @property
    def bootstrap_endpoints(self) -> tuple[tuple[str, int], ...]:
        """The bootstrap servers as pairs of host and port; IPv6 addresses without their brackets."""
        return tuple(to_endpoint(entry) for entry in self.bootstrap_servers)

    @property
    def idempotence(self) -> bool:
        """Whether the producer is idempotent: what ``enable_idempotence`` comes to."""
        if self.enable_idempotence is None:
            return self.acks is Acks.ALL and self.max_in_flight_requests_per_connection <= _MAX_IN_FLIGHT_IDEMPOTENT
        return self.enable_idempotence

    def create_partitioner(self) -> Partitioner | None:
        """Return a new partitioner; None for the built-in one, ``murmur2``."""
        return partitioner_for(self.partitioner)


def refuse_positional(made: str, given: tuple[object, ...]) -> None:
    """Say what to write instead of `made(given)`: a dict, first of all, which is how other clients are made.

    Raises:
        ConfigurationError: something was given; its values are not shown, for a password may be among them.
    """
    if not given:
        return
    remedy = f"write {made}(bootstrap_servers='localhost:9092')"
    if isinstance(given[0], Mapping):
        remedy += "; of a mapping ProducerConfig.from_mapping(...) makes a configuration"
    elif isinstance(given[0], ProducerConfig) and made != ProducerConfig.__name__:
        remedy = f"write {made}(config=...)"
    raise ConfigurationError(f"{made} takes its options as keywords, not {type(given[0]).__name__}: {remedy}")


def configuration_of(config: ProducerConfig | None, options: ProducerOptions) -> ProducerConfig:
    """Return what a producer's constructor was given: a configuration, options, or both, where options win.

    Raises:
        ConfigurationError: as for the class; or the configuration is a mapping, or something else.
    """
    given: object = config  # whatever the annotation says, callers give a dict
    if given is None:
        return ProducerConfig(**options)
    if not isinstance(given, ProducerConfig):
        raise ConfigurationError(
            f"config must be a ProducerConfig, not {type(given).__name__}; of a mapping "
            "ProducerConfig.from_mapping(...) makes one"
        )
    return given.with_options(**options) if options else given


def _contradictions(config: ProducerConfig) -> Iterator[str]:
    """Say which options, each valid alone, do not go together."""
    if config.backend == "kafka" and not config.bootstrap_servers:
        yield "bootstrap_servers: required; write for instance 'localhost:9092'"
    yield from _idempotence_faults(config)
    yield from _compression_faults(config)
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


def _in_lines(faults: Sequence[str]) -> str:
    if len(faults) == 1:
        return faults[0]
    return "\n".join([f"{len(faults)} faults", *(f"- {fault}" for fault in faults)])


def _faults_of(error: pydantic.ValidationError) -> list[str]:
    faults = []
    for detail in error.errors(include_url=False):
        name = str(detail["loc"][0])
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, ConfigurationError):  # names the option and the value itself
            faults.append(str(cause))
        else:
            faults.append(f"{name}={_shown(detail['input'])}: {cause or detail['msg']}")
    return faults


def _unknown_option(name: str) -> str:
    """Say what to write instead of an option that does not exist; its value is not shown: it may be a password."""
    shown = _shortened_name(name)
    known = name.strip().lower().replace(".", "_").replace("-", "_")
    if known in ProducerConfig.model_fields:
        return f"{shown}: no such option; write {known}"
    if known in _INSTEAD:
        return f"{shown}: no such option; {_INSTEAD[known]}"
    if known.startswith(_NOT_YET) or known == "ssl":
        return f"{shown}: is not supported by this version of dekaf yet"
    near = difflib.get_close_matches(known[:100], ProducerConfig.model_fields, 1)
    return f"{shown}: no such option; did you mean {near[0]}?" if near else f"{shown}: no such option"


def _shown(value: object) -> str:
    """Return a value as errors show it: plain ones shortened, of anything else the type only."""
    if isinstance(value, list | tuple):
        if not all(isinstance(item, str) for item in value):
            return f"<{type(value).__name__}>"
        return _shortened(list(value), *value)
    if isinstance(value, str | bytes):
        return _shortened(value, value)
    if value is None or isinstance(value, int | float):
        return _shortened(value)
    return f"<{type(value).__name__}>"


def _shortened(value: object, *texts: str | bytes) -> str:
    """Return the shortened representation of a value that consists of these texts."""
    # An address with an @ may hold a password; the sign itself may be in what shortening leaves out.
    if any(_AT in text if isinstance(text, str) else _AT.encode() in text for text in texts):
        return "<not shown>"
    try:
        return _REPR.repr(value)
    except ValueError:  # Python refuses to print integers of thousands of digits
        return f"<{type(value).__name__}>"


def _shortened_name(name: str) -> str:
    return name if name.isidentifier() and len(name) <= 60 else _shortened(name, name)


_AT: Final = "@"
_REPR: Final = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = 60
