"""ProducerConfig: what is accepted, what it becomes, and how faults are told."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dekaf.abc import ProducerListener
from dekaf.errors import ConfigurationError
from dekaf.message import ProducerMessage
from dekaf.partitioning import ConsistentRandomPartitioner, RoundRobinPartitioner
from dekaf.producer.config import ProducerConfig, ProducerOptions
from dekaf.types import Acks, RecordMetadata
from tests import named_hooks
from tests.named_hooks import LISTENER, NotingListener, NotingTracer

SERVERS = "localhost:9092"


def config(**options: Any) -> ProducerConfig:
    return ProducerConfig(**{"bootstrap_servers": SERVERS, **options})


def faults_of(**options: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        config(**options)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


class FirstPartition:
    """A partitioner of a user's own."""

    def partition(self, topic: str, key: bytes | None, partition_count: int, /) -> int | None:
        return 0


class Pinned(FirstPartition):
    """A partitioner that cannot be made from its name."""

    def __init__(self, pinned: int) -> None:
        self.pinned = pinned


FIRST = FirstPartition()


class AwaitedListener(ProducerListener):
    async def on_acknowledged(self, metadata: RecordMetadata) -> None:  # type: ignore[override] # the mistake
        raise NotImplementedError


async def save_awaiting(messages: Sequence[ProducerMessage[bytes, bytes]]) -> None:
    raise NotImplementedError


class SavesAwaiting:
    async def __call__(self, messages: Sequence[ProducerMessage[bytes, bytes]]) -> None:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("option", "default"),
    [
        ("key", None),
        ("value", None),
        ("acks", Acks.ALL),
        ("enable_idempotence", None),
        ("max_in_flight_requests_per_connection", 5),
        ("linger_ms", 5),
        ("batch_size", 65_536),
        ("compression_type", "none"),
        ("compression_level", None),
        ("partitioner", "murmur2"),
        ("buffer_memory", 32 * 1024 * 1024),
        ("buffer_full", "block"),
        ("max_block_ms", 5_000),
        ("max_request_size", 1024 * 1024),
        ("request_timeout_ms", 10_000),
        ("delivery_timeout_ms", 120_000),
        ("produce_timeout_ms", 20_000),
        ("unavailable_after_ms", 5_000),
        ("close_timeout_ms", 10_000),
        ("retry_backoff_ms", 100),
        ("retry_backoff_max_ms", 1_000),
        ("reconnect_backoff_ms", 50),
        ("reconnect_backoff_max_ms", 1_000),
        ("socket_connection_setup_timeout_ms", 10_000),
        ("connections_max_idle_ms", 540_000),
        ("metadata_max_age_ms", 300_000),
        ("metadata_max_idle_ms", 300_000),
        ("metadata_recovery_strategy", "rebootstrap"),
        ("metadata_recovery_rebootstrap_trigger_ms", 300_000),
        ("allow_auto_create_topics", True),
        ("start", "lazy"),
        ("backend", "kafka"),
        ("allow_blocking_in_loop", False),
        ("listener", None),
        ("tracer", None),
        ("on_undelivered", None),
    ],
)
def test_an_option_left_out_has_its_default(option: str, default: object) -> None:
    assert getattr(config(), option) == default
    assert option in {*ProducerOptions.__annotations__, "key", "value"}


def test_every_option_is_described_and_can_be_given_as_a_keyword() -> None:
    fields = ProducerConfig.model_fields

    assert set(fields) == {*ProducerOptions.__annotations__, "key", "value"}
    for name, field in fields.items():
        assert field.description, name
        default = field.get_default(call_default_factory=False)
        if isinstance(default, int | str) and name != "client_id":
            shown = default.name.lower() if isinstance(default, Acks) else str(default)
            assert shown in field.description, name


@pytest.mark.parametrize(
    ("program", "client_id"),
    [
        ("/srv/shop/manage.py", "manage"),
        ("/usr/bin/gunicorn", "gunicorn"),
        ("/lib/python3.11/site-packages/uvicorn/__main__.py", "uvicorn"),
        ("-c", "dekaf"),
        ("", "dekaf"),
    ],
)
def test_the_client_is_named_after_the_program(program: str, client_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [program])

    assert config().client_id == client_id


