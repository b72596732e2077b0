"""How keys and values become bytes, and what is said when they cannot."""

from __future__ import annotations

import json
import struct
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Any, Literal, NewType, TypedDict

import pydantic
import pytest

from dekaf.errors import ConfigurationError, SerializationError
from dekaf.serialization import (
    AutoSerializer,
    BytesSerializer,
    DoubleSerializer,
    Field,
    IntegerSerializer,
    JsonSerializer,
    LongSerializer,
    SerializationContext,
    Serializer,
    StringSerializer,
    UUIDSerializer,
    serializer_for,
)

CONTEXT = SerializationContext("orders", Field.VALUE)
SOME_UUID = uuid.UUID("12345678-1234-5678-1234-567812345678")
CIRCULAR: dict[str, object] = {}
CIRCULAR["s3cret"] = CIRCULAR


class Order(pydantic.BaseModel):
    number: int
    paid_at: datetime | None = pydantic.Field(None, alias="paidAt")

    def serialize(self) -> bytes:
        return b"a model may have a method of this name"


@dataclass
class Event:
    name: str


class Payload(TypedDict):
    name: str


class Colour(StrEnum):
    RED = "red"


class Priority(IntEnum):
    HIGH = 2


class Shade(Enum):
    DARK = "dark"


class Money:
    """A class nothing is known about."""


class MoneySerializer:
    """A serializer of a user's own."""

    def serialize(self, value: Money, context: SerializationContext, /) -> bytes:
        return f"{context.topic}/{context.field.value}".encode()


class PickySerializer(MoneySerializer):
    """A serializer that cannot be made from its name."""

    def __init__(self, scale: int) -> None:
        self.scale = scale


class SlowSerializer:
    """Written for an event loop by mistake."""

    async def serialize(self, value: str, context: SerializationContext, /) -> bytes:
        return value.encode()


MONEY_SERIALIZER = MoneySerializer()
NOTHING = None
TEXT = "str"
Cents = NewType("Cents", int)
Unwritable = NewType("Unwritable", Money)


@pytest.mark.parametrize(
    ("serializer", "value", "expected"),
    [
        (BytesSerializer(), b"\x00\xff", b"\x00\xff"),
        (BytesSerializer(), bytearray(b"ab"), b"ab"),
        (BytesSerializer(), memoryview(b"abcd")[::2], b"ac"),
        (StringSerializer(), "grün", "grün".encode()),
        (StringSerializer(), Colour.RED, b"red"),
        (LongSerializer(), -2, b"\xff\xff\xff\xff\xff\xff\xff\xfe"),
        (LongSerializer(), 2**63 - 1, b"\x7f" + b"\xff" * 7),
        (IntegerSerializer(), 258, b"\x00\x00\x01\x02"),
        (DoubleSerializer(), 1.5, struct.pack(">d", 1.5)),
        (DoubleSerializer(), 2, struct.pack(">d", 2.0)),
        (UUIDSerializer(), SOME_UUID, b"12345678-1234-5678-1234-567812345678"),
        (JsonSerializer[Any](), {"a": [1, None, "ü"]}, '{"a":[1,null,"ü"]}'.encode()),
        (JsonSerializer[Any](), Event("paid"), b'{"name":"paid"}'),
        (JsonSerializer[Any](), {"nan": float("nan")}, b'{"nan":null}'),
        (JsonSerializer[Any](), [Decimal("1.10"), SOME_UUID, Shade.DARK], f'["1.10","{SOME_UUID}","dark"]'.encode()),
        (AutoSerializer(), b"raw", b"raw"),
        (AutoSerializer(), bytearray(b"raw"), b"raw"),
        (AutoSerializer(), "text", b"text"),
        (AutoSerializer(), 42, b"42"),
        (AutoSerializer(), Priority.HIGH, b"2"),
        (AutoSerializer(), SOME_UUID, str(SOME_UUID).encode()),
        (AutoSerializer(), {"a": 1}, b'{"a":1}'),
        (AutoSerializer(), [1, 2], b"[1,2]"),
        (AutoSerializer(), Event("paid"), b'{"name":"paid"}'),
    ],
)
def test_values_become_these_bytes(serializer: Serializer[Any], value: object, expected: bytes) -> None:
    written = serializer.serialize(value, CONTEXT)

    assert written == expected
    assert type(written) is bytes


