"""The options of a producer one by one: their types, and the check of each value.

A check takes whatever was given (settings and the environment hold text) and returns the value to use, or raises
ValueError saying what is allowed.
"""

from __future__ import annotations

import inspect
import ipaddress
import os
import ssl
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, TypeAlias, TypedDict

from dekaf.abc import OnUndelivered, ProducerListener, RecordTracer
from dekaf.nearest_name import nearest_name
from dekaf.partitioning import ConsistentRandomPartitioner, Partitioner, RoundRobinPartitioner
from dekaf.producer.dotted_names import imported, instance_of, is_dotted_name
from dekaf.producer.security_options import (
    AssertionAlgorithm,
    Password,
    PemOption,
    SaslExtensions,
    SaslMechanismName,
    SecretText,
    SecurityProtocolName,
    TokenProvider,
)
from dekaf.serialization import Field, SerializerSpec, serializer_for
from dekaf.types import Acks

__all__ = (
    "LONGEST_CLIENT_ID",
    "AcksSpec",
    "Backend",
    "BufferFull",
    "CompressionType",
    "MetadataRecoveryStrategy",
    "PartitionerSpec",
    "ProducerOptions",
    "Start",
    "one_of",
    "optional_whole_number",
    "partitioner_for",
    "to_acks",
    "to_client_id",
    "to_compression_type",
    "to_endpoint",
    "to_key_spec",
    "to_listener",
    "to_on_undelivered",
    "to_optional_switch",
    "to_partitioner_spec",
    "to_servers",
    "to_switch",
    "to_tracer",
    "to_unavailable_after_ms",
    "to_value_spec",
    "whole_number",
)

AcksSpec: TypeAlias = Acks | Literal["all", "none", "leader", -1, 0, 1]
CompressionType: TypeAlias = Literal["none", "gzip", "snappy", "lz4", "zstd"]
Backend: TypeAlias = Literal["kafka", "memory", "disabled"]
Start: TypeAlias = Literal["lazy", "background", "eager"]
MetadataRecoveryStrategy: TypeAlias = Literal["rebootstrap", "none"]
BufferFull: TypeAlias = Literal["block", "raise"]
PartitionerSpec: TypeAlias = str | type[Partitioner] | Partitioner
OneListener: TypeAlias = ProducerListener | type[ProducerListener] | str
ListenerSpec: TypeAlias = OneListener | Sequence[OneListener] | None
TracerSpec: TypeAlias = RecordTracer | type[RecordTracer] | str | None


class ProducerOptions(TypedDict, total=False):
    """The options as keywords, for ``Unpack`` in constructors; `ProducerConfig` describes each of them.

    ``key`` and ``value`` are missing because constructors spell them out: they decide the producer's type.
    """

    security_protocol: SecurityProtocolName | None
    ssl_context: ssl.SSLContext | None
    ssl_cafile: PemOption | None
    ssl_certfile: PemOption | None
    ssl_keyfile: PemOption | None
    ssl_key_password: Password | None
    ssl_check_hostname: bool | None
    sasl_mechanism: SaslMechanismName | None
    sasl_username: str | None
    sasl_password: Password | None
    sasl_oauth_token_provider: TokenProvider | None
    sasl_oauthbearer_token_endpoint_url: str | None
    sasl_oauthbearer_client_credentials_client_id: str | None
    sasl_oauthbearer_client_credentials_client_secret: SecretText | None
    sasl_oauthbearer_scope: str | None
    sasl_oauthbearer_header_urlencode: bool | None
    sasl_oauthbearer_extensions: SaslExtensions | None
    sasl_oauthbearer_assertion_file: str | os.PathLike[str] | None
    sasl_oauthbearer_assertion_private_key_file: PemOption | None
    sasl_oauthbearer_assertion_private_key_passphrase: SecretText | None
    sasl_oauthbearer_assertion_algorithm: AssertionAlgorithm | None
    sasl_oauthbearer_assertion_claim_aud: str | None
    sasl_oauthbearer_assertion_claim_iss: str | None
    sasl_oauthbearer_assertion_claim_sub: str | None
    sasl_oauthbearer_assertion_claim_exp_seconds: int | None
    sasl_oauthbearer_assertion_claim_nbf_seconds: int | None
    sasl_oauthbearer_assertion_claim_jti_include: bool | None
    sasl_oauthbearer_assertion_template_file: str | os.PathLike[str] | None
    bootstrap_servers: str | Sequence[str]
    client_id: str
    acks: AcksSpec
    enable_idempotence: bool | None
    max_in_flight_requests_per_connection: int
    linger_ms: int
    batch_size: int
    compression_type: CompressionType
    compression_level: int | None
    partitioner: PartitionerSpec
    buffer_memory: int
    buffer_full: BufferFull
    max_block_ms: int
    max_request_size: int
    request_timeout_ms: int
    delivery_timeout_ms: int
    produce_timeout_ms: int
    unavailable_after_ms: int | None
    close_timeout_ms: int
    retry_backoff_ms: int
    retry_backoff_max_ms: int
    reconnect_backoff_ms: int
    reconnect_backoff_max_ms: int
    socket_connection_setup_timeout_ms: int
    connections_max_idle_ms: int
    metadata_max_age_ms: int
    metadata_max_idle_ms: int
    metadata_recovery_strategy: MetadataRecoveryStrategy
    metadata_recovery_rebootstrap_trigger_ms: int
    allow_auto_create_topics: bool
    start: Start
    backend: Backend
    allow_blocking_in_loop: bool
    listener: ListenerSpec
    on_undelivered: OnUndelivered | str | None
    tracer: TracerSpec