@pytest.mark.parametrize(
    ("given_servers", "servers", "endpoints"),
    [
        ("a:9092", ("a:9092",), (("a", 9092),)),
        (" a:9092 , b:9093,", ("a:9092", "b:9093"), (("a", 9092), ("b", 9093))),
        (["a:9092", "b:9093"], ("a:9092", "b:9093"), (("a", 9092), ("b", 9093))),
        (("a:9092", "a:9092"), ("a:9092",), (("a", 9092),)),
        ("[::1]:9092", ("[::1]:9092",), (("::1", 9092),)),
        ("kafka-1.shop.example:65535", ("kafka-1.shop.example:65535",), (("kafka-1.shop.example", 65535),)),
    ],
)
def test_servers_are_a_text_or_a_list(
    given_servers: str | Sequence[str], servers: tuple[str, ...], endpoints: tuple[tuple[str, int], ...]
) -> None:
    made = ProducerConfig(bootstrap_servers=given_servers)

    assert made.bootstrap_servers == servers
    assert made.bootstrap_endpoints == endpoints


@pytest.mark.parametrize(
    ("servers", "says"),
    [
        ("kafka", "the port is missing; write kafka:9092"),
        ("[::1]", "the port is missing; write [::1]:9092"),
        (":9092", "the host is missing; write localhost:9092"),
        ("::1:9092", "brackets; write [::1]:9092"),
        ("::1", "brackets; write [::1]:9092"),
        ("2001:db8::7", "brackets; write [2001:db8::7]:9092"),
        ("2001:db8:0:0:0:0:0:7:9093", "brackets; write [2001:db8:0:0:0:0:0:7]:9093"),
        ("a:9092:9093", "one host and one port"),
        ("a:9092;b:9092", "commas between; write host1:9092,host2:9092"),
        ("a:9092 b:9092", "commas between; write host1:9092,host2:9092"),
        (["a:9092,b:9092"], "more than one server is a list"),
        ('["a:9092"]', "slashes or quotes"),
        ("a:0", "from 1 to 65535"),
        ("a:65536", "from 1 to 65535"),
        ("a:port", "from 1 to 65535"),
        ("a:", "from 1 to 65535"),
        ("a:٩٠", "from 1 to 65535"),
        ("PLAINTEXT://a:9092", "without a scheme"),
        ("a b:9092", "no spaces"),
        ("", "at least one"),
        ([], "at least one"),
        ([9092], "texts like"),
        (9092, "a list of such"),
        ({"a:9092": 1}, "a list of such"),
        (None, "a list of such"),
    ],
)
def test_wrong_servers_are_refused_with_what_to_write(servers: Any, says: str) -> None:
    text = faults_of(bootstrap_servers=servers)

    assert text.startswith("bootstrap_servers=")
    assert says in text


def test_servers_are_required_unless_nothing_is_connected() -> None:
    with pytest.raises(ConfigurationError, match=r"bootstrap_servers: required; write .*localhost:9092"):
        ProducerConfig()

    assert ProducerConfig(backend="memory").bootstrap_servers == ()
    assert ProducerConfig(backend="disabled").bootstrap_endpoints == ()


