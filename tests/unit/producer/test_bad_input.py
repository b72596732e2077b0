"""Bad input through both faces: a typed error at once that says what to write instead, and nothing is accepted."""

from __future__ import annotations

import asyncio
import copy
import datetime as dt
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest

from dekaf.builder import Kafka
from dekaf.errors import ConfigurationError, InvalidTopicError, RecordTooLargeError, SerializationError
from dekaf.message import ProducerMessage
from dekaf.producer import AsyncProducer, Producer, ProducerConfig
from dekaf.registry import ProducerRegistry
from dekaf.types import ProduceAllError, ProducerStatus
from tests.scenarios.faces import eventually, threads_of_producers

SERVERS = "localhost:1"  # nobody listens, and nobody is asked
NAIVE = dt.datetime(2024, 1, 1)
BEFORE_1970 = dt.datetime(1969, 12, 31, tzinfo=dt.UTC)


class Calls(Protocol):
    """One face's ways to produce."""

    def call(self, way: str, topic: Any, key: Any, value: Any, **rest: Any) -> object:
        """Produce in one way: ``produce``, ``submit`` or ``fire``."""

    def message(self, message: Any) -> object:
        """Produce a message."""

    def all(self, messages: list[Any]) -> object:
        """Produce several."""

    def status(self) -> ProducerStatus:
        """Return the status."""


class ThreadCalls:
    """A producer for threads."""

    def __init__(self, **options: Any) -> None:
        self.producer: Producer[Any, Any] = Producer(bootstrap_servers=SERVERS, **options)

    def call(self, way: str, topic: Any, key: Any, value: Any, **rest: Any) -> object:
        return getattr(self.producer, way)(topic, key, value, **rest)

    def message(self, message: Any) -> object:
        return self.producer.produce(message)

    def all(self, messages: list[Any]) -> object:
        return self.producer.produce_all(messages)

    def status(self) -> ProducerStatus:
        return self.producer.status()

    def close(self) -> None:
        self.producer.close(0)


class CoroutineCalls:
    """A producer for coroutines."""

    def __init__(self, **options: Any) -> None:
        self.producer: AsyncProducer[Any, Any] = AsyncProducer(bootstrap_servers=SERVERS, **options)

    def call(self, way: str, topic: Any, key: Any, value: Any, **rest: Any) -> object:
        async def call() -> object:
            made = getattr(self.producer, way)(topic, key, value, **rest)
            return made if way == "fire" else await made

        return asyncio.run(call())

    def message(self, message: Any) -> object:
        return asyncio.run(self.producer.produce(message))

    def all(self, messages: list[Any]) -> object:
        return asyncio.run(self.producer.produce_all(messages))

    def status(self) -> ProducerStatus:
        return self.producer.status()

    def close(self) -> None:
        asyncio.run(self.producer.close(0))


MAKERS: list[Callable[..., ThreadCalls | CoroutineCalls]] = [ThreadCalls, CoroutineCalls]


@pytest.fixture(params=MAKERS, ids=["threads", "coroutines"])
def make(request: pytest.FixtureRequest) -> Iterator[Callable[..., ThreadCalls | CoroutineCalls]]:
    made: list[ThreadCalls | CoroutineCalls] = []

    def make(**options: Any) -> ThreadCalls | CoroutineCalls:
        made.append(request.param(**options))
        return made[-1]

    yield make
    for face in made:
        face.close()


