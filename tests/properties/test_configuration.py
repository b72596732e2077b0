"""Every mapping of options makes a configuration, or an error that names each option at fault and shows no secret."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, Literal

from hypothesis import example, given
from hypothesis import strategies as st

from dekaf.builder import Kafka
from dekaf.errors import ConfigurationError
from dekaf.partitioning import RoundRobinPartitioner
from dekaf.producer import Producer
from dekaf.producer.config import ProducerConfig
from dekaf.serialization import JsonSerializer, StringSerializer
from dekaf.types import Acks

SERVERS = "localhost:9092"
OPTIONS = sorted(ProducerConfig.model_fields)
SECRET = "s3cretW0rd"


class Touchy:
    """Junk of the worst kind: it does not even let itself be looked at, like a lazy object without its settings."""

    def __getattr__(self, name: str) -> object:
        raise RuntimeError(f"nothing is configured; {SECRET}")

    def __repr__(self) -> str:
        return SECRET

    def __eq__(self, other: object) -> bool:
        raise RuntimeError(SECRET)

    __hash__ = object.__hash__


class Broken:
    """A serializer and partitioner that cannot be made."""

    def __init__(self) -> None:
        raise RuntimeError("no licence")

    def serialize(self, value: object, context: object) -> bytes:
        raise NotImplementedError

    def partition(self, topic: str, key: bytes | None, partition_count: int) -> int:
        raise NotImplementedError


class Word(str):
    """A text that is not quite one."""

    __slots__ = ()


RIGHT: st.SearchStrategy[Any] = st.sampled_from(
    [
        *("all", "leader", "none", "LZ4", "zstd", "gzip", "true", "No", "lazy", "block", "raise", "memory", "murmur2"),
        *("round_robin", "str", "bytes", "json", "uuid.UUID", "5", "1_000", " 20 ", "-1", "host:9092", "[::1]:1"),
        *(0, 1, 5, 9, 100, 60_000, -1, 2.0, True, False, None, Acks.ALL, Acks.NONE),
        *(str, bytes, int, dict, StringSerializer(), JsonSerializer[int | str](), RoundRobinPartitioner, print),
        ["a:1", "b:2"],
        Word("gzip"),
    ]
)
JUNK: st.SearchStrategy[Any] = st.one_of(
    st.integers(),
    st.floats(),
    st.text(max_size=30),
    st.binary(max_size=5),
    st.complex_numbers(),
    st.lists(st.text(max_size=10) | st.integers() | st.none(), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    st.sampled_from(
        [
            *(
                "",
                " ",
                ",",
                "\n",
                "\x00",
                "\ud800",
                "localhost",
                "kafka://a:1",
                "nowhere.to.find",
                "os.path:join",
                "a.b:c",
            ),
            *(10**5000, -(10**5000), "9" * 5000, float("nan"), float("inf"), 2**63, 2**31, 1e300),
            *(object(), object, type, type(None), print, len, uuid, Ellipsis, NotImplemented, bytearray(b"x")),
            *(set(), frozenset({"a:1"}), range(3), (), slice(1), lambda: None, b"\xff", memoryview(b"")),
            *(int | str, Literal["a"], list[int], Callable[[], int], Any, ConfigurationError("x"), Exception),
            *(Broken, f"{__name__}.Broken", f"{__name__}:SECRET", Touchy(), Touchy, [Touchy()], {"a": Touchy()}),
        ]
    ),
)
ADDRESSES = st.sampled_from(
    [
        f"kafka://shop:{SECRET}@broker:9092",
        f"shop:{SECRET}@broker:9092",
        f"broker:9092,shop:{SECRET}@other:9092",
        f"shop,{SECRET},x@broker:9092",
        f"{SECRET},shop@broker:9092",
        f"https://shop:{SECRET}@{'long' * 40}.example:443/{'path/' * 40}",
        f"{'long' * 40}:{SECRET}@{'long' * 40}",
        f"shop:{SECRET}{'x' * 200}@broker:9092",
        f"SASL_SSL://shop:{SECRET}@[::1]:9092",
    ]
)
SECRETS: st.SearchStrategy[Any] = ADDRESSES | ADDRESSES.map(lambda address: [address]) | ADDRESSES.map(str.encode)

UNKNOWN = st.sampled_from(
    [
        *("lingre_ms", "linger.ms", "bootstrap.servers", "retries", "sasl_plain_password", "ssl_keyfile", "self"),
        *("cls", "options", "args", "model_config", "__init__", "__class__", "", " linger_ms", "x" * 500, "a b"),
        *("value_serializer", "transactional_id", "security.protocol", "ключ", "\ud800", "a\nb", "- a: b"),
    ]
)


def spelled(name: str) -> st.SearchStrategy[str]:
    return st.sampled_from([name, name.upper(), name.title()])


def mappings(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[Any, Any]]:
    names = st.sampled_from(OPTIONS).flatmap(spelled) | UNKNOWN | st.text(max_size=12)
    return st.dictionaries(names, values, max_size=6)


def refusal_of(mapping: dict[Any, Any]) -> str | None:
    """Return what is wrong with a mapping; any error but a ConfigurationError is this test's failure."""
    try:
        ProducerConfig.from_mapping(mapping)
    except ConfigurationError as error:
        refusal = error
    else:
        return None
    assert refusal.__cause__ is None
    assert refusal.__suppress_context__ or refusal.__context__ is None
    return str(refusal)


