"""Turn keys and values into bytes: the Serializer protocol, the built-in serializers, and the choice between them."""

from __future__ import annotations

import dataclasses
import inspect
import struct
import sys
import types
import typing
import uuid
from collections.abc import Callable
from enum import Enum
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar, runtime_checkable

from dekaf.errors import ConfigurationError, SerializationError
from dekaf.nearest_name import nearest_name
from dekaf.types import Field, Headers, SerializationContext

__all__ = (
    "AutoSerializer",
    "BytesSerializer",
    "DoubleSerializer",
    "Field",
    "Headers",
    "IntegerSerializer",
    "JsonSerializer",
    "LongSerializer",
    "SerializationContext",
    "Serializer",
    "SerializerSpec",
    "StringSerializer",
    "UUIDSerializer",
    "serializer_for",
)

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


@runtime_checkable
class Serializer(Protocol[T_contra]):
    """What turns a key or a value into bytes; any object with this method will do.

    It is called on the thread or event loop that produces, so it must not block. None never reaches it: a None key or
    value is Kafka's null.
    """

    def serialize(self, value: T_contra, context: SerializationContext, /) -> bytes:
        """Return the bytes of ``value``; any exception becomes the cause of a `SerializationError`."""
        ...


# What ``key=`` and ``value=`` take: a type, a serializer, or for settings a name.
SerializerSpec: TypeAlias = type[Any] | Serializer[Any] | str | None


class BytesSerializer:
    """Write bytes, bytearray and memoryview as they are."""

    def serialize(self, value: bytes | bytearray | memoryview, context: SerializationContext, /) -> bytes:
        """Return the same bytes."""
        if isinstance(value, bytes):
            return value
        if isinstance(value, bytearray | memoryview):
            return bytes(value)
        raise _wrong_type_error(context, "bytes", value)


class StringSerializer:
    """Write str as UTF-8."""

    def serialize(self, value: str, context: SerializationContext, /) -> bytes:
        """Return the text in UTF-8."""
        if not isinstance(value, str):
            raise _wrong_type_error(context, "str", value)
        try:
            return value.encode()
        except UnicodeEncodeError:
            # Not chained: the original error holds the text.
            raise _serialization_error(context, "cannot be encoded as UTF-8: it contains a lone surrogate") from None


class LongSerializer:
    """Write int as 8 bytes, big-endian: the Java client's LongSerializer."""

    def serialize(self, value: int, context: SerializationContext, /) -> bytes:
        """Return the 8 bytes."""
        return _pack_int(_INT64, "64", value, context)


class IntegerSerializer:
    """Write int as 4 bytes, big-endian: the Java client's IntegerSerializer."""

    def serialize(self, value: int, context: SerializationContext, /) -> bytes:
        """Return the 4 bytes."""
        return _pack_int(_INT32, "32", value, context)


class DoubleSerializer:
    """Write float as 8 bytes, IEEE 754 big-endian: the Java client's DoubleSerializer."""

    def serialize(self, value: float, context: SerializationContext, /) -> bytes:
        """Return the 8 bytes; an int is taken as the float it equals."""
        if isinstance(value, bool) or not isinstance(value, float | int):
            raise _wrong_type_error(context, "float", value)
        try:
            return _FLOAT64.pack(float(value))
        except OverflowError:
            raise _serialization_error(context, "is too large for a float") from None


class UUIDSerializer:
    """Write uuid.UUID as its 36 characters: the Java client's UUIDSerializer."""

    def serialize(self, value: uuid.UUID, context: SerializationContext, /) -> bytes:
        """Return the canonical text."""
        if not isinstance(value, uuid.UUID):
            raise _wrong_type_error(context, "UUID", value)
        return str(value).encode()