@pytest.mark.parametrize(
    ("option", "text", "value"),
    [
        ("linger_ms", "5", 5),
        ("linger_ms", " 1_000 ", 1000),
        ("linger_ms", 20.0, 20),
        ("connections_max_idle_ms", "-1", -1),
        ("compression_level", "", None),
        ("allow_auto_create_topics", "true", True),
        ("allow_auto_create_topics", "No", False),
        ("allow_auto_create_topics", 0, False),
        ("enable_idempotence", "TRUE", True),
        ("enable_idempotence", "", None),
        ("acks", "all", Acks.ALL),
        ("acks", "-1", Acks.ALL),
        ("acks", -1, Acks.ALL),
        ("acks", "Leader", Acks.LEADER),
        ("acks", "1", Acks.LEADER),
        ("acks", 0, Acks.NONE),
        ("acks", "none", Acks.NONE),
        ("acks", Acks.LEADER, Acks.LEADER),
        ("compression_type", "LZ4", "lz4"),
        ("compression_type", None, "none"),
        ("start", " Eager", "eager"),
        ("key", "str", "str"),
        ("value", dict, dict),
    ],
)
def test_settings_and_the_environment_may_hold_texts(option: str, text: object, value: object) -> None:
    made = getattr(config(**{option: text}), option)

    assert made == value
    assert type(made) is type(value)


@pytest.mark.parametrize(
    ("option", "wrong", "says"),
    [
        ("linger_ms", -1, "linger_ms=-1: must be a whole number from 0 to 2147483647"),
        ("linger_ms", True, "linger_ms=True: must be a whole number"),
        ("linger_ms", 1.5, "linger_ms=1.5: must be a whole number"),
        ("linger_ms", "soon", "linger_ms='soon': must be a whole number"),
        ("linger_ms", "9" * 5000, "must be a whole number"),
        ("linger_ms", None, "linger_ms=None: must be a whole number"),
        ("batch_size", 0, "batch_size=0: must be a whole number from 1 to"),
        ("buffer_memory", 2**63, "from 1 to 9223372036854775807"),
        ("max_in_flight_requests_per_connection", 0, "from 1 to"),
        ("acks", "most", "acks='most': must be Acks.ALL ('all', -1)"),
        ("acks", 2, "acks=2: must be"),
        ("acks", True, "acks=True: must be"),
        ("enable_idempotence", "maybe", "must be true or false"),
        ("allow_auto_create_topics", 2, "must be true or false"),
        ("compression_type", "lz", "'gzip', 'snappy', 'lz4', 'zstd'; did you mean 'lz4'?"),
        ("start", "lazzy", "must be one of 'lazy', 'background', 'eager'; did you mean 'lazy'?"),
        ("backend", 5, "must be one of 'kafka', 'memory', 'disabled'"),
        ("buffer_full", "drop", "must be one of 'block', 'raise'"),
        ("client_id", "", "1 to 255 printable"),
        ("client_id", "a\nb", "1 to 255 printable"),
        ("client_id", 5, "1 to 255 printable"),
        ("key", bool, "key=bool: has no Kafka form"),
        ("value", "uid", "value='uid': no such serializer; did you mean 'uuid'?"),
        ("partitioner", "roundrobin", "did you mean 'round_robin'?"),
        ("partitioner", "no_such_module.First", "cannot be imported"),
        ("partitioner", dict, "must be a name, or have a method partition("),
        ("partitioner", Pinned, "cannot be made without arguments"),
        ("partitioner", b"murmur2", "must be a name, or have a method partition("),
        ("partitioner", str, "must be a name, or have a method partition("),
        ("listener", object(), "listener=<object>: must be an instance"),
        ("listener", AwaitedListener(), "on_acknowledged must be a plain method, not a coroutine"),
        ("listener", "Listener", "listener='Listener': as text, must be the dotted name of a ProducerListener"),
        ("listener", "no_such_module.Listener", "cannot be imported"),
        ("listener", "dekaf.types.Headers", "must be an instance of a class that derives from ProducerListener"),
        ("listener", "tests.named_hooks.save", "must be an instance of a class that derives from ProducerListener"),
        ("listener", ["tests.named_hooks.NotingListener", object()], "must be an instance of a class"),
        ("tracer", object(), "tracer=<object>: must have the methods start("),
        ("tracer", "no_such_module.Tracer", "cannot be imported"),
        ("tracer", "tracer", "as text, must be the dotted name of a RecordTracer"),
        ("on_undelivered", "save", "as text, must be the dotted name of a function"),
        ("on_undelivered", 5, "on_undelivered=5: must be a function"),
        ("on_undelivered", save_awaiting, "must be a plain function, not a coroutine"),
        ("on_undelivered", SavesAwaiting(), "must be a plain function, not a coroutine"),
    ],
)
def test_a_wrong_value_is_refused_with_option_value_and_what_is_allowed(option: str, wrong: object, says: str) -> None:
    text = faults_of(**{option: wrong})

    assert text.startswith(f"{option}=")
    assert says in text
    assert "\n" not in text
    assert len(text) < 250


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("lingre_ms", "lingre_ms: no such option; did you mean linger_ms?"),
        ("bootstrap_server", "did you mean bootstrap_servers?"),
        ("bootstrap.servers", "no such option; write bootstrap_servers"),
        ("linger-ms", "no such option; write linger_ms"),
        ("value_serializer", "no such option; write value"),
        ("message.send.max.retries", "tried again until delivery_timeout_ms is over"),
        ("queue.buffering.max.messages", "write buffer_memory"),
        ("compression.codec", "no such option; write compression_type"),
        ("stats_cb", "see producer.status()"),
        ("on_delivery", "an argument of fire"),
        ("timeout", "write delivery_timeout_ms, request_timeout_ms"),
        ("HOST", "no such option; write bootstrap_servers"),
        ("key.serializer", "no such option; write key"),
        ("retries", "tried again until delivery_timeout_ms is over"),
        ("request.required.acks", "write acks"),
        ("xyzzy", "xyzzy: no such option"),
        ("self", "self: no such option"),
        ("transactional_id", "transactional_id: is not supported by this version of dekaf yet"),
    ],
)
def test_an_unknown_option_is_refused_with_the_nearest_name_and_without_its_value(name: str, says: str) -> None:
    text = faults_of(**{name: "s3cret"})

    assert says in text
    assert "s3cret" not in text


