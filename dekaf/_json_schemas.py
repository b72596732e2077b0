"""What pydantic, and with it FastAPI, is told about values, errors and options: what to accept, how to write it.

Imported when pydantic asks, by the methods it asks, because nothing else here needs its library. Each schema takes the
class and its functions from the caller, which stands above this module.

Core schemas: https://docs.pydantic.dev/latest/api/pydantic_core_schema/
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, TypeAlias

from pydantic_core import CoreSchema, PydanticSerializationUnexpectedValue, SchemaSerializer, core_schema

__all__ = (
    "options_description",
    "options_schema",
    "produce_error_description",
    "produce_error_schema",
    "record_metadata_description",
    "record_metadata_schema",
    "serializer_of",
    "shown_as_text",
)

JsonSchema: TypeAlias = dict[str, Any]
Write: TypeAlias = Callable[[Any], dict[str, Any]]

_MIN_INT64: Final = -(2**63)
_MAX_INT64: Final = 2**63 - 1


class Describable(Protocol):
    """A class that pydantic can ask for its core schema."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any, /) -> CoreSchema:
        """Return how pydantic validates and writes instances."""
        ...


def record_metadata_schema(cls: type, *, write: Write, make: Callable[..., object]) -> CoreSchema:
    """Accept an instance, or the fields of one, as JSON has them; the second form of its timestamp is not read.

    Args:
        cls: The class of record metadata.
        write: What returns an instance's JSON form.
        make: What returns an instance for topic, partition, offset and timestamp_ms.
    """
    number = core_schema.int_schema(ge=_MIN_INT64, le=_MAX_INT64)
    types = {"topic": core_schema.str_schema(), "partition": number, "offset": number, "timestamp_ms": number}
    form = core_schema.typed_dict_schema({name: core_schema.typed_dict_field(type_) for name, type_ in types.items()})
    fields = core_schema.no_info_after_validator_function(lambda given: make(*[given[name] for name in types]), form)
    return core_schema.json_or_python_schema(
        json_schema=fields,
        python_schema=core_schema.union_schema([core_schema.is_instance_schema(cls), fields], mode="left_to_right"),
        ref=_reference(cls),
        serialization=_written_by(write, cls),
    )


def record_metadata_description() -> JsonSchema:
    """Return the JSON Schema of record metadata."""
    properties = {
        "topic": {"type": "string"},
        "partition": {"type": "integer"},
        "offset": {"type": "integer", "description": "-1: not known"},
        "timestamp_ms": {"type": "integer", "description": "milliseconds since 1970"},
        "timestamp": {"type": "string", "format": "date-time"},
    }
    return _object("RecordMetadata", "Where a delivered record landed.", properties)


def produce_error_schema(cls: type, *, write: Write) -> CoreSchema:
    """Accept instances only: what JSON has of an error is too little to make one of it.

    Args:
        cls: The class of the errors.
        write: What returns an error's JSON form.
    """
    return core_schema.is_instance_schema(cls, ref=_reference(cls), serialization=_written_by(write, cls))


def produce_error_description(name: str) -> JsonSchema:
    """Return the JSON Schema of an error of this name."""
    properties = {
        "type": {"type": "string"},
        "message": {"type": "string"},
        "topic": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "partition": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    }
    return _object(name, "One message was not, or not certainly, written.", properties)


def options_schema(cls: type, *, write: Write) -> CoreSchema:
    """Accept an instance, or the options of one by name.

    Args:
        cls: The class of the options, which its own checks make of keywords.
        write: What returns an instance's options by name.
    """
    names = core_schema.dict_schema(core_schema.str_schema(), core_schema.any_schema())
    options = core_schema.no_info_after_validator_function(lambda given: cls(**given), names)
    return core_schema.json_or_python_schema(
        json_schema=options,
        python_schema=core_schema.union_schema([core_schema.is_instance_schema(cls), options], mode="left_to_right"),
        ref=_reference(cls),
        serialization=_written_by(write, cls),
    )


def options_description(name: str, descriptions: Mapping[str, str]) -> JsonSchema:
    """Return the JSON Schema of a class of options, given what each of them is."""
    properties = {option: {"description": text} for option, text in descriptions.items()}
    return {"title": name, "type": "object", "properties": properties, "additionalProperties": False}


@functools.cache
def serializer_of(cls: Describable) -> SchemaSerializer:
    """Return what writes instances where pydantic knows no type, as in ``dict[str, Any]``."""
    return SchemaSerializer(cls.__get_pydantic_core_schema__(cls, None))


@functools.cache
def shown_as_text(cls: type) -> SchemaSerializer:
    """Return what writes instances as ``str`` shows them, where pydantic knows no type."""
    written = core_schema.to_string_ser_schema(when_used="json")
    return SchemaSerializer(core_schema.is_instance_schema(cls, serialization=written))


def _written_by(write: Write, cls: type) -> core_schema.PlainSerializerFunctionSerSchema:
    """Have JSON written by a function; ``model_dump()`` keeps the object, as it keeps a datetime."""

    def written(value: object, info: core_schema.SerializationInfo) -> dict[str, object]:
        if not isinstance(value, cls):
            raise PydanticSerializationUnexpectedValue(
                f"not a {cls.__name__}"
            )  # another member of a union will write it
        include, exclude = info.include, info.exclude or ()  # FastAPI's response_model_include, and so on
        form = write(value)
        return {name: form[name] for name in form if (include is None or name in include) and name not in exclude}

    return core_schema.plain_serializer_function_ser_schema(written, info_arg=True, when_used="json")


def _reference(cls: type) -> str:
    """Return a name for the schema, in the form of pydantic's own, which makes it a component in OpenAPI."""
    return f"{cls.__module__}.{cls.__qualname__}:{id(cls)}"


def _object(title: str, description: str, properties: dict[str, Any]) -> JsonSchema:
    return {
        "title": title,
        "description": description,
        "type": "object",
        "properties": properties,
        "required": list(properties),
    }