LONGEST_CLIENT_ID: Final = 255  # characters
_MAX_INT32: Final = 2**31 - 1

_PARTITIONERS: Final[dict[str, Callable[[], Partitioner] | None]] = {
    "murmur2": None,  # built into the producer: it needs the state of the queues
    "round_robin": RoundRobinPartitioner,
    "consistent_random": ConsistentRandomPartitioner,
}

_SWITCH_WORDS: Final = {
    "1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False,
}  # fmt: skip
_ACKS_WORDS: Final = {
    "all": Acks.ALL, "-1": Acks.ALL, "none": Acks.NONE, "0": Acks.NONE, "leader": Acks.LEADER, "1": Acks.LEADER,
}  # fmt: skip


def whole_number(minimum: int, maximum: int = _MAX_INT32) -> Callable[[object], int]:
    """Return a check for a whole number within these bounds, given as int or text."""

    def check(value: object) -> int:
        number = _as_int(value)
        if number is None or not minimum <= number <= maximum:
            raise ValueError(f"must be a whole number from {minimum} to {maximum}")
        return number

    return check


def optional_whole_number(minimum: int, maximum: int) -> Callable[[object], int | None]:
    """Return a check for a whole number or None."""
    check_number = whole_number(minimum, maximum)

    def check(value: object) -> int | None:
        return None if value is None or value == "" else check_number(value)

    return check


def to_unavailable_after_ms(value: object) -> int | None:
    """Return milliseconds, or None for None; as text `none`, but not empty: a variable may be so by mistake."""
    if value is None or (isinstance(value, str) and value.strip().lower() == "none"):
        return None
    number = _as_int(value)
    if number is None or not 1 <= number <= _MAX_INT32:
        raise ValueError(f"must be a whole number from 1 to {_MAX_INT32}, or None (as text: 'none') to always wait")
    return number


def one_of(*words: str) -> Callable[[object], str]:
    """Return a check for one of these words, in any case."""

    def check(value: object) -> str:
        given = value.strip().lower() if isinstance(value, str) else ""
        if given in words:
            return given
        near = nearest_name(given, words)
        hint = f"; did you mean {near!r}?" if near else ""
        raise ValueError(f"must be one of {', '.join(map(repr, words))}{hint}")

    return check