# What is said about options that are right alone and wrong together, which is looked at when all are right alone.
CONTRADICTIONS = (
    *("must not exceed", "has no levels", "must be at least", "must be from", "needs acks", "needs max_in_"),
    *("security_protocol is not given, and without", "required with security_protocol="),
)


def is_refused(name: str, value: object) -> bool:
    """Say whether an option is at fault whatever the others are."""
    rest = {} if name == "bootstrap_servers" else {"bootstrap_servers": SERVERS}
    refusal = refusal_of({**rest, name: value})
    return refusal is not None and not any(words in refusal for words in CONTRADICTIONS)


@given(mappings(RIGHT | JUNK), st.booleans())
@example({"value": Touchy(), "KEY": Touchy(), "partitioner": Touchy(), "listener": Touchy()}, True)
@example({"value": Broken, "key": f"{__name__}.Broken", "partitioner": Broken}, True)
@example({name: Touchy() for name in OPTIONS}, False)
def test_mapping_makes_a_configuration_or_every_fault_is_named(mapping: dict[str, Any], with_servers: bool) -> None:
    given_options = {"bootstrap_servers": SERVERS, **mapping} if with_servers else mapping
    refusal = refusal_of(given_options)

    lowered = [name.lower() for name in given_options]
    if len(lowered) != len(set(lowered)):
        assert refusal is not None
        assert "given twice" in refusal
        return
    at_fault = [name for name in lowered if name not in OPTIONS]
    at_fault += [
        name.lower()
        for name, value in given_options.items()
        if name.lower() in OPTIONS and is_refused(name.lower(), value)
    ]
    for name in at_fault:
        assert refusal is not None
        assert name[:20] in refusal or repr(name)[1:20] in refusal or "@" in name, (name, refusal)
    if refusal is not None:
        assert all(line.isprintable() for line in refusal.splitlines())
        assert len(refusal) < 300 * (len(given_options) + 1)


@given(st.sampled_from(OPTIONS), RIGHT | JUNK)
def test_option_that_is_wrong_alone_is_named_alone(option: str, value: object) -> None:
    refusal = refusal_of({"bootstrap_servers": SERVERS, option: value})

    assert refusal is None or option in refusal
    if refusal is not None:
        assert "\n" not in refusal


@given(mappings(SECRETS | RIGHT | JUNK))
@example({"value": f"kafka://shop:{SECRET}@broker:9092"})
@example({"key": f"shop:{SECRET}@broker"})
@example({"client_id": f"shop:{SECRET}{'x' * 200}@broker\n"})
@example({"bootstrap_servers": f"{SECRET},shop@broker:9092"})
@example({f"kafka://shop:{SECRET}@broker:9092": 1})
@example({(f"shop:{SECRET}@broker",): 1})
@example({f"{'x' * 100}shop:{SECRET}@broker:9092{'x' * 100}": 1})
def test_secret_is_never_shown(mapping: dict[Any, Any]) -> None:
    refusal = refusal_of(mapping)

    assert refusal is None or SECRET not in refusal, refusal


@given(mappings(SECRETS))
def test_secret_under_an_unknown_name_is_never_shown(mapping: dict[str, Any]) -> None:
    refusal = refusal_of({**{f"not_an_option_{name}": value for name, value in mapping.items()}, "backend": "memory"})

    assert refusal is None or SECRET not in refusal


@given(mappings(RIGHT | JUNK))
def test_keywords_and_builder_say_the_same_as_the_mapping(mapping: dict[str, Any]) -> None:
    """Three ways in, one validation: whoever is refused by one is refused by all, and in the same words."""
    options: dict[str, Any] = {"bootstrap_servers": SERVERS, **mapping}
    if any(name != name.lower() for name in options):
        return
    refusal = refusal_of(options)
    by_builder: str | None = None
    builder_options = {name: value for name, value in options.items() if name not in {"key", "value"}}
    try:
        ProducerConfig(**options)
        by_keyword = None
    except ConfigurationError as error:
        by_keyword = f"DEKAF: {error}"

    assert by_keyword == refusal
    if builder_options == options:
        try:
            made = Kafka.create_producer().with_options(**options).build()
        except ConfigurationError as error:
            by_builder = f"DEKAF: {error}"
        else:
            made.close(0)
        assert by_builder == refusal or (refusal is None and "not supported" in str(by_builder))


@given(mappings(RIGHT | JUNK))
def test_producer_is_made_without_a_single_connection_or_refused_by_a_configuration_error(
    mapping: dict[str, Any],
) -> None:
    options: dict[str, Any] = {"bootstrap_servers": SERVERS, **mapping, "start": "lazy"}
    try:
        producer = Producer(**options)
    except ConfigurationError:
        return
    except TypeError as error:
        # Python's own, about what cannot be a keyword.
        refusal = str(error)
    else:
        assert producer.status().buffered_bytes == 0
        producer.close(0)
        return
    assert "keyword" in refusal or "argument" in refusal
