"""How large compressed batches become on their way to brokers."""

from __future__ import annotations

import json
import random

import pytest

from dekaf.abc import ProducerListener
from dekaf.testing import FakeCluster, TopicSettings
from tests.scenarios.faces import MakeFace

BATCH_SIZE = 4_096
RECORDS_A_ROUND = 200


class Scale(ProducerListener):
    """Weighs batches."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def on_batch_sent(self, topic: str, partition: int, record_count: int, size_bytes: int) -> None:
        self.sizes.append(size_bytes)


def orders(count: int) -> list[bytes]:
    chance = random.Random(126)
    states = ["placed", "paid", "packed", "sent"]
    return [
        json.dumps({"id": at, "state": chance.choice(states), "total": chance.random()}).encode() for at in range(count)
    ]


@pytest.mark.parametrize("codec", ["gzip", "lz4"])
def test_compressed_batches_fill_up_to_batch_size(make_face: MakeFace, codec: str) -> None:
    scale = Scale()
    values = orders(6_000)
    with FakeCluster(topics={"t": 1}) as cluster:
        face = make_face(
            cluster.bootstrap_servers, compression_type=codec, batch_size=BATCH_SIZE, linger_ms=10_000, listener=scale
        )
        for value in values:
            face.fire("t", value, on_delivery=lambda _, __: None)
        report = face.flush(20)

        assert (report.delivered, report.failed, report.undelivered) == (6_000, 0, 0)
        assert [record.value for record in cluster.log("t")] == values
        assert cluster.violations == []
        assert face.status().buffered_bytes == 0
    assert max(scale.sizes) <= 1.1 * BATCH_SIZE
    assert all(size > 0.7 * BATCH_SIZE for size in scale.sizes[-6:-1])  # the last one was flushed


@pytest.mark.mistake("KAFKA-3995")
def test_batches_that_grew_too_large_for_the_broker_do_not_grow_so_large_again(make_face: MakeFace) -> None:
    """KAFKA-3995: batches that shrank less than estimated were larger than the broker takes."""
    scale = Scale()
    values = orders(40 * RECORDS_A_ROUND)
    refused: list[int] = []
    with FakeCluster() as cluster:
        cluster.create_topic("t", 1, TopicSettings(max_message_bytes=3_000))
        face = make_face(
            cluster.bootstrap_servers, compression_type="gzip", batch_size=BATCH_SIZE, linger_ms=10_000, listener=scale
        )
        for begin in range(0, len(values), RECORDS_A_ROUND):
            for value in values[begin : begin + RECORDS_A_ROUND]:
                face.fire("t", value, on_delivery=lambda _, __: None)
            assert face.flush(20).delivered == RECORDS_A_ROUND
            refused.append(sum(size > 3_000 for size in scale.sizes))
            scale.sizes.clear()

        assert [record.value for record in cluster.log("t")] == values
        assert cluster.violations == []
        assert face.status().failed_total == 0
    assert 1 <= sum(refused) <= 10
    assert not any(refused[-20:])