def to_switch(value: object) -> bool:
    """Return the bool that a bool or a word for one stands for."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, str | int) else ""
    if word not in _SWITCH_WORDS:
        raise ValueError("must be true or false")
    return _SWITCH_WORDS[word]


def to_optional_switch(value: object) -> bool | None:
    """Return a bool, or None for None."""
    return None if value is None or value == "" else to_switch(value)


def to_acks(value: object) -> Acks:
    """Return the Acks that an Acks, a number or a word stands for."""
    word = str(int(value)) if isinstance(value, int) and not isinstance(value, bool) else value
    word = word.strip().lower() if isinstance(word, str) else ""
    if word not in _ACKS_WORDS:
        raise ValueError("must be Acks.ALL ('all', -1), Acks.LEADER ('leader', 1) or Acks.NONE ('none', 0)")
    return _ACKS_WORDS[word]


_NO_PASSWORD: Final = "write host:9092, without user and password"

_COMPRESSION_CHECK: Final = one_of("none", "gzip", "snappy", "lz4", "zstd")


def to_compression_type(value: object) -> str:
    """Return the name of a compression type; None is none."""
    return "none" if value is None else _COMPRESSION_CHECK(value)


def to_client_id(value: object) -> str:
    """Return a name that fits into a request header."""
    if not isinstance(value, str) or not value.isprintable() or not 1 <= len(value) <= LONGEST_CLIENT_ID:
        raise ValueError(f"must be 1 to {LONGEST_CLIENT_ID} printable characters")
    return value


def to_servers(value: object) -> tuple[str, ...]:
    """Return the ``host:port`` entries, each once, of a sequence or a comma-separated text."""
    if isinstance(value, str) and "@" in value:  # before it is split: a password may hold a comma
        raise ValueError(_NO_PASSWORD)
    entries = value.split(",") if isinstance(value, str) else value
    if not isinstance(entries, list | tuple | set | frozenset):
        raise ValueError("must be 'host:9092', 'host1:9092,host2:9092' or a list of such")  # noqa: TRY004 - a check
    servers: dict[str, None] = {}
    for entry in entries:
        if not isinstance(entry, str):
            raise ValueError("must hold texts like 'host:9092'")  # noqa: TRY004 - a check
        if entry.strip():
            to_endpoint(entry.strip())
            servers[entry.strip()] = None
    if not servers:
        raise ValueError("must name at least one server, like 'host:9092'")
    return tuple(servers)


def to_endpoint(entry: str) -> tuple[str, int]:
    """Return host and port of ``host:9092`` or ``[::1]:9092``."""
    _refuse_odd_characters(entry)
    if (bracketed := _bracketed(entry)) is not None:
        raise ValueError(f"an IPv6 address needs brackets; write {bracketed}")
    host, colon, port = entry.rpartition(":")
    if colon and not host:
        raise ValueError(f"the host is missing; write localhost:{port[:5] or 9092}")
    if not host or entry.endswith("]"):
        raise ValueError(f"the port is missing; write {entry[:40]}:9092")
    if not (port.isascii() and port.isdecimal() and len(port) <= 5 and 1 <= int(port) <= 65535):
        raise ValueError("the port must be a number from 1 to 65535; write host:9092")
    if host.startswith("[") and host.endswith("]"):
        return host[1:-1], int(port)
    if ":" in host:
        raise ValueError("a server has one host and one port; write host1:9092,host2:9092")
    return host, int(port)


def _refuse_odd_characters(entry: str) -> None:
    if "://" in entry:
        raise ValueError("write host:9092, without a scheme")
    if "@" in entry:
        raise ValueError(_NO_PASSWORD)
    if "," in entry or ";" in entry or (entry.count(":") > 1 and len(entry.split()) > 1):
        raise ValueError("more than one server is a list, or a text with commas between; write host1:9092,host2:9092")
    if any(character.isspace() or not character.isprintable() or character in "/'\"" for character in entry):
        raise ValueError("a host name holds no spaces, slashes or quotes; write host:9092")


def _bracketed(entry: str) -> str | None:
    """Return how an IPv6 address without brackets is written; None if it is not one."""
    address, _, port = entry.rpartition(":")
    if port.isdecimal() and len(port) >= 4 and _is_ipv6(address):  # a group of four digits is taken for a port
        return f"[{address}]:{port}"
    return f"[{entry}]:9092" if _is_ipv6(entry) else None


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def to_key_spec(value: Any) -> SerializerSpec:
    """Return the specification of the key's serializer, if one can be made of it."""
    serializer_for(value, Field.KEY)
    return value  # type: ignore[no-any-return]  # serializer_for accepted it


def to_value_spec(value: Any) -> SerializerSpec:
    """Return the specification of the value's serializer, if one can be made of it."""
    serializer_for(value, Field.VALUE)
    return value  # type: ignore[no-any-return]  # serializer_for accepted it