class JsonSerializer(Generic[T]):
    """Write dict, list, dataclasses, pydantic models and all they may contain as compact JSON.

    Given a type, it also checks that each value is of it: ``JsonSerializer[Order | Event]()``. Without one, whatever
    pydantic can write is accepted. Field aliases are used; NaN and infinity become null, as in pydantic.

    Args:
        by_alias: write pydantic fields under their aliases.
    """

    def __init__(self, *, by_alias: bool = True) -> None:
        from pydantic_core import to_json  # noqa: PLC0415 - takes 50 ms, which only those pay who write JSON

        self._to_json = to_json
        self._by_alias = by_alias
        self._check: Callable[[object], bool] | None = None
        self._expected = "a JSON value"

    @classmethod
    def of(cls, accepted: object) -> JsonSerializer[Any]:
        """Return a serializer that checks for a type only known at run time."""
        serializer: JsonSerializer[Any] = cls()
        serializer._accept_only(accepted)
        return serializer

    def serialize(self, value: T, context: SerializationContext, /) -> bytes:
        """Return the JSON in UTF-8."""
        check = self._check
        if check is None:
            check = self._accept_only(_type_argument(self))
        if not check(value):
            raise _wrong_type_error(context, self._expected, value)
        try:
            return self._to_json(value, by_alias=self._by_alias, inf_nan_mode="null")
        except (TypeError, ValueError) as error:
            # Not chained: pydantic quotes the value in its errors.
            raise _serialization_error(context, f"cannot be written as JSON{_reason(error)}") from None

    def _accept_only(self, accepted: object) -> Callable[[object], bool]:
        # typing tells the type argument only after __init__, hence on first use.
        self._expected = _name_of(accepted)
        self._check = check = _instance_check(accepted)
        return check


