"""Values and errors in pydantic: as fields of models, as types by themselves, and where no type is known."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from datetime import datetime
from typing import Any, Literal

import pydantic
import pydantic_core
import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from dekaf.errors import NotEnoughReplicasError, ProduceError, RecordTooLargeError
from dekaf.types import (
    BrokerInfo,
    ClusterDescription,
    DrainReport,
    PartitionInfo,
    ProducerState,
    ProducerStatus,
    RecordMetadata,
)

METADATA = RecordMetadata("orders", 3, 42, 1_700_000_000_123)
METADATA_FORM = {
    "topic": "orders",
    "partition": 3,
    "offset": 42,
    "timestamp_ms": 1_700_000_000_123,
    "timestamp": "2023-11-14T22:13:20.123000+00:00",
}
FAILURE = NotEnoughReplicasError("1 of 2 replicas", topic="orders", partition=3, code=19, is_retriable=True)
FAILURE_FORM = {"type": "NotEnoughReplicasError", "message": "1 of 2 replicas", "topic": "orders", "partition": 3}
REPORT = DrainReport(delivered=7, failed=1, undelivered=0, elapsed=0.25, failures=(FAILURE,))
CLUSTER = ClusterDescription(
    cluster_id=None, controller_id=1, brokers=(BrokerInfo(node_id=1, host="kafka-1", port=9092),)
)
PARTITION = PartitionInfo(topic="orders", partition=0, leader=None)
STATUS = ProducerStatus(
    state=ProducerState.IDLE,
    buffered_records=0,
    buffered_bytes=0,
    buffer_memory=1024,
    waiting_for_space=0,
    in_flight_requests=0,
    known_brokers=0,
    connected_brokers=0,
    topics=("orders",),
    delivered_total=0,
    failed_total=0,
    unobserved_failures_total=0,
    retries_total=0,
    engine_restarts=0,
    producer_id_resets=0,
    last_error="orders: refused",
    pid=4711,
)
VALUES: list[Any] = [METADATA, FAILURE, REPORT, CLUSTER, CLUSTER.brokers[0], PARTITION, STATUS]
READ_BACK: list[Any] = [
    METADATA,
    CLUSTER,
    CLUSTER.brokers[0],
    PARTITION,
    STATUS,
    dataclasses.replace(REPORT, failures=()),
]


class Placed(BaseModel):
    """An answer with a value in it."""

    order: str
    written: RecordMetadata


PLACED = Placed(order="42", written=METADATA)


def named(value: object) -> str:
    return type(value).__name__


@pytest.mark.parametrize("value", VALUES, ids=named)
def test_a_value_is_written_as_its_dict_where_its_type_is_known(value: Any) -> None:
    adapter: TypeAdapter[object] = TypeAdapter(type(value))

    assert adapter.dump_python(value, mode="json") == value.as_dict()
    assert pydantic_core.from_json(adapter.dump_json(value)) == value.as_dict()
    assert adapter.validate_python(value) is value


@pytest.mark.parametrize("value", VALUES, ids=named)
def test_a_value_is_written_as_its_dict_where_no_type_is_known(value: Any) -> None:
    assert pydantic_core.from_json(TypeAdapter(dict[str, Any]).dump_json({"it": value})) == {"it": value.as_dict()}
    assert pydantic_core.to_jsonable_python([value]) == [value.as_dict()]


@pytest.mark.parametrize("value", VALUES, ids=named)
@pytest.mark.parametrize("mode", ["serialization", "validation"])
def test_a_value_is_described_by_a_schema_of_its_name(value: Any, mode: Literal["serialization", "validation"]) -> None:
    of_values: Any = list[type(value)]  # type: ignore[misc] # a type known at run time
    name = type(value).__name__

    schema = TypeAdapter(of_values).json_schema(mode=mode)

    assert schema["items"] == {"$ref": f"#/$defs/{name}"}
    assert schema["$defs"][name]["type"] == "object"
    assert schema["$defs"][name]["title"] == name
    assert list(schema["$defs"][name]["properties"]) == list(value.as_dict())


@pytest.mark.parametrize("value", READ_BACK, ids=named)
def test_what_was_written_is_read_back(value: Any) -> None:
    adapter: TypeAdapter[object] = TypeAdapter(type(value))

    assert adapter.validate_json(adapter.dump_json(value)) == value
    assert adapter.validate_python(value.as_dict()) == value


def test_record_metadata_is_a_field_of_a_model() -> None:
    assert PLACED.model_dump() == {"order": "42", "written": METADATA}
    assert PLACED.model_dump(mode="json") == {"order": "42", "written": METADATA_FORM}
    assert Placed.model_validate_json(PLACED.model_dump_json()) == PLACED


def test_the_timestamp_is_iso_8601_to_the_millisecond() -> None:
    assert datetime.fromisoformat(METADATA.as_dict()["timestamp"]) == METADATA.timestamp


def test_parts_are_left_out_as_for_a_model() -> None:
    assert PLACED.model_dump(mode="json", include={"written": {"offset"}}) == {"written": {"offset": 42}}
    assert "timestamp_ms" not in PLACED.model_dump(mode="json", exclude={"written": {"timestamp_ms": True}})["written"]


@pytest.mark.parametrize(
    "wrong",
    [
        "orders-3",
        {"topic": "orders"},
        {**METADATA_FORM, "offset": "first"},
        {**METADATA_FORM, "offset": 2**63},
    ],
)
def test_what_is_no_record_metadata_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(RecordMetadata).validate_python(wrong)


def test_an_error_is_not_made_of_json() -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(ProduceError).validate_python(FAILURE_FORM)


def test_outcomes_of_several_messages_are_written_together() -> None:
    outcomes: TypeAdapter[list[RecordMetadata | ProduceError]] = TypeAdapter(list[RecordMetadata | ProduceError])
    given: list[RecordMetadata | ProduceError] = [METADATA, FAILURE]

    assert outcomes.validate_python(given) == given
    assert outcomes.dump_python(given, mode="json") == [METADATA_FORM, FAILURE_FORM]


def test_a_field_of_one_kind_of_error_refuses_another() -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(RecordTooLargeError).validate_python(FAILURE)


def test_a_pydantic_dataclass_may_hold_a_value() -> None:
    @pydantic.dataclasses.dataclass
    class Answer:
        report: DrainReport

    assert TypeAdapter(Answer).dump_python(Answer(REPORT), mode="json") == {"report": REPORT.as_dict()}


def test_dicts_are_made_without_schemas() -> None:
    program = "import sys; from dekaf import RecordMetadata as r; r('o', 0, 1, 2).as_dict(); print(*sys.modules)"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "dekaf._json_schemas" not in done.stdout.split()
