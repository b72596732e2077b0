"""What an error says of the log is true: the documented safe retry never writes a record twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dekaf import InvalidRecordError, ProduceError, Producer
from dekaf.testing import ApiKey, ErrorCode, FakeCluster

PATIENCE = 20.0  # seconds


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(topics={"t": 1}) as cluster:
        yield cluster


def test_neighbours_of_a_refused_record_may_have_been_written_by_an_attempt_without_an_answer(
    cluster: FakeCluster,
) -> None:
    """Kafka validates a repeated batch before it looks whether it has it already."""
    with Producer(bootstrap_servers=cluster.bootstrap_servers, linger_ms=50) as producer:
        producer.produce("t", None, b"first")
        cluster.on(ApiKey.PRODUCE).close_after_append()
        cluster.on(ApiKey.PRODUCE, nth=2).fail(ErrorCode.INVALID_TIMESTAMP, record_errors={0: "too old"})
        errors: list[ProduceError | None] = []
        for value in (b"a", b"b"):
            producer.fire("t", None, value, on_delivery=lambda _, error: errors.append(error))
        report = producer.flush()

    assert report.failed == 2
    assert [type(error) for error in errors] == [InvalidRecordError, InvalidRecordError]
    assert [error.may_be_persisted for error in errors if error is not None] == [True, True]
    assert [record.value for record in cluster.log("t")] == [b"first", b"a", b"b"]


def test_broker_that_lost_a_version_does_not_undo_what_an_earlier_attempt_wrote(cluster: FakeCluster) -> None:
    with Producer(
        bootstrap_servers=cluster.bootstrap_servers, reconnect_backoff_ms=500, retry_backoff_ms=500
    ) as producer:
        producer.produce("t", None, b"first")
        cluster.on(ApiKey.PRODUCE).close_after_append()
        handle = producer.submit("t", None, b"second")
        cluster.wait_for_records("t", 2)
        cluster.broker(1).advertise({ApiKey.PRODUCE: (0, 6)})

        with pytest.raises(ProduceError) as caught:
            handle.result(PATIENCE)

    assert caught.value.may_be_persisted
