"""Dekaf's values in Django's JSON: `as_dict()` is what its encoder and its responses take."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.serializers.json import DjangoJSONEncoder
from django.http import JsonResponse

from dekaf import (
    BrokerInfo,
    ClusterDescription,
    DrainReport,
    NotEnoughReplicasError,
    PartitionInfo,
    RecordMetadata,
)
from dekaf.contrib.django import get_producer
from dekaf.testing import KafkaFixture

FAILURE = NotEnoughReplicasError("1 of 2 replicas", topic="orders", partition=3)
VALUES = [
    RecordMetadata("orders", 3, 42, 1_700_000_000_123),
    FAILURE,
    DrainReport(delivered=7, failed=1, undelivered=0, elapsed=0.25, failures=(FAILURE,)),
    ClusterDescription(cluster_id="abc", controller_id=1, brokers=(BrokerInfo(node_id=1, host="kafka-1", port=9092),)),
    PartitionInfo(topic="orders", partition=0, leader=None),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_view_answers_with_the_dict_of_a_value(value: Any) -> None:
    response = JsonResponse(value.as_dict())

    assert json.loads(response.content) == value.as_dict()


def test_a_view_answers_with_what_a_producer_says(kafka: KafkaFixture) -> None:
    producer = get_producer()
    answer = {"written": producer.produce("orders", "42", "paid").as_dict(), "producer": producer.status().as_dict()}

    form = json.loads(JsonResponse(answer).content)

    assert (form["written"]["topic"], form["written"]["offset"]) == ("orders", 0)
    assert form["producer"]["delivered_total"] == 1
    assert json.loads(json.dumps(answer, cls=DjangoJSONEncoder)) == form