# What is wrong, the error, and what it says: the field, and what to give instead.
WRONG: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "topic of a number": ({"topic": 7}, TypeError, "topic must be a str or a ProducerMessage, not int"),
    "topic of bytes": ({"topic": b"orders"}, TypeError, "topic must be a str or a ProducerMessage, not bytes"),
    "no topic": ({"topic": ""}, InvalidTopicError, "'' is not a topic name: 1 to 249 of"),
    "impossible topic": ({"topic": "or ders"}, InvalidTopicError, "'or ders' is not a topic name: 1 to 249 of"),
    "long topic": ({"topic": "o" * 250}, InvalidTopicError, "is not a topic name: 1 to 249 of"),
    "key of another type": ({"key": 7}, SerializationError, "orders: the key must be str, not int"),
    "value of another type": ({"value": b"x"}, SerializationError, "orders: the value must be str, not bytes"),
    "value that is no text": ({"value": "\ud800"}, SerializationError, "the value cannot be encoded as UTF-8"),
    "headers of a number": ({"headers": 7}, TypeError, "headers must be a mapping, (name, value) pairs or Headers"),
    "headers of text": ({"headers": "a=1"}, TypeError, "headers must be a mapping, (name, value) pairs or Headers"),
    "headers of triples": ({"headers": [("a", "b", "c")]}, ValueError, "headers must be (name, value) pairs"),
    "header's name": ({"headers": {1: "a"}}, TypeError, "name of a header must be str, not int"),
    "header's value": ({"headers": {"a": 1}}, TypeError, "'a' must be str, bytes or None, not int"),
    "partition of text": ({"partition": "0"}, TypeError, "partition must be an int, not str"),
    "partition of a float": ({"partition": 1.0}, TypeError, "partition must be an int, not float"),
    "partition of a bool": ({"partition": True}, TypeError, "partition must be an int, not bool"),
    "negative partition": ({"partition": -1}, ValueError, "partition must be between 0 and 2147483647, not -1"),
    "huge partition": ({"partition": 2**31}, ValueError, "partition must be between 0 and 2147483647"),
    "timestamp of text": (
        {"timestamp": "now"},
        TypeError,
        "timestamp must be an aware datetime or milliseconds as int",
    ),
    "timestamp of a float": ({"timestamp": 1.5}, TypeError, "timestamp must be an aware datetime or milliseconds"),
    "timestamp of a bool": ({"timestamp": True}, ValueError, "timestamp must be an aware datetime or milliseconds"),
    "naive timestamp": ({"timestamp": NAIVE}, ValueError, "for instance datetime.now(UTC); this one is naive"),
    "negative timestamp": ({"timestamp": -1}, ValueError, "timestamp must not lie before 1970"),
    "old timestamp": ({"timestamp": BEFORE_1970}, ValueError, "timestamp must not lie before 1970"),
    "huge timestamp": ({"timestamp": 2**63}, ValueError, "timestamp must fit into 64 bits: give milliseconds"),
}
wrong = pytest.mark.parametrize(("given_parts", "kind", "says"), WRONG.values(), ids=WRONG.keys())


@pytest.mark.parametrize("way", ["produce", "submit", "fire"])
@wrong
def test_bad_argument_is_refused_at_once_and_nothing_is_accepted(
    make: Callable[..., Calls], way: str, given_parts: dict[str, Any], kind: type[Exception], says: str
) -> None:
    face = make(key=str, value=str)
    parts: dict[str, Any] = {"topic": "orders", "key": "k", "value": "v", **given_parts}

    with pytest.raises(kind) as caught:
        face.call(way, **parts)

    assert says in str(caught.value)
    assert_untouched(face)


# What a message itself refuses never gets as far as a producer; the rest is the producer's to refuse.
@wrong
def test_bad_message_is_refused_by_itself_or_by_the_producer(
    make: Callable[..., Calls], given_parts: dict[str, Any], kind: type[Exception], says: str
) -> None:
    face = make(key=str, value=str)
    parts: dict[str, Any] = {"topic": "orders", "key": "k", "value": "v", **given_parts}
    (field,) = given_parts

    with pytest.raises((TypeError, ValueError, kind)) as caught:
        face.message(ProducerMessage.create(**parts))

    assert field in str(caught.value) or says in str(caught.value)
    assert_untouched(face)


@pytest.mark.parametrize("on_delivery", ["callback", 7, [print]], ids=repr)
def test_callback_that_cannot_be_called_is_refused_at_once(make: Callable[..., Calls], on_delivery: object) -> None:
    face = make()

    with pytest.raises(TypeError, match=rf"on_delivery must be a function.*, not {type(on_delivery).__name__}"):
        face.call("fire", "orders", "k", "v", on_delivery=on_delivery)

    assert_untouched(face)


def test_callback_that_cannot_be_called_is_refused_after_others_that_can(make: Callable[..., Calls]) -> None:
    face = make()
    for on_delivery in (lambda *_: None, print):
        face.call("fire", "orders", "k", "v", on_delivery=on_delivery)

    for wrong_callback in ("callback", 7, "callback"):
        with pytest.raises(TypeError, match="on_delivery must be a function"):
            face.call("fire", "orders", "k", "v", on_delivery=wrong_callback)

    assert face.status().buffered_records == 2


def test_bad_message_among_others_is_told_in_its_place(make: Callable[..., Calls]) -> None:
    face = make(key=str, value=str)

    with pytest.raises(ProduceAllError) as caught:
        face.all([ProducerMessage.create("orders", "k", 7), ProducerMessage.create("or ders", "k", "v")])

    assert [type(result) for result in caught.value.results] == [SerializationError, InvalidTopicError]
    assert_untouched(face)