def to_listener(value: object) -> ProducerListener | tuple[ProducerListener, ...] | None:
    """Return the listener, or the listeners, that objects, classes or dotted names stand for."""
    if isinstance(value, str) and "," in value:
        value = [name for name in (part.strip() for part in value.split(",")) if name]
    if isinstance(value, list | tuple):
        return tuple([_listener_of(one) for one in value]) or None
    return None if value is None else _listener_of(value)


def _listener_of(value: object) -> ProducerListener:
    made = _made_of(value, "a ProducerListener")
    if not isinstance(made, ProducerListener):
        raise ValueError("must be an instance of a class that derives from ProducerListener, or its dotted name")  # noqa: TRY004 - a check
    for hook in dir(ProducerListener):
        if hook.startswith("on_") and inspect.iscoroutinefunction(getattr(made, hook)):
            raise ValueError(f"its {hook} must be a plain method, not a coroutine, which dekaf would not await")
    return made


def to_tracer(value: object) -> RecordTracer | None:
    """Return the tracer that an object, a class or a dotted name stands for."""
    if value is None:
        return None
    made = _made_of(value, "a RecordTracer")
    if isinstance(made, type | str | bytes | bytearray) or not isinstance(made, RecordTracer):
        raise ValueError(  # noqa: TRY004 - a check
            "must have the methods start(topic, key, value, headers) and finish(token, metadata, error), or be the "
            "dotted name of an object or a class that does"
        )
    for hook in (made.start, made.finish):
        if inspect.iscoroutinefunction(hook):
            raise ValueError("its methods must be plain ones, not coroutines, which dekaf would not await")
    return made


def _made_of(value: object, what: str) -> object:
    """Return what a dotted name or a class stands for; an object as it is."""
    found = _named(value, what) if isinstance(value, str) else value
    return instance_of(found) if isinstance(found, type) else found


def to_on_undelivered(value: Any) -> OnUndelivered | None:
    """Return the callback, if it can be called, or is the name of something that can."""
    if isinstance(value, str):
        value = _named(value, "a function")
    if value is not None and not callable(value):
        raise ValueError("must be a function that takes the undelivered messages, or its dotted name")
    if inspect.iscoroutinefunction(value) or inspect.iscoroutinefunction(getattr(value, "__call__", None)):  # noqa: B004 - not whether it can be called
        raise ValueError("must be a plain function, not a coroutine, which dekaf would not await")
    return value  # type: ignore[no-any-return]  # its signature cannot be checked


def _named(text: str, what: str) -> object:
    if not is_dotted_name(text):
        raise ValueError(f"as text, must be the dotted name of {what}, such as 'shop.kafka.name'")
    return imported(text)


def to_partitioner_spec(value: Any) -> PartitionerSpec:
    """Return the specification of the partitioner, if one can be made of it."""
    partitioner_for(value)
    return value  # type: ignore[no-any-return]  # partitioner_for accepted it


def partitioner_for(spec: object) -> Partitioner | None:
    """Return the partitioner a name, a class or an instance stands for; None for the built-in one."""
    if isinstance(spec, str):
        name = spec.strip()
        if name.lower() in _PARTITIONERS:
            made = _PARTITIONERS[name.lower()]
            return made() if made else None
        spec = _imported_partitioner(name)
    if isinstance(spec, type):
        spec = instance_of(spec)
    # Texts and bytes have a method of that name, too.
    if not isinstance(spec, str | bytes | bytearray) and isinstance(spec, Partitioner):
        return spec
    raise ValueError("must be a name, or have a method partition(topic, key, partition_count) -> int | None")


def _imported_partitioner(name: str) -> object:
    if not is_dotted_name(name):
        near = nearest_name(name.lower(), _PARTITIONERS)
        hint = f"; did you mean {near!r}?" if near else ""
        raise ValueError(f"must be one of {', '.join(map(repr, _PARTITIONERS))}, or the dotted name of a class{hint}")
    return imported(name)


def _as_int(value: object) -> int | None:
    """Return the int a number or text stands for; None if there is none. A bool is not a number here."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        text = value.strip()
        digits = text.removeprefix("-").replace("_", "")
        # A length check, because int() refuses very long texts in its own words.
        return int(text.replace("_", "")) if digits.isascii() and digits.isdecimal() and len(digits) < 20 else None
    return None
