"""Flushing: what it waits for, and what its report says."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from dekaf.errors import InvalidRecordError
from dekaf.testing import ApiKey, ErrorCode, FakeCluster
from dekaf.types import FlushTimeoutError
from tests.scenarios.faces import (
    PATIENCE,
    MakeFace,
)

SLACK = 3.0  # seconds that a close may take beyond its timeout on a busy machine


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(nodes=2, topics={"t": 2}) as cluster:
        yield cluster


@pytest.mark.mistake("librdkafka #3489")
def test_flush_does_not_wait_for_linger(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers, linger_ms=15_000, delivery_timeout_ms=30_000)
    face.fire("t", b"warm", partition=0, on_delivery=lambda _, __: None)
    face.flush(PATIENCE)
    face.fire("t", b"a", partition=0, on_delivery=lambda _, __: None)

    started = time.monotonic()
    face.flush(PATIENCE)

    assert time.monotonic() - started < SLACK
    assert len(cluster.log("t")) == 2


def test_flush_includes_parked_records(make_face: MakeFace) -> None:
    with FakeCluster() as cluster:
        face = make_face(cluster.bootstrap_servers, linger_ms=15_000, delivery_timeout_ms=30_000)
        face.fire("late", b"a", on_delivery=lambda _, __: None)
        creating = threading.Timer(0.05, lambda: cluster.create_topic("late", 1))
        creating.start()

        face.flush(PATIENCE)

        assert len(cluster.log("late")) == 1


def test_flush_that_runs_out_of_time_says_how_far_it_came(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers)
    held = cluster.on(ApiKey.PRODUCE, partition=0).hold(times=1)
    handle = face.produce("t", b"a", partition=0)
    face.produce("t", b"b", partition=1).result(PATIENCE)

    with pytest.raises(FlushTimeoutError) as caught:
        face.flush(0.05)
    held.release()

    assert caught.value.report.undelivered == 1
    assert handle.result(PATIENCE).has_offset


def test_flush_reports_the_failures_since_the_last_one(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers)
    cluster.on(ApiKey.PRODUCE, partition=0).fail(ErrorCode.INVALID_RECORD)
    for _ in range(20):
        # Each time the report is asked for at the very moment the failure is told.
        cluster.on(ApiKey.PRODUCE, partition=0).fail(ErrorCode.INVALID_RECORD)
        face.fire("t", b"bad", partition=0, on_delivery=lambda _, __: None)
        report = face.flush(PATIENCE)
        assert (report.failed, report.undelivered) == (1, 0)
        assert isinstance(report.failures[0], InvalidRecordError)
    cluster.clear_faults()

    face.fire("t", b"good", partition=1, on_delivery=lambda _, __: None)
    report = face.flush(PATIENCE)
    assert report.ok
    assert report.delivered == 1