def test_a_model_is_written_under_its_aliases_unless_told_otherwise() -> None:
    order = Order(number=1, paidAt=datetime(2026, 1, 1, tzinfo=UTC))

    assert json.loads(JsonSerializer[Order]().serialize(order, CONTEXT)) == {
        "number": 1,
        "paidAt": "2026-01-01T00:00:00Z",
    }
    assert "paid_at" in json.loads(JsonSerializer[Order](by_alias=False).serialize(order, CONTEXT))


@pytest.mark.parametrize(
    ("serializer", "value", "says"),
    [
        (BytesSerializer(), "s3cret", "must be bytes, not str"),
        (StringSerializer(), b"s3cret", "must be str, not bytes"),
        (StringSerializer(), "s3cret\ud800", "cannot be encoded as UTF-8"),
        (LongSerializer(), True, "must be int, not bool"),
        (LongSerializer(), "5", "must be int, not str"),
        (LongSerializer(), 2**63, "does not fit into 64 bits"),
        (IntegerSerializer(), -(2**31) - 1, "does not fit into 32 bits"),
        (DoubleSerializer(), True, "must be float, not bool"),
        (DoubleSerializer(), "1.5", "must be float, not str"),
        (DoubleSerializer(), 10**400, "too large"),
        (UUIDSerializer(), str(SOME_UUID), "must be UUID, not str"),
        (JsonSerializer[Any](), {"s3cret": Money()}, "cannot be written as JSON: it contains .*Money"),
        (JsonSerializer[Any](), {"s3cret": b"\xff"}, "cannot be written as JSON: it contains bytes that are not UTF-8"),
        (JsonSerializer[Any](), {b"\xffs3cret": 1}, "cannot be written as JSON: it contains bytes that are not UTF-8"),
        (JsonSerializer[Any](), {"s3cret": "\ud800"}, "cannot be written as JSON: it contains a lone surrogate"),
        (JsonSerializer[Any](), CIRCULAR, "cannot be written as JSON: it contains itself"),
        (JsonSerializer[Order](), {"number": "s3cret"}, "must be Order, not dict"),
        (JsonSerializer[Order | Event](), "s3cret", "must be .*Order | .*Event, not str"),
        (JsonSerializer[dict[str, int]](), ["s3cret"], r"must be dict\[str, int\], not list"),
        (JsonSerializer[Literal["a", "b"]](), "s3cret", r"must be Literal\['a', 'b'\], not str"),
        (AutoSerializer(), True, "not bool"),
        (AutoSerializer(), 1.5, "not float"),
        (AutoSerializer(), Money(), "not Money"),
        (AutoSerializer(), Event, "not type"),
        (AutoSerializer(), {1, 2}, "not set"),
    ],
)
def test_what_cannot_be_written_is_refused_without_showing_it(
    serializer: Serializer[Any], value: object, says: str
) -> None:
    with pytest.raises(SerializationError, match=says) as caught:
        serializer.serialize(value, CONTEXT)

    error = caught.value
    assert str(error).startswith("orders: the value ")
    assert (error.topic, error.field) == ("orders", "value")
    assert not error.is_retriable
    assert not error.may_be_persisted
    assert "s3cret" not in str(error)
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None


def test_errors_about_a_key_say_so() -> None:
    with pytest.raises(SerializationError, match="orders: the key must be str") as caught:
        StringSerializer().serialize(1, SerializationContext("orders", Field.KEY))  # type: ignore[arg-type]  # on purpose

    assert caught.value.field == "key"


@pytest.mark.parametrize(
    ("serializer", "value"),
    [
        (JsonSerializer[Order | Event](), Event("paid")),
        (JsonSerializer[Order | dict[str, int]](), {"a": 1}),
        (JsonSerializer[Payload](), {"name": "paid"}),
        (JsonSerializer[Literal["a", "b"]](), "a"),
        (JsonSerializer[Cents](), 5),
        (JsonSerializer[object](), [1]),
        (JsonSerializer(), [1]),
    ],
)
def test_a_json_serializer_accepts_the_types_it_was_given(serializer: JsonSerializer[Any], value: object) -> None:
    assert json.loads(serializer.serialize(value, CONTEXT)) is not None


def test_a_json_serializer_of_an_impossible_type_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="JsonSerializer"):
        JsonSerializer[Unwritable]().serialize(Unwritable(Money()), CONTEXT)


