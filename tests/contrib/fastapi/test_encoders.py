"""Dekaf's values as what endpoints return: with a response type, without one, and inside of other answers."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel

from dekaf import (
    ClusterDescription,
    DrainReport,
    NotEnoughReplicasError,
    ProduceError,
    ProducerStatus,
    RecordMetadata,
)
from dekaf.contrib.fastapi import ProducerDep, SyncProducerDep
from dekaf.testing import KafkaFixture

FAILURE = NotEnoughReplicasError("1 of 2 replicas", topic="orders", partition=3, is_retriable=True)
FAILURE_FORM = {"type": "NotEnoughReplicasError", "message": "1 of 2 replicas", "topic": "orders", "partition": 3}
REPORT = DrainReport(delivered=7, failed=1, undelivered=0, elapsed=0.25, failures=(FAILURE,))


class Placed(BaseModel):
    """An answer with a value in it."""

    order: str
    written: RecordMetadata


APP = FastAPI()


@APP.get("/annotated")
async def annotated(producer: ProducerDep) -> RecordMetadata:
    return await producer.produce("orders", "42", "paid")


@APP.get("/response-model", response_model=RecordMetadata)
def response_model(producer: SyncProducerDep) -> Any:
    return producer.produce("orders", "42", "paid")


@APP.get("/untyped")
async def untyped(producer: ProducerDep):  # type: ignore[no-untyped-def] # as many endpoints are written
    return await producer.produce("orders", "42", "paid")


@APP.get("/in-model")
async def in_model(producer: ProducerDep) -> Placed:
    return Placed(order="42", written=await producer.produce("orders", "42", "paid"))


@APP.get("/in-dict")
async def in_dict(producer: ProducerDep) -> dict[str, Any]:
    return {"written": await producer.produce("orders", "42", "paid")}


@APP.get("/offset", response_model=RecordMetadata, response_model_include={"offset"})
async def offset(producer: ProducerDep) -> Any:
    return await producer.produce("orders", "42", "paid")


@APP.get("/status")
async def status(producer: ProducerDep) -> ProducerStatus:
    return producer.status()


@APP.get("/cluster")
async def cluster(producer: ProducerDep) -> ClusterDescription:
    return await producer.check()


@APP.get("/report")
async def report() -> DrainReport:
    return REPORT


@APP.get("/outcomes")
async def outcomes() -> list[RecordMetadata | ProduceError]:
    return [RecordMetadata("orders", 0, 1, 2), FAILURE]


@APP.get("/untyped-report")
async def untyped_report():  # type: ignore[no-untyped-def] # as many endpoints are written
    return {"report": REPORT, "failure": FAILURE}


@pytest.fixture
def client() -> TestClient:
    return TestClient(APP)


def answer(client: TestClient, path: str) -> Any:
    with KafkaFixture():
        got = client.get(path)
    assert got.status_code == 200, got.text
    return got.json()


@pytest.mark.parametrize("path", ["/annotated", "/response-model", "/untyped"])
def test_an_endpoint_answers_with_record_metadata(client: TestClient, path: str) -> None:
    got = answer(client, path)

    assert list(got) == ["topic", "partition", "offset", "timestamp_ms", "timestamp"]
    assert (got["topic"], got["partition"], got["offset"]) == ("orders", 0, 0)
    assert got == RecordMetadata("orders", 0, 0, got["timestamp_ms"]).as_dict()


@pytest.mark.parametrize("path", ["/in-model", "/in-dict"])
def test_record_metadata_may_stand_inside_an_answer(client: TestClient, path: str) -> None:
    written = answer(client, path)["written"]

    assert written == RecordMetadata("orders", 0, 0, written["timestamp_ms"]).as_dict()


def test_an_endpoint_may_show_a_part(client: TestClient) -> None:
    assert answer(client, "/offset") == {"offset": 0}


def test_an_endpoint_answers_with_a_status(client: TestClient) -> None:
    got = answer(client, "/status")

    assert got["topics"] == []
    assert got["last_error"] is None


def test_an_endpoint_answers_with_a_cluster(client: TestClient) -> None:
    assert answer(client, "/cluster") == {"cluster_id": "memory", "controller_id": -1, "brokers": [], "connections": []}


def test_an_endpoint_answers_with_failures(client: TestClient) -> None:
    assert answer(client, "/report") == REPORT.as_dict()
    assert answer(client, "/report")["failures"] == [FAILURE_FORM]
    assert answer(client, "/untyped-report") == {"report": REPORT.as_dict(), "failure": FAILURE_FORM}
    assert answer(client, "/outcomes")[1] == FAILURE_FORM


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/annotated", "RecordMetadata"),
        ("/response-model", "RecordMetadata"),
        ("/status", "ProducerStatus"),
        ("/cluster", "ClusterDescription"),
        ("/report", "DrainReport"),
    ],
)
def test_openapi_describes_the_answer(client: TestClient, path: str, name: str) -> None:
    document = client.get("/openapi.json").json()

    content = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
    assert content["schema"] == {"$ref": f"#/components/schemas/{name}"}
    assert document["components"]["schemas"][name]["type"] == "object"
    written = document["components"]["schemas"]["RecordMetadata"]["properties"]
    assert written["timestamp"] == {"type": "string", "format": "date-time"}
    assert written["offset"]["type"] == "integer"
    assert set(document["components"]["schemas"]["ProduceError"]["properties"]) == set(FAILURE_FORM)