ADDRESSES = [
    "kafka://user:s3cret@a:9092",
    "user:s3cret@a:9092",
    "s3cret,user@a:9092",  # a password may hold a comma
    f"{'long' * 30}:s3cret@{'long' * 30}:9092",  # shortening leaves the sign out that gives it away
    f"https://user:s3cret{'x' * 200}@a:9092",
]


@pytest.mark.parametrize(
    "option", ["bootstrap_servers", "client_id", "key", "value", "partitioner", "acks", "linger_ms"]
)
@pytest.mark.parametrize("address", ADDRESSES)
def test_a_password_in_an_address_is_not_shown(option: str, address: str) -> None:
    for given_value in (address, [address], address.encode()):
        assert "s3cret" not in faults_of(**{option: given_value if option != "client_id" else f"{address}\n"})


@pytest.mark.parametrize("name", [*ADDRESSES, (ADDRESSES[0],)])
def test_a_password_in_the_place_of_a_name_is_not_shown(name: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        ProducerConfig.from_mapping({name: 1, "backend": "memory"})

    assert "s3cret" not in str(caught.value)


class Lazy:
    """What frameworks hand out before they are set up: it raises when it is looked at."""

    def __getattr__(self, name: str) -> object:
        raise RuntimeError(f"no settings yet; {name}")


@pytest.mark.parametrize("option", ["key", "value", "partitioner"])
def test_a_value_that_raises_when_it_is_looked_at_is_a_fault_of_its_option(option: str) -> None:
    """Up to Python 3.11 a protocol's isinstance looks at it; from 3.12 on it finds out without."""
    faults = faults_of(**{option: Lazy(), "linger_ms": -1})

    [fault] = [line for line in faults.splitlines() if line.startswith(f"- {option}")]
    assert "Lazy" in fault
    assert "no settings yet" not in faults


class Unlicensed:
    """A serializer that cannot be made, for reasons of its own."""

    def __init__(self) -> None:
        raise RuntimeError("no licence")

    def serialize(self, value: object, context: object) -> bytes:
        raise NotImplementedError


def test_a_serializer_that_cannot_be_made_says_why() -> None:
    assert "cannot be made without arguments: no licence" in faults_of(value=f"{__name__}.Unlicensed")


def test_a_name_that_no_text_can_hold_is_an_unknown_option() -> None:
    assert "no such option" in faults_of(**{"\ud800": 1})


def test_every_fault_has_its_line() -> None:
    text = faults_of(linger_ms=-1, batch_sise=5, acks="most")

    assert text.splitlines()[0] == "3 faults"
    assert sorted(text.splitlines()[1:]) == [
        "- acks='most': must be Acks.ALL ('all', -1), Acks.LEADER ('leader', 1) or Acks.NONE ('none', 0)",
        "- batch_sise: no such option; did you mean batch_size?",
        "- linger_ms=-1: must be a whole number from 0 to 2147483647",
    ]


@pytest.mark.mistake("Dekaf/.NET #2254", "librdkafka #3709")
@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"enable_idempotence": True, "acks": 1}, "enable_idempotence=True: needs acks='all', not 'leader'"),
        ({"acks": "none", "enable_idempotence": True}, "enable_idempotence=True: needs acks='all', not 'none'"),
        (
            {"enable_idempotence": True, "max_in_flight_requests_per_connection": 6},
            "enable_idempotence=True: needs max_in_flight_requests_per_connection of at most 5, not 6",
        ),
        ({"delivery_timeout_ms": 10_004}, "at least linger_ms + request_timeout_ms, 5 + 10000 = 10005"),
        ({"linger_ms": 115_000}, "delivery_timeout_ms=120000: must be at least"),
        ({"request_timeout_ms": 120_000}, "delivery_timeout_ms=120000: must be at least"),
        ({"produce_timeout_ms": 120_001}, "produce_timeout_ms=120001: must not exceed delivery_timeout_ms=120000"),
        ({"compression_level": 3}, "compression_level=3: compression_type 'none' has no levels"),
        ({"compression_level": 3, "compression_type": "snappy"}, "compression_type 'snappy' has no levels"),
        ({"compression_level": 10, "compression_type": "gzip"}, "must be from 1 to 9 for gzip"),
        ({"compression_level": 0, "compression_type": "lz4"}, "must be from 1 to 17 for lz4"),
        ({"compression_level": 23, "compression_type": "zstd"}, "compression_level=23: must be"),
        ({"retry_backoff_ms": 2_000}, "retry_backoff_ms=2000: must not exceed retry_backoff_max_ms=1000"),
        ({"reconnect_backoff_max_ms": 10}, "reconnect_backoff_ms=50: must not exceed reconnect_backoff_max_ms=10"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options: Mapping[str, Any], says: str) -> None:
    assert says in faults_of(**options)


