"""What the buffer bounds: no record larger than it, and nothing that waits for its topic beyond it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dekaf.errors import RecordTooLargeError
from dekaf.producer import ProducerOptions
from dekaf.testing import FakeCluster
from tests.scenarios.faces import (
    PATIENCE,
    MakeFace,
    eventually,
)

# Space for two records of a kilobyte with somebody who waits for each, and not for a third.
TIGHT: ProducerOptions = {"buffer_memory": 3_800, "max_request_size": 3_000}


KILOBYTE = b"." * 1_000


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(topics={"t": 1}) as cluster:
        yield cluster


def test_record_that_can_never_fit_is_refused_at_once(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers, **{**TIGHT, "max_block_ms": 60_000, "delivery_timeout_ms": 70_000})
    for size in (2_970, 5_000):  # more than a request, more than the buffer
        error = face.produce("t", b"." * size).exception(PATIENCE)
        assert isinstance(error, RecordTooLargeError)
        assert error.topic == "t"
        assert not error.may_be_persisted

    assert face.produce("t", b"." * 2_900).result(PATIENCE).offset == 0
    face.close()
    assert face.status().buffered_bytes == 0


def test_parked_records_are_bounded_by_the_buffer(make_face: MakeFace) -> None:
    with FakeCluster() as cluster:
        face = make_face(cluster.bootstrap_servers, **{**TIGHT, "max_block_ms": 1_000})
        handles = [face.produce("absent", KILOBYTE) for _ in range(2)]
        eventually(lambda: face.status().buffered_records == 2)
        # No space either, until the others are given up; and then no topic.
        late = face.produce("absent", KILOBYTE)

        for handle in (*handles, late):
            assert handle.exception(PATIENCE) is not None
        face.close()
        assert face.status().buffered_bytes == 0