@pytest.mark.parametrize("wrong_message", ["orders", ("orders", "k", "v"), None, {"topic": "orders"}], ids=repr)
def test_what_is_no_message_is_refused_by_its_type(make: Callable[..., Calls], wrong_message: object) -> None:
    face = make()

    with pytest.raises(TypeError, match=f"takes ProducerMessage, not {type(wrong_message).__name__}"):
        face.all([wrong_message])

    assert_untouched(face)


@pytest.mark.parametrize("way", ["produce", "submit", "fire"])
@pytest.mark.parametrize(
    ("options", "size", "says"),
    [
        ({"max_request_size": 1000}, 1000, "max_request_size=1000"),
        ({"buffer_memory": 5000}, 5000, "buffer_memory=5000"),
        ({}, 1024 * 1024, "max_request_size=1048576"),
        ({"compression_type": "gzip"}, 1024 * 1024, "max_request_size=1048576"),
    ],
)
def test_record_that_is_too_large_is_refused_at_once_by_the_limit_it_exceeds(
    make: Callable[..., Calls], way: str, options: dict[str, Any], size: int, says: str
) -> None:
    face = make(**options)

    with pytest.raises(RecordTooLargeError) as caught:
        face.call(way, "orders", None, b"x" * size)

    assert says in str(caught.value)
    assert str(size)[0] in str(caught.value)
    assert (caught.value.topic, caught.value.is_retriable, caught.value.may_be_persisted) == ("orders", False, False)
    assert face.status().buffered_bytes == face.status().buffered_records == 0


def test_headers_count_for_the_size_of_a_record(make: Callable[..., Calls]) -> None:
    face = make(max_request_size=1000)

    with pytest.raises(RecordTooLargeError):
        face.call("fire", "orders", None, b"x" * 400, headers={"h": b"y" * 600})

    assert face.status().buffered_bytes == 0


# Options.

Construct = Callable[..., object]

CONSTRUCT: dict[str, Construct] = {
    "threads": Producer,
    "coroutines": AsyncProducer,
    "builder": lambda **options: Kafka.create_producer().with_options(**options).build(),
    "builder for coroutines": lambda **options: Kafka.create_async_producer(str, str).with_options(**options).build(),
    "registry": lambda **options: ProducerRegistry(options).producer(),
}
OPTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "unknown": ({"lingre_ms": 5}, "lingre_ms: no such option; did you mean linger_ms?"),
    "another client's": ({"queue_buffering_max_ms": 5}, "queue_buffering_max_ms: no such option; write linger_ms"),
    "of another type": ({"linger_ms": "soon"}, "linger_ms='soon': must be a whole number from 0"),
    "contradictory": ({"enable_idempotence": True, "acks": 1}, "enable_idempotence=True: needs acks='all'"),
    "impatient": (
        {"delivery_timeout_ms": 100},
        "delivery_timeout_ms=100: must be at least linger_ms + request_timeout",
    ),
    "no servers": ({"bootstrap_servers": ""}, "must name at least one server, like 'host:9092'"),
    "empty list of servers": ({"bootstrap_servers": []}, "must name at least one server, like 'host:9092'"),
    "server without port": ({"bootstrap_servers": "kafka"}, "the port is missing; write kafka:9092"),
    "server with scheme": ({"bootstrap_servers": "kafka://a:9092"}, "write host:9092, without a scheme"),
    "server's port": ({"bootstrap_servers": "a:99999"}, "the port must be a number from 1 to 65535; write host:9092"),
    "codec": ({"compression_type": "brotli"}, "must be one of 'none', 'gzip', 'snappy', 'lz4', 'zstd'"),
    "level without codec": ({"compression_level": 3}, "compression_level=3: compression_type 'none' has no levels"),
    "level of a codec": ({"compression_level": 30, "compression_type": "gzip"}, "compression_level=30: must be"),
}