def test_contradictions_are_told_together() -> None:
    text = faults_of(enable_idempotence=True, acks=1, delivery_timeout_ms=1, compression_level=1)

    assert text.startswith("3 faults\n")


@pytest.mark.parametrize(
    ("options", "idempotence"),
    [
        ({}, True),
        ({"acks": "leader"}, False),
        ({"acks": "none"}, False),
        ({"max_in_flight_requests_per_connection": 5}, True),
        ({"max_in_flight_requests_per_connection": 6}, False),
        ({"enable_idempotence": True}, True),
        ({"enable_idempotence": False}, False),
        ({"enable_idempotence": False, "acks": "leader"}, False),
    ],
)
def test_idempotence_is_on_wherever_the_other_options_allow_it(options: Mapping[str, Any], idempotence: bool) -> None:
    assert config(**options).idempotence is idempotence


@pytest.mark.parametrize(
    ("compression_type", "level"), [("gzip", 1), ("gzip", 9), ("lz4", 17), ("zstd", -131_072), ("zstd", 22)]
)
def test_a_codec_takes_its_levels(compression_type: str, level: int) -> None:
    assert config(compression_type=compression_type, compression_level=level).compression_level == level


@pytest.mark.parametrize(
    ("spec", "made"),
    [
        ("murmur2", type(None)),
        ("round_robin", RoundRobinPartitioner),
        ("Consistent_Random", ConsistentRandomPartitioner),
        (FirstPartition, FirstPartition),
        (f"{__name__}.FirstPartition", FirstPartition),
        (f"{__name__}:FIRST", FirstPartition),
        ("dekaf.partitioning.RoundRobinPartitioner", RoundRobinPartitioner),
    ],
)
def test_a_partitioner_is_made_of_its_specification(spec: Any, made: type) -> None:
    assert type(config(partitioner=spec).create_partitioner()) is made