@pytest.mark.parametrize(
    ("spec", "made"),
    [
        (None, AutoSerializer),
        (Any, AutoSerializer),
        (object, AutoSerializer),
        (bytes, BytesSerializer),
        (bytearray, BytesSerializer),
        (memoryview, BytesSerializer),
        (str, StringSerializer),
        (Colour, StringSerializer),
        (int, LongSerializer),
        (Priority, LongSerializer),
        (float, DoubleSerializer),
        (uuid.UUID, UUIDSerializer),
        (dict, JsonSerializer),
        (list, JsonSerializer),
        (Order, JsonSerializer),
        (Event, JsonSerializer),
        (Payload, JsonSerializer),
        (Shade, JsonSerializer),
        (datetime, JsonSerializer),
        (dict[str, int], JsonSerializer),
        (list[Order], JsonSerializer),
        (MONEY_SERIALIZER, MoneySerializer),
        (JsonSerializer[Order | Event](), JsonSerializer),
        ("str", StringSerializer),
        (" String ", StringSerializer),
        ("bytes", BytesSerializer),
        ("int", LongSerializer),
        ("int32", IntegerSerializer),
        ("float", DoubleSerializer),
        ("uuid", UUIDSerializer),
        ("json", JsonSerializer),
        ("auto", AutoSerializer),
        ("uuid.UUID", UUIDSerializer),
        (f"{__name__}.Order", JsonSerializer),
        (f"{__name__}:Order", JsonSerializer),
        (f"{__name__}.MoneySerializer", MoneySerializer),
        (f"{__name__}.MONEY_SERIALIZER", MoneySerializer),
        ("dekaf.serialization.IntegerSerializer", IntegerSerializer),
    ],
)
def test_a_specification_chooses_its_serializer(spec: Any, made: type) -> None:
    assert type(serializer_for(spec, Field.KEY)) is made


def test_a_serializer_of_the_users_is_used_as_it_is() -> None:
    chosen = serializer_for(MONEY_SERIALIZER, Field.KEY)

    assert chosen is MONEY_SERIALIZER
    assert chosen.serialize(Money(), SerializationContext("orders", Field.KEY)) == b"orders/key"


@pytest.mark.parametrize(
    ("spec", "wrong"),
    [(Order, Event("paid")), (Event, {"name": "paid"}), (dict, [1]), (list[Order], {}), (Payload, [])],
)
def test_a_serializer_made_of_a_type_refuses_other_types(spec: Any, wrong: object) -> None:
    with pytest.raises(SerializationError):
        serializer_for(spec, Field.VALUE).serialize(wrong, CONTEXT)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (bool, "value=bool: has no Kafka form; pass str, int or a serializer"),
        (type(None), "value.*None is always allowed"),
        (Money, r"value=Money: .*serialize\(value, context\) -> bytes"),
        (set, "value=set"),
        (MoneySerializer, r"value=MoneySerializer: .*MoneySerializer\(\)"),
        (JsonSerializer[Order], r"value: .*JsonSerializer\[.*Order\]\(\)"),
        (SlowSerializer(), "value=SlowSerializer: serialize must be a plain method"),
        (Order | None, r"value: a union.*pass Order \("),
        (Order | Event, r"value: a union.*JsonSerializer\[Order \| Event\]\(\)"),
        (json.dumps, "value: a function is not a serializer"),
        (5, "value: must be a type such as str.*not int"),
        ("uid", "value='uid': no such serializer; did you mean 'uuid'"),
        ("", "value='': no such serializer; write one of"),
        ("...", "value='...': no such serializer"),
        (".relative.Order", "no such serializer"),
        ("no_such_module.Order", "value='no_such_module.Order': cannot be imported"),
        ("uuid.NoSuchClass", "cannot be imported"),
        (f"{__name__}.NOTHING", "must name a type or a serializer"),
        (f"{__name__}.TEXT", "must name a type or a serializer"),
        (f"{__name__}.PickySerializer", "cannot be made without arguments"),
    ],
)
def test_a_wrong_specification_is_refused_with_what_to_write_instead(spec: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        serializer_for(spec, Field.VALUE)


def test_a_wrong_key_specification_names_the_option_key() -> None:
    with pytest.raises(ConfigurationError, match=r"^key=bool"):
        serializer_for(bool, Field.KEY)


@pytest.mark.parametrize("make", [BytesSerializer, StringSerializer, LongSerializer, AutoSerializer, JsonSerializer])
def test_built_in_serializers_satisfy_the_protocol(make: Callable[[], object]) -> None:
    assert isinstance(make(), Serializer)