class AutoSerializer:
    """Write what needs no decision: bytes as they are, str, UUID and int as text, structured data as JSON.

    Structured data are dict, list, dataclasses and pydantic models. Anything else is refused, so that no consumer ever
    meets a representation that was chosen by accident.
    """

    def __init__(self) -> None:
        self._json: JsonSerializer[object] | None = None
        self._string = StringSerializer()

    def serialize(self, value: object, context: SerializationContext, /) -> bytes:
        """Return the bytes for the type of the value."""
        if isinstance(value, bytes):
            return value
        if isinstance(value, str):
            return self._string.serialize(value, context)
        if isinstance(value, bytearray | memoryview):
            return bytes(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return _digits(int(value), context)
        if isinstance(value, uuid.UUID):
            return str(value).encode()
        if _is_structured(value):
            if self._json is None:
                self._json = JsonSerializer()
            return self._json.serialize(value, context)
        raise _wrong_type_error(context, "bytes, str, int, UUID, dict, list, a dataclass or a pydantic model", value)


_INT32: Final = struct.Struct(">i")
_INT64: Final = struct.Struct(">q")
_FLOAT64: Final = struct.Struct(">d")

# In this order: the first row the type is, or derives from, decides.
_BY_TYPE: Final[tuple[tuple[type, Callable[[], Serializer[Any]]], ...]] = (
    (bytes, BytesSerializer),
    (bytearray, BytesSerializer),
    (memoryview, BytesSerializer),
    (str, StringSerializer),
    (int, LongSerializer),
    (float, DoubleSerializer),
    (uuid.UUID, UUIDSerializer),
)

# For settings, where everything is text.
_BY_NAME: Final[dict[str, Callable[[], Serializer[Any]]]] = {
    "auto": AutoSerializer,
    "bytes": BytesSerializer,
    "double": DoubleSerializer,
    "float": DoubleSerializer,
    "int": LongSerializer,
    "int32": IntegerSerializer,
    "int64": LongSerializer,
    "integer": IntegerSerializer,
    "json": JsonSerializer,
    "long": LongSerializer,
    "str": StringSerializer,
    "string": StringSerializer,
    "uuid": UUIDSerializer,
}


def serializer_for(spec: SerializerSpec, field: Field) -> Serializer[Any]:
    """Return the serializer that ``key=`` or ``value=`` asks for.

    Args:
        spec: a type (``str``, ``bytes``, ``int``, ``float``, ``UUID``, ``dict``, ``list``, a dataclass, a pydantic
            model), a serializer, one of the names above, the dotted name of any of these, or None for `AutoSerializer`.
        field: which of the two options it is; errors name it.

    Raises:
        ConfigurationError: nothing can be made of the specification; the message says what to write instead.
    """
    if spec is None or spec is Any or spec is object:
        return AutoSerializer()
    if isinstance(spec, str):
        return _serializer_by_name(spec, field)
    given: object = spec  # whatever the annotation says, settings hold anything
    if isinstance(given, type):
        return _serializer_for_class(given, field)
    if typing.get_origin(given) is None and isinstance(given, Serializer):
        return _checked_serializer(given, field)
    return _serializer_for_form(given, field)


def _serializer_by_name(name: str, field: Field) -> Serializer[Any]:
    made = _BY_NAME.get(name.strip().lower())
    if made is not None:
        return made()
    found = _imported(name.strip(), field)
    if isinstance(found, type) and _is_serializer_class(found):
        return _checked_serializer(_instance_of(found, name, field), field)
    if found is None or isinstance(found, str):
        raise ConfigurationError(f"{field.value}={_shown(name)}: must name a type or a serializer")
    return serializer_for(typing.cast("SerializerSpec", found), field)


def _imported(name: str, field: Field) -> object:
    module_name, _, attribute = name.replace(":", ".").rpartition(".")
    if not module_name or not all(part.isidentifier() for part in (*module_name.split("."), attribute)):
        near = nearest_name(name.lower(), _BY_NAME)
        hint = f"did you mean {near!r}?" if near else f"write one of {', '.join(_BY_NAME)}, or a dotted name"
        raise ConfigurationError(f"{field.value}={_shown(name)}: no such serializer; {hint}")
    import pkgutil  # noqa: PLC0415 - only dotted names need it

    try:
        found: object = pkgutil.resolve_name(f"{module_name}.{attribute}")
    except Exception as error:  # a module's top level may raise anything
        raise ConfigurationError(f"{field.value}={_shown(name)}: cannot be imported: {error}") from error
    return found


def _shown(name: str) -> str:
    """Return a name as errors show it. An address that got here by mistake may hold a password."""
    if "@" in name:
        return "<not shown>"
    return repr(name if len(name) <= 60 else f"{name[:57]}...")


def _instance_of(serializer_class: type, name: str, field: Field) -> Serializer[Any]:
    try:
        made: Serializer[Any] = serializer_class()
    except Exception as error:  # a user's class may raise anything
        raise ConfigurationError(
            f"{field.value}={_shown(name)}: cannot be made without arguments: {error}; name a module attribute that "
            "holds one"
        ) from error
    return made


def _serializer_for_class(spec: type, field: Field) -> Serializer[Any]:
    name = spec.__name__
    if spec is bool:
        raise ConfigurationError(f"{field.value}=bool: has no Kafka form; pass str, int or a serializer")
    if spec is type(None):
        raise ConfigurationError(f"{field.value}=None type: None is always allowed, so pass the type of the others")
    for known, made in _BY_TYPE:
        if issubclass(spec, known):
            return made()
    if _is_json_class(spec):
        return JsonSerializer.of(spec)
    if _is_serializer_class(spec):
        raise ConfigurationError(f"{field.value}={name}: is a serializer class; pass an instance, {name}()")
    raise ConfigurationError(
        f"{field.value}={name}: no built-in serializer for {name}; pass an object with a method "
        "serialize(value, context) -> bytes"
    )


def _is_json_class(spec: type) -> bool:
    return (
        issubclass(spec, (dict, list, tuple, Enum, *_models()))
        or dataclasses.is_dataclass(spec)
        or typing.is_typeddict(spec)
        or spec.__module__ in {"datetime", "decimal"}
    )


def _is_structured(value: object) -> bool:
    if isinstance(value, dict | list):
        return True
    if dataclasses.is_dataclass(value):
        return not isinstance(value, type)
    return isinstance(value, _models())


def _models() -> tuple[type, ...]:
    """Return the class of pydantic's models; none while it is not imported, because then nothing can be one."""
    found = getattr(sys.modules.get("pydantic.main"), "BaseModel", None)  # another thread may be importing it
    return (found,) if isinstance(found, type) else ()


def _is_serializer_class(spec: type) -> bool:
    # A model may well have a method of this name; it is data all the same.
    return callable(getattr(spec, "serialize", None)) and not _is_json_class(spec)


def _checked_serializer(serializer: Serializer[Any], field: Field) -> Serializer[Any]:
    if inspect.iscoroutinefunction(serializer.serialize):
        raise ConfigurationError(
            f"{field.value}={type(serializer).__name__}: serialize must be a plain method, not a coroutine; "
            "do what needs awaiting before producing"
        )
    return serializer


def _serializer_for_form(spec: object, field: Field) -> Serializer[Any]:
    """Return a serializer for ``dict[str, int]`` and the like; explain what is neither a type nor a serializer."""
    form = typing.get_origin(spec)
    if form in {typing.Union, types.UnionType}:
        members = [_name_of(member) for member in typing.get_args(spec) if member is not type(None)]
        instead = f"JsonSerializer[{' | '.join(members)}]()" if len(members) > 1 else members[0]
        raise ConfigurationError(f"{field.value}: a union cannot be used here; pass {instead} (None is always allowed)")
    if isinstance(form, type) and _is_json_class(form):
        return JsonSerializer.of(spec)
    if isinstance(form, type) and _is_serializer_class(form):
        raise ConfigurationError(f"{field.value}: {_name_of(spec)} is a class; pass an instance, {_name_of(spec)}()")
    if callable(spec):
        raise ConfigurationError(
            f"{field.value}: a function is not a serializer; pass an object with a method "
            "serialize(value, context) -> bytes"
        )
    raise ConfigurationError(
        f"{field.value}: must be a type such as str, a serializer or a dotted name, not {type(spec).__name__}"
    )


def _pack_int(form: struct.Struct, bits: str, value: object, context: SerializationContext) -> bytes:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong_type_error(context, "int", value)
    try:
        return form.pack(value)
    except struct.error:
        raise _serialization_error(context, f"does not fit into {bits} bits") from None


def _digits(value: int, context: SerializationContext) -> bytes:
    try:
        return str(value).encode()
    except ValueError:  # Python writes no more than sys.get_int_max_str_digits() of them
        raise _serialization_error(context, "has too many digits") from None


def _wrong_type_error(context: SerializationContext, expected: str, value: object) -> SerializationError:
    return _serialization_error(context, f"must be {expected}, not {type(value).__name__}")


def _serialization_error(context: SerializationContext, problem: str) -> SerializationError:
    field = context.field.value
    return SerializationError(f"the {field} {problem}", topic=context.topic, field=field)


def _type_argument(serializer: object) -> object:
    """Return X of the ``JsonSerializer[X]()`` that made this object, else Any."""
    arguments = typing.get_args(getattr(serializer, "__orig_class__", None))
    return arguments[0] if arguments and not isinstance(arguments[0], TypeVar) else Any


def _instance_check(accepted: object) -> Callable[[object], bool]:
    """Return a test of values against a type: by class where possible, because that costs next to nothing."""
    if accepted is Any or accepted is object:
        return _anything
    classes = _classes_of(accepted)
    if classes is None:
        return _strict_validation(accepted)

    def is_instance(value: object) -> bool:
        return isinstance(value, classes)

    return is_instance


def _anything(_value: object) -> bool:
    return True


def _classes_of(accepted: object) -> tuple[type, ...] | None:
    """Return the classes a value must be an instance of; None if isinstance cannot tell."""
    form = typing.get_origin(accepted)
    if form in {typing.Union, types.UnionType}:
        found: list[type] = []
        for member in typing.get_args(accepted):
            classes = _classes_of(member)
            if classes is None:
                return None
            found += classes
        return tuple(found)
    if typing.is_typeddict(accepted):
        return (dict,)
    candidate = form if isinstance(form, type) else accepted
    return (candidate,) if isinstance(candidate, type) else None


def _strict_validation(accepted: Any) -> Callable[[object], bool]:
    """Return pydantic's own test, for Literal, NewType, Annotated and the like."""
    import pydantic  # noqa: PLC0415 - takes long, and few types need it

    try:
        adapter: pydantic.TypeAdapter[object] = pydantic.TypeAdapter(accepted)
    except pydantic.PydanticUserError as error:
        raise ConfigurationError(f"JsonSerializer[{_name_of(accepted)}]: not a type pydantic can check") from error

    def is_valid(value: object) -> bool:
        try:
            adapter.validate_python(value, strict=True)
        except pydantic.ValidationError:
            return False
        return True

    return is_valid


def _name_of(accepted: object) -> str:
    return accepted.__qualname__ if isinstance(accepted, type) else str(accepted).replace("typing.", "")


# What pydantic says, and what we do.
_NO_JSON: Final = {
    "invalid utf-8": "bytes that are not UTF-8",
    "UnicodeEncodeError": "a lone surrogate",
    "Circular reference": "itself",
}


def _reason(error: Exception) -> str:
    """Return what pydantic could not write: the one part of its message that is sure to quote no value."""
    text = str(error).partition("\n")[0]
    _, found, name = text.partition("Unable to serialize unknown type: ")
    if found:
        return f": it contains {name}"
    return next((f": it contains {what}" for sign, what in _NO_JSON.items() if sign in text), "")
