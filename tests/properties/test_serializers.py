"""A value that cannot be written is refused by topic, field, expected type and given type, and is never shown."""

from __future__ import annotations

import asyncio
import dataclasses
import decimal
import json
import uuid
from collections.abc import Callable
from typing import Any, Final

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dekaf.errors import SerializationError
from dekaf.producer import AsyncProducer, Producer
from dekaf.serialization import (
    AutoSerializer,
    BytesSerializer,
    DoubleSerializer,
    IntegerSerializer,
    JsonSerializer,
    LongSerializer,
    Serializer,
    StringSerializer,
    UUIDSerializer,
)
from dekaf.types import Field, SerializationContext

SECRET: Final = "s3cretW0rd"


class Order(pydantic.BaseModel):
    """A model."""

    number: int
    note: str = ""


@dataclasses.dataclass
class Event:
    """A dataclass."""

    name: object


class Opaque:
    """Nothing that any serializer knows."""

    def __repr__(self) -> str:
        return SECRET


class Shy:
    """Raises whatever is done with it."""

    def __getattr__(self, name: str) -> object:
        raise RuntimeError(SECRET)


# Each holds the secret, or a secret number, in some place.
VALUES: st.SearchStrategy[object] = st.sampled_from(
    [
        SECRET,
        SECRET.encode(),
        bytearray(SECRET.encode()),
        f"{SECRET}\ud800",
        {SECRET: 1},
        {"a": {SECRET: Opaque()}},
        {"a": f"{SECRET}\ud800"},
        {"a": SECRET.encode() + b"\xff"},
        {1: SECRET, (SECRET,): 2},
        [SECRET, {SECRET}, Opaque()],
        [float("nan"), SECRET],
        (SECRET, 1),
        {SECRET},
        Order(number=1, note=SECRET),
        Order.model_construct(number=SECRET),
        Event(SECRET),
        Event(Opaque()),
        Event(Shy()),
        Event,
        Order,
        Opaque(),
        Shy(),
        ValueError(SECRET),
        decimal.Decimal("1.5"),
        uuid.UUID(int=5),
        True,
        1.5,
        10**400,
        10**5000,
        {"a": 10**5000},
        2**63,
        2**31,
        complex(1, 2),
        SECRET.upper,
        ...,
    ]
)

SERIALIZERS: Final[dict[str, tuple[Callable[[], Serializer[Any]], str]]] = {
    "bytes": (BytesSerializer, "bytes"),
    "str": (StringSerializer, "str"),
    "long": (LongSerializer, "int"),
    "int32": (IntegerSerializer, "int"),
    "double": (DoubleSerializer, "float"),
    "uuid": (UUIDSerializer, "UUID"),
    "auto": (AutoSerializer, "bytes, str, int, UUID, dict, list, a dataclass or a pydantic model"),
    "json": (JsonSerializer, "a JSON value"),
    "json of a model": (lambda: JsonSerializer.of(Order), "Order"),
    "json of a union": (lambda: JsonSerializer.of(Order | Event), "Order"),
    "json of a dict": (lambda: JsonSerializer.of(dict[str, int]), "dict[str, int]"),
}
# What is wrong with a value of the right type.
OF_THE_RIGHT_TYPE: Final = (
    "cannot be encoded as UTF-8",
    "does not fit into",
    "is too large for a float",
    "has too many digits",
    "cannot be written as JSON",
)

serializers = pytest.mark.parametrize(("make", "expected"), SERIALIZERS.values(), ids=SERIALIZERS.keys())


@serializers
@given(VALUES, st.sampled_from(Field))
def test_value_is_written_or_refused_by_name_and_type_and_never_shown(
    make: Callable[[], Serializer[Any]], expected: str, value: object, field: Field
) -> None:
    context = SerializationContext("orders", field)
    try:
        written = make().serialize(value, context)
    except SerializationError as error:
        refusal = error
    else:
        assert type(written) is bytes
        return
    assert type(refusal) is SerializationError
    text = str(refusal)
    assert (refusal.topic, refusal.field) == ("orders", field.value)
    assert text.startswith(f"orders: the {field.value} ")
    if not any(problem in text for problem in OF_THE_RIGHT_TYPE):
        assert "must be " in text
        assert expected in text
        assert text.endswith(f", not {type(value).__name__}")
    assert SECRET not in text
    assert refusal.__cause__ is None
    assert refusal.__suppress_context__ or refusal.__context__ is None


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(codec="utf-8"), max_size=10),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), JSON, max_size=4) | st.lists(JSON, max_size=4)
)
def test_json_is_read_by_others_as_what_it_was(value: dict[str, Any] | list[Any]) -> None:
    context = SerializationContext("orders", Field.VALUE)
    try:
        written = AutoSerializer().serialize(value, context)
    except SerializationError:
        # Only what UTF-8 cannot hold.
        with pytest.raises(UnicodeEncodeError):
            json.dumps(value, ensure_ascii=False).encode()
    else:
        assert json.loads(written) == value
        assert written == JsonSerializer[Any]().serialize(value, context)


@pytest.mark.parametrize("value", [Opaque(), Shy(), {SECRET}, f"{SECRET}\ud800", {"a": {SECRET: Opaque()}}], ids=type)
def test_refusal_through_either_face_accepts_nothing(value: object) -> None:
    with Producer[Any, Any](bootstrap_servers="localhost:1") as producer:
        with pytest.raises(SerializationError) as caught:
            producer.produce("orders", None, value)
        with pytest.raises(SerializationError) as fired:
            producer.fire("orders", value, None)
        assert producer.status().buffered_bytes == producer.status().buffered_records == 0

    async def produce() -> SerializationError:
        async with AsyncProducer[Any, Any](bootstrap_servers="localhost:1") as coroutines:
            with pytest.raises(SerializationError) as awaited:
                await coroutines.produce("orders", None, value)
            assert coroutines.status().buffered_bytes == coroutines.status().buffered_records == 0
        return awaited.value

    errors = [caught.value, fired.value, asyncio.run(produce())]
    assert [error.field for error in errors] == ["value", "key", "value"]
    assert not any(SECRET in str(error) for error in errors)