def test_each_producer_gets_its_own_partitioner_unless_an_object_was_given() -> None:
    by_name = config(partitioner="round_robin")

    assert by_name.create_partitioner() is not by_name.create_partitioner()
    assert config(partitioner=FIRST).create_partitioner() is FIRST


def test_hooks_are_kept() -> None:
    class Listener(ProducerListener):
        pass

    def save(messages: Sequence[ProducerMessage[bytes, bytes]]) -> None:
        raise NotImplementedError

    listener = Listener()
    made = config(listener=listener, on_undelivered=save)

    assert made.listener is listener
    assert made.on_undelivered is save


class NamedListener(ProducerListener):
    pass


NAMED_LISTENER = NamedListener()


def save_named(messages: Sequence[ProducerMessage[bytes, bytes]]) -> None:
    raise NotImplementedError


def test_hooks_may_be_named_as_settings_need_it() -> None:
    by_class = config(listener=f"{__name__}.NamedListener", on_undelivered=f"{__name__}:save_named")

    assert type(by_class.listener) is NamedListener
    assert by_class.on_undelivered is save_named
    assert config(listener=f"{__name__}.NAMED_LISTENER").listener is NAMED_LISTENER
    assert type(config(listener=NamedListener).listener) is NamedListener
    assert by_class.with_options(linger_ms=1).listener is by_class.listener


def test_hooks_may_be_given_by_name_and_listeners_be_several() -> None:
    made = config(
        listener="tests.named_hooks.NotingListener, tests.named_hooks:LISTENER",
        tracer="tests.named_hooks.NotingTracer",
        on_undelivered="tests.named_hooks.save",
    )

    assert [type(listener) for listener in made.listeners] == [NotingListener, NotingListener]
    assert made.listeners[1] is LISTENER
    assert type(made.tracer) is NotingTracer
    assert made.on_undelivered is named_hooks.save
    assert config(listener="tests.named_hooks.LISTENER").listeners == (LISTENER,)
    assert config(listener=[LISTENER, NotingListener]).listeners[0] is LISTENER


def test_a_configuration_cannot_be_changed() -> None:
    made = config()

    with pytest.raises(pydantic.ValidationError):
        setattr(made, "linger_ms", 7)  # noqa: B010 - the point is that it cannot be set


def test_with_options_replaces_and_keeps_the_rest() -> None:
    made = config(linger_ms=1, batch_size=1000, key=str)

    changed = made.with_options(linger_ms=2, acks="leader")

    assert (changed.linger_ms, changed.batch_size, changed.acks, changed.key) == (2, 1000, Acks.LEADER, str)
    assert changed.bootstrap_servers == made.bootstrap_servers
    assert (made.linger_ms, made.acks) == (1, Acks.ALL)


def test_with_options_validates_again() -> None:
    with pytest.raises(ConfigurationError, match="needs acks"):
        config(enable_idempotence=True).with_options(acks="leader")


def test_equal_options_make_equal_configurations() -> None:
    assert config(linger_ms="7") == config(linger_ms=7)
    assert config(linger_ms=7) != config(linger_ms=8)


def test_a_mapping_may_be_in_upper_case() -> None:
    made = ProducerConfig.from_mapping({"BOOTSTRAP_SERVERS": SERVERS, "LINGER_MS": "7", "Acks": "1", "key": "str"})

    assert (made.bootstrap_servers, made.linger_ms, made.acks, made.key) == ((SERVERS,), 7, Acks.LEADER, "str")


