"""A moment of the soak that `make soak` keeps up for minutes: all is delivered, and the process looked at."""

from __future__ import annotations

import pytest

from tests.kafka import KafkaCluster
from tests.soak.campaign import can_look, soak
from tests.soak.figures import Sample

LOOKS = 10


@pytest.mark.skipif(not can_look(), reason="this system does not tell what a process takes")
def test_soak_delivers_everything_and_sees_what_the_process_takes(kafka_cluster: KafkaCluster) -> None:
    heard: list[Sample] = []

    samples, problems = soak(kafka_cluster, 6.0, looks=LOOKS, tell=heard.append)

    assert problems == []
    assert samples == heard
    assert len(samples) == LOOKS
    for sample in samples:
        assert sample.memory_mib > 1
        assert sample.descriptors > 3
        assert sample.threads > 4
    assert samples[-1].delivered > 0
    assert any(sample.p99_ms >= sample.p50_ms > 0 for sample in samples)
