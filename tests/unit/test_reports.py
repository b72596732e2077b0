"""What a producer tells about itself and its cluster."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import typing
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from dekaf.errors import NotEnoughReplicasError, ProduceError
from dekaf.reports import (
    BrokerInfo,
    ClusterDescription,
    ConnectionSecurity,
    DrainReport,
    PartitionInfo,
    ProducerState,
    ProducerStatus,
)

FAILURE = NotEnoughReplicasError("1 of 2 replicas", topic="orders", partition=3, is_retriable=True)
REPORT = DrainReport(delivered=7, failed=1, undelivered=2, elapsed=0.25, failures=(ProduceError("refused"),))
STATUS = ProducerStatus(
    state=ProducerState.RUNNING,
    buffered_records=3,
    buffered_bytes=300,
    buffer_memory=1024,
    waiting_for_space=0,
    in_flight_requests=1,
    known_brokers=3,
    connected_brokers=1,
    topics=("orders",),
    delivered_total=10,
    failed_total=2,
    unobserved_failures_total=1,
    retries_total=4,
    engine_restarts=0,
    producer_id_resets=0,
    last_error=None,
    pid=4711,
)
BROKER = BrokerInfo(node_id=1, host="kafka-1", port=9092)
CLUSTER = ClusterDescription(cluster_id="abc", controller_id=1, brokers=(BROKER,))
PARTITION = PartitionInfo(topic="orders", partition=0, leader=None)
SECURED = ConnectionSecurity(
    broker="kafka-1:9093",
    tls_version="TLSv1.3",
    cipher="TLS_AES_256_GCM_SHA384",
    certificate_expires=datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC),
    mechanism="SCRAM-SHA-512",
    principal="alice",
)
DATACLASSES = [STATUS, BROKER, CLUSTER, PARTITION, SECURED]


@pytest.mark.parametrize(
    ("changes", "ok"),
    [({}, True), ({"failed": 1}, False), ({"undelivered": 1}, False), ({"pending": True}, False)],
)
def test_a_drain_is_ok_if_nothing_is_left_and_nothing_failed(changes: Mapping[str, Any], ok: bool) -> None:
    report = DrainReport(delivered=5, failed=0, undelivered=0, elapsed=0.1)

    assert dataclasses.replace(report, **changes).ok is ok


def test_a_drain_report_is_a_log_line() -> None:
    assert str(REPORT) == "7 delivered, 1 failed, 2 undelivered in 0.250 s"
    assert str(dataclasses.replace(REPORT, pending=True)).endswith("; closing goes on")


@pytest.mark.parametrize("value", [REPORT, *DATACLASSES])
def test_reports_and_snapshots_cannot_be_changed(value: Any) -> None:
    name = dataclasses.fields(value)[0].name

    with pytest.raises(AttributeError):
        setattr(value, name, 1)


def test_a_drain_report_survives_pickle() -> None:
    again = pickle.loads(pickle.dumps(REPORT))

    assert dataclasses.replace(again, failures=()) == dataclasses.replace(REPORT, failures=())
    assert [str(error) for error in again.failures] == ["refused"]


@pytest.mark.parametrize("value", DATACLASSES)
def test_snapshots_survive_pickle_and_copy(value: object) -> None:
    assert pickle.loads(pickle.dumps(value)) == value
    assert copy.copy(value) == value
    assert copy.deepcopy(value) == value
    assert hash(copy.copy(value)) == hash(value)


def test_snapshots_differ_in_any_part() -> None:
    assert dataclasses.replace(BROKER, port=9093) != BROKER
    assert dataclasses.replace(STATUS, pid=1) not in {STATUS}


def test_a_snapshot_shows_its_parts() -> None:
    assert repr(BROKER) == "BrokerInfo(node_id=1, host='kafka-1', port=9092, rack=None)"


def test_a_snapshot_is_made_of_keywords_only() -> None:
    made_by_position: Any = BrokerInfo

    with pytest.raises(TypeError):
        made_by_position(1, "kafka-1", 9092)


@pytest.mark.parametrize(
    ("kind", "field", "annotation"),
    [
        (DrainReport, "failures", tuple[ProduceError, ...]),
        (ProducerStatus, "last_error", str | None),
        (ProducerStatus, "topics", tuple[str, ...]),
        (ClusterDescription, "cluster_id", str | None),
        (ClusterDescription, "brokers", tuple[BrokerInfo, ...]),
        (ClusterDescription, "connections", tuple[ConnectionSecurity, ...]),
        (ConnectionSecurity, "certificate_expires", datetime | None),
        (PartitionInfo, "leader", int | None),
    ],
)
def test_annotations_say_what_the_fields_hold(kind: type, field: str, annotation: object) -> None:
    """Machine code erases them to the class: ``type`` for ``str | None``."""
    assert typing.get_type_hints(kind)[field] == annotation


def test_a_drain_report_becomes_json_with_its_failures() -> None:
    report = dataclasses.replace(REPORT, failures=(FAILURE,))

    assert json.loads(json.dumps(report.as_dict())) == {
        "delivered": 7,
        "failed": 1,
        "undelivered": 2,
        "elapsed": 0.25,
        "pending": False,
        "failures": [
            {"type": "NotEnoughReplicasError", "message": "1 of 2 replicas", "topic": "orders", "partition": 3}
        ],
        "callbacks_pending": 0,
    }


def test_a_drain_report_says_how_many_callbacks_are_pending_if_any_are() -> None:
    line = "7 delivered, 1 failed, 2 undelivered in 0.250 s"

    assert str(REPORT) == line
    assert str(dataclasses.replace(REPORT, callbacks_pending=3)) == f"{line}, 3 callbacks pending"


def test_a_status_becomes_json_with_all_its_fields() -> None:
    form = json.loads(json.dumps(dataclasses.replace(STATUS, last_error="orders-3: refused").as_dict()))

    assert list(form) == [field.name for field in dataclasses.fields(STATUS)]
    assert (form["state"], form["topics"], form["last_error"]) == ("running", ["orders"], "orders-3: refused")


def test_the_dict_of_a_status_holds_plain_types() -> None:
    assert type(STATUS.as_dict()["state"]) is str


def test_a_cluster_becomes_json_with_its_brokers() -> None:
    broker = {"node_id": 1, "host": "kafka-1", "port": 9092, "rack": None}

    assert BROKER.as_dict() == broker
    assert json.loads(json.dumps(CLUSTER.as_dict())) == {
        "cluster_id": "abc",
        "controller_id": 1,
        "brokers": [broker],
        "connections": [],
    }


@pytest.mark.parametrize("value", [STATUS, CLUSTER])
def test_status_and_cluster_become_json_with_their_connections(value: Any) -> None:
    form = json.loads(json.dumps(dataclasses.replace(value, connections=(SECURED,)).as_dict()))

    assert form["connections"] == [
        {
            "broker": "kafka-1:9093",
            "tls_version": "TLSv1.3",
            "cipher": "TLS_AES_256_GCM_SHA384",
            "certificate_expires": "2030-01-02T03:04:05+00:00",
            "mechanism": "SCRAM-SHA-512",
            "principal": "alice",
            "reauthenticates_at": None,
        }
    ]


def test_a_partition_becomes_json() -> None:
    assert PARTITION.as_dict() == {"topic": "orders", "partition": 0, "leader": None, "leader_epoch": -1}