def test_an_option_given_in_both_cases_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^DEKAF: linger_ms: given twice, in different case$"):
        ProducerConfig.from_mapping({"LINGER_MS": 1, "linger_ms": 1})


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ({"LINGRE_MS": 1, "backend": "memory"}, "^settings: lingre_ms: no such option; did you mean linger_ms"),
        ({5: 1}, "^settings: 5: the name of an option must be a text"),
        ({}, "^settings: bootstrap_servers: required"),
        (None, "^settings: must be a mapping of options, not NoneType"),
        ("a:9092", "^settings: must be a mapping of options, not str"),
    ],
)
def test_faults_of_a_mapping_say_where_it_comes_from(mapping: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        ProducerConfig.from_mapping(mapping, source="settings")


ANY_VALUE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.binary(max_size=5),
    st.lists(st.text(max_size=10) | st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    st.sampled_from([str, bool, object(), print, Acks.ALL, "all", "lz4", "zstd", "a:1", "true", "round_robin"]),
)
ANY_NAME = st.sampled_from([*ProducerConfig.model_fields, "LINGER_MS", "sasl_password", "self"]) | st.text(max_size=12)


def refusal_of(mapping: dict[str, Any]) -> str | None:
    try:
        made = ProducerConfig.from_mapping(mapping)
    except ConfigurationError as error:
        return str(error).removeprefix("DEKAF: ")
    assert made.with_options() == made
    return None


@given(st.dictionaries(ANY_NAME, ANY_VALUE, max_size=6), st.booleans())
def test_any_mapping_is_either_valid_or_refused_with_a_line_per_fault(
    mapping: dict[str, Any], with_servers: bool
) -> None:
    refusal = refusal_of({**mapping, "bootstrap_servers": SERVERS} if with_servers else mapping)

    if refusal is not None:
        lines = refusal.splitlines()
        faults = [line.removeprefix("- ") for line in lines[1:]] or lines
        assert all(fault.isprintable() and ": " in fault for fault in faults)
        assert len(lines) == 1 or lines[0] == f"{len(faults)} faults"


@given(st.sampled_from(sorted(ProducerConfig.model_fields)), ANY_VALUE)
def test_any_value_of_an_option_is_either_valid_or_refused_by_its_name(option: str, value: Any) -> None:
    refusal = refusal_of({"bootstrap_servers": SERVERS, option: value})

    assert refusal is None or option in refusal


@given(st.text())
def test_an_unknown_name_is_refused_by_its_name(name: str) -> None:
    refusal = refusal_of({"backend": "memory", name: "s3cret"})

    if name.lower() not in ProducerConfig.model_fields:
        assert refusal is not None
        assert name.lower()[:10] in refusal or repr(name.lower())[1:10] in refusal or "@" in name
        assert "s3cret" not in refusal


def test_a_number_too_long_to_print_is_refused() -> None:
    assert "linger_ms=" in faults_of(linger_ms=10**5000)


@pytest.mark.parametrize(
    ("given", "milliseconds"), [(None, None), ("none", None), (" None ", None), (1, 1), ("2_000", 2_000), (3.0, 3)]
)
def test_calls_may_be_told_to_wait_however_long_kafka_is_away(given: Any, milliseconds: int | None) -> None:
    config = ProducerConfig(bootstrap_servers="localhost:9092", unavailable_after_ms=given)

    assert config.unavailable_after_ms == milliseconds


@pytest.mark.parametrize("given", [0, -1, "", "never", True, 2**31])
def test_what_is_no_such_time_is_refused_by_name(given: Any) -> None:
    assert "unavailable_after_ms=" in faults_of(unavailable_after_ms=given)
    assert "or None (as text: 'none') to always wait" in faults_of(unavailable_after_ms=given)


def test_call_is_ended_by_the_records_own_life_where_that_is_shorter() -> None:
    """Only an explicit option can contradict another: the default of one must not make the other one wrong."""
    config = ProducerConfig(bootstrap_servers="localhost:9092", delivery_timeout_ms=15_000)

    assert config.produce_timeout_ms == 20_000