@pytest.mark.parametrize("construct", CONSTRUCT.values(), ids=CONSTRUCT.keys())
@pytest.mark.parametrize(("options", "says"), OPTIONS.values(), ids=OPTIONS.keys())
def test_bad_option_is_refused_when_the_producer_is_made(
    construct: Construct, options: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        construct(**{"bootstrap_servers": SERVERS, **options})

    assert says in str(caught.value)
    assert not threads_of_producers()


@pytest.mark.parametrize("construct", [Producer.from_config, AsyncProducer.from_config])
def test_a_mapping_in_place_of_a_configuration_is_refused_with_what_to_write(construct: Construct) -> None:
    with pytest.raises(ConfigurationError, match=r"not dict; of a mapping ProducerConfig.from_mapping"):
        construct({"bootstrap_servers": SERVERS})


@pytest.mark.parametrize("construct", [Producer, AsyncProducer, ProducerConfig])
@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"bootstrap.servers": SERVERS, "sasl.password": "secret"}, "ProducerConfig.from_mapping(...)"),
        (SERVERS, "{}(bootstrap_servers='localhost:9092')"),
        ([SERVERS], "{}(bootstrap_servers='localhost:9092')"),
        (ProducerConfig(bootstrap_servers=SERVERS), "{}(config=...)"),
        (7, "{}(bootstrap_servers='localhost:9092')"),
    ],
    ids=["dict", "str", "list", "config", "number"],
)
def test_options_without_keywords_are_refused_with_what_to_write(
    construct: type[object], given: object, says: str
) -> None:
    """The dict is how confluent-kafka is made, and Kafka's own names are the ones in it."""
    with pytest.raises(ConfigurationError) as caught:
        construct(given)  # type: ignore[call-arg]  # wrong on purpose

    said = str(caught.value)
    assert said.startswith(f"{construct.__name__} takes its options as keywords")
    if not (construct is ProducerConfig and isinstance(given, ProducerConfig)):
        assert says.format(construct.__name__) in said
    assert "secret" not in said
    assert not threads_of_producers()


MISSING = """
import sys, threading
for module in {modules!r}:
    sys.modules[module] = None
from dekaf import ConfigurationError, Kafka
from dekaf.producer import AsyncProducer, Producer
options = dict(bootstrap_servers="localhost:1", compression_type={name!r})
for make in (
    Producer,
    AsyncProducer,
    lambda **options: Kafka.create_producer().with_options(**options).build(),
    lambda **options: getattr(Kafka.create_async_producer(), "use_{name}_compression")()
    .with_bootstrap_servers(options["bootstrap_servers"]).build(),
):
    try:
        make(**options)
    except ConfigurationError as error:
        print(error)
print(threading.active_count())
"""


@pytest.mark.parametrize(
    ("name", "modules"),
    [("snappy", ["snappy"]), ("lz4", ["lz4", "lz4.frame"]), ("zstd", ["zstandard"])],
)
def test_missing_codec_package_is_named_when_the_producer_is_made(name: str, modules: list[str]) -> None:
    # In a fresh interpreter: compiled code remembers a module once it was imported.
    program = MISSING.format(name=name, modules=modules)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    run = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=60
    )

    *errors, threads = run.stdout.splitlines()
    assert len(errors) == 4
    assert all(f"compression_type '{name}' needs the library" in error for error in errors)
    assert all(f"pip install 'dekaf[{name}]'" in error for error in errors)
    assert threads == "1"


@pytest.fixture(autouse=True)
def no_threads_of_other_tests() -> None:
    """Let what other tests have closed come to its end: a thread counts as this test's."""
    eventually(lambda: not threads_of_producers())


def assert_untouched(face: Calls) -> None:
    """Nothing was accepted, and not even a thread was started."""
    status = face.status()
    assert (status.buffered_bytes, status.buffered_records, status.waiting_for_space) == (0, 0, 0)
    assert not threads_of_producers()


@pytest.mark.parametrize("face", [Producer, AsyncProducer])
@pytest.mark.parametrize("topic", ["no topic!", "", "..", None, 3])
def test_view_of_what_cannot_be_a_topic_is_refused(
    face: type[Producer[Any, Any] | AsyncProducer[Any, Any]], topic: Any
) -> None:
    producer = face(bootstrap_servers=SERVERS)

    # For a call of one argument, what the compiler says of the wrong type has to do.
    with pytest.raises((InvalidTopicError, TypeError), match=r"topic|str object expected; got"):
        producer.for_topic(topic)


@pytest.mark.parametrize("face", [Producer, AsyncProducer])
@pytest.mark.parametrize("take_along", [copy.copy, copy.deepcopy, pickle.dumps])
def test_producers_are_neither_copied_nor_pickled(
    face: type[Producer[Any, Any] | AsyncProducer[Any, Any]], take_along: Callable[[object], object]
) -> None:
    producer = face(bootstrap_servers=SERVERS)

    for face_or_view in (producer, producer.typed(str, str)):
        with pytest.raises(TypeError, match="make one per process"):
            take_along(face_or_view)
