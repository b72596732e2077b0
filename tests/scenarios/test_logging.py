"""What producers log: nothing per record, nothing of what records hold, and how each close went."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from dekaf.errors import ProduceError
from dekaf.message import ProducerMessage
from dekaf.producer import Producer
from dekaf.testing import ALWAYS, ApiKey, ErrorCode, FakeCluster
from tests.scenarios.faces import PATIENCE, MakeFace, UnexpectedError, break_engine, eventually, thread_producer

SECRET = "s3cret"
RECORDS = 300


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(nodes=2, topics={"t": 2}) as cluster:
        yield cluster


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Everything that dekaf logs, whatever the level."""
    caplog.set_level(logging.DEBUG, "dekaf")
    return caplog


def lines(log: pytest.LogCaptureFixture, said: str) -> list[tuple[int, str]]:
    return [(record.levelno, record.getMessage()) for record in log.records if said in record.getMessage()]


def produce_secrets(producer: Producer[str, str], *, partition: int | None = None) -> None:
    headers = {"token": f"{SECRET}-header"}
    for number in range(RECORDS):
        producer.fire("t", f"{SECRET}-key-{number}", f"{SECRET}-value-{number}", headers=headers, partition=partition)


def test_records_are_not_logged_whatever_becomes_of_them(cluster: FakeCluster, log: pytest.LogCaptureFixture) -> None:
    """Delivered, sent again, split, refused, given up: even at DEBUG that is a few lines per event, not per record."""
    producer = thread_producer(cluster.bootstrap_servers, key=str, value=str, batch_size=2_000)
    produce_secrets(producer)
    assert producer.flush(PATIENCE).ok
    cluster.on(ApiKey.PRODUCE).fail(ErrorCode.NOT_ENOUGH_REPLICAS, times=3)
    cluster.on(ApiKey.PRODUCE, nth=5).reset()
    cluster.on(ApiKey.PRODUCE, nth=6).fail(ErrorCode.MESSAGE_TOO_LARGE)
    produce_secrets(producer)
    assert producer.flush(PATIENCE).ok
    cluster.on(ApiKey.PRODUCE).fail(ErrorCode.INVALID_RECORD, times=ALWAYS)
    produce_secrets(producer, partition=0)
    assert producer.flush(PATIENCE).failed == RECORDS
    cluster.clear_faults()
    cluster.move_leader("t", 1, None)
    produce_secrets(producer, partition=1)
    producer.close(0.05)

    assert SECRET not in log.text
    assert len(log.records) < RECORDS / 5, log.text


def test_errors_and_the_status_show_nothing_of_a_record(cluster: FakeCluster) -> None:
    producer: Producer[str, str] = thread_producer(cluster.bootstrap_servers, key=str, value=str)
    cluster.on(ApiKey.PRODUCE).fail(ErrorCode.INVALID_RECORD, times=ALWAYS)
    headers = {"token": f"{SECRET}-header"}
    with producer, pytest.raises(ProduceError) as caught:
        producer.produce("t", f"{SECRET}-key", f"{SECRET}-value", headers=headers)

    assert SECRET not in f"{caught.value!s} {caught.value!r} {producer.status()} {producer!r}"


def test_close_that_delivered_everything_is_news(
    cluster: FakeCluster, make_face: MakeFace, log: pytest.LogCaptureFixture
) -> None:
    face = make_face(cluster.bootstrap_servers)
    face.produce("t", b"a").result(PATIENCE)
    report = face.close()
    face.close()

    ((level, line),) = lines(log, "Producer closed")
    assert level == logging.INFO
    assert line.startswith(f"Producer closed by close(): {report} (client_id ")
    assert str(report).startswith("1 delivered, 0 failed, 0 undelivered in ")


def test_close_that_gave_something_up_is_an_error(
    cluster: FakeCluster, make_face: MakeFace, log: pytest.LogCaptureFixture
) -> None:
    cluster.move_leader("t", 0, None)
    face = make_face(cluster.bootstrap_servers)
    handle = face.produce("t", b"a", partition=0)
    report = face.close(0.05)

    ((level, line),) = lines(log, "Producer closed")
    assert level == logging.ERROR
    assert line.startswith(f"Producer closed by close(): {report} (client_id ")
    assert str(report).startswith("0 delivered, 0 failed, 1 undelivered in ")
    assert isinstance(handle.exception(PATIENCE), ProduceError)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, 0),
        ({"acks": "leader"}, 1),
        ({"max_in_flight_requests_per_connection": 6}, 1),
        ({"acks": "leader", "enable_idempotence": False}, 0),
    ],
    ids=["on", "off with acks=leader", "off with 6 in flight", "switched off"],
)
def test_idempotence_that_is_off_by_itself_is_told_once(
    cluster: FakeCluster, log: pytest.LogCaptureFixture, options: dict[str, object], expected: int
) -> None:
    with thread_producer(cluster.bootstrap_servers, **options) as producer:
        producer.produce("t", None, b"a")
        asyncio.run(_produce(producer))

    assert [level for level, _ in lines(log, "Idempotence is off")] == [logging.INFO] * expected


async def _produce(producer: Producer[object, object]) -> None:
    await producer.as_async().produce("t", None, b"b")


def fail_all(cluster: FakeCluster) -> None:
    cluster.on(ApiKey.PRODUCE).fail(ErrorCode.INVALID_RECORD, times=ALWAYS)


def test_handle_that_is_dropped_does_not_take_its_failure_with_it(caplog: pytest.LogCaptureFixture) -> None:
    with FakeCluster(topics={"t": 1}) as cluster, thread_producer(cluster.bootstrap_servers) as producer:
        fail_all(cluster)

        producer.submit("t", None, b"dropped")
        eventually(lambda: producer.status().unobserved_failures_total == 1)
        eventually(lambda: "1 record(s) for topic t were not delivered" in caplog.text)


def test_handle_whose_failure_was_seen_is_not_told_again() -> None:
    with FakeCluster(topics={"t": 1}) as cluster, thread_producer(cluster.bootstrap_servers) as producer:
        fail_all(cluster)

        with pytest.raises(ProduceError):
            producer.submit("t", None, b"seen").result(10)
        heard = threading.Event()
        producer.submit("t", None, b"heard").add_done_callback(lambda _: heard.set())
        assert heard.wait(10)
        producer.flush()

        assert producer.status().failed_total == 2
        assert producer.status().unobserved_failures_total == 0


def test_records_of_a_call_whose_iterator_failed_are_counted_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    def messages() -> Iterator[ProducerMessage[None, bytes]]:
        yield ProducerMessage.create("t", None, b"1")
        yield ProducerMessage.create("t", None, b"2")
        raise UnexpectedError

    with FakeCluster(topics={"t": 1}) as cluster, thread_producer(cluster.bootstrap_servers) as producer:
        fail_all(cluster)
        with pytest.raises(UnexpectedError):
            producer.produce_all(messages())

        eventually(lambda: producer.status().unobserved_failures_total == 2)
        eventually(lambda: "record(s) for topic t were not delivered" in caplog.text)


def test_log_lines_and_threads_tell_whose_they_are(cluster: FakeCluster, caplog: pytest.LogCaptureFixture) -> None:
    called = threading.Event()
    with thread_producer(cluster.bootstrap_servers, client_id="shop %d") as producer:
        producer.fire("t", value=b"a", on_delivery=lambda _metadata, _error: called.set())
        assert called.wait(PATIENCE)
        names = {thread.name for thread in threading.enumerate()}
        fail_all(cluster)
        producer.fire("t", value=b"b")
        producer.flush()
        for broker in cluster.brokers:
            cluster.stop_broker(broker.node_id)
        eventually(lambda: "Next attempt" in caplog.text)

    assert {"dekaf-io shop %d", "dekaf-resolver shop %d", "dekaf-callbacks shop %d"} <= names
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert any("1 record(s) for topic t" in line for line in told)
    assert all(line.endswith("(client_id shop %d)") for line in told), told


def test_facts_of_a_loss_of_a_connection_and_of_the_close_are_attributes(
    cluster: FakeCluster, log: pytest.LogCaptureFixture
) -> None:
    with thread_producer(cluster.bootstrap_servers, client_id="shop") as producer:
        producer.produce("t", None, b"a")
        fail_all(cluster)
        producer.fire("t", value=b"b", partition=1)
        eventually(lambda: "were not delivered" in log.text)
        for broker in cluster.brokers:
            cluster.stop_broker(broker.node_id)
        eventually(lambda: "Next attempt" in log.text)

    lost = facts(log, "were not delivered")
    assert lost.pop("dekaf_error").endswith("Error")
    assert lost == {"dekaf_topic": "t", "dekaf_partition": 1, "dekaf_count": 1, "dekaf_client_id": "shop"}
    failed = facts(log, "Next attempt")
    assert failed["dekaf_broker"] in {broker.address for broker in cluster.brokers}
    assert (failed["dekaf_error"], failed["dekaf_client_id"]) == ("BrokerConnectionError", "shop")
    assert facts(log, "Producer closed") == {
        "dekaf_client_id": "shop",
        "dekaf_delivered": 1,
        "dekaf_failed": 1,
        "dekaf_undelivered": 0,
    }


def facts(log: pytest.LogCaptureFixture, said: str) -> dict[str, Any]:
    """Return what the first line in which something is said has as attributes."""
    record = next(record for record in log.records if said in record.getMessage())
    return {name: value for name, value in vars(record).items() if name.startswith("dekaf_")}


def facts_of(log: pytest.LogCaptureFixture, said: str) -> dict[str, object]:
    """Return the facts of the one line that says something."""
    eventually(lambda: [record for record in log.records if said in record.getMessage()])
    record = next(record for record in log.records if said in record.getMessage())
    return {name: value for name, value in vars(record).items() if name.startswith("dekaf_")}


def test_lines_about_brokers_have_them_as_facts(cluster: FakeCluster, log: pytest.LogCaptureFixture) -> None:
    with thread_producer(cluster.bootstrap_servers, client_id="shop") as producer:
        producer.produce("t", None, b"a")

    known = facts_of(log, "Connected to the broker at")
    assert known.pop("dekaf_broker") in cluster.bootstrap_servers.split(",")
    assert known == {"dekaf_client_id": "shop"}


def test_lines_about_batches_have_topic_partition_and_count(
    cluster: FakeCluster, log: pytest.LogCaptureFixture
) -> None:
    cluster.on(ApiKey.PRODUCE).fail(ErrorCode.MESSAGE_TOO_LARGE)
    with thread_producer(
        cluster.bootstrap_servers, client_id="shop", linger_ms=60_000, delivery_timeout_ms=120_000
    ) as producer:
        for _ in range(3):
            producer.fire("t", None, b"a", partition=1)
        producer.flush()

    assert facts_of(log, "it is split") == {
        "dekaf_client_id": "shop",
        "dekaf_topic": "t",
        "dekaf_partition": 1,
        "dekaf_count": 3,
    }


def test_lines_about_a_topic_made_anew_have_it(cluster: FakeCluster, log: pytest.LogCaptureFixture) -> None:
    with thread_producer(cluster.bootstrap_servers, client_id="shop", metadata_max_age_ms=50) as producer:
        producer.produce("t", None, b"a")
        cluster.delete_topic("t")
        cluster.create_topic("t", 3)

        assert facts_of(log, "was created anew") == {"dekaf_client_id": "shop", "dekaf_topic": "t"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"bootstrap_servers": "a:1", "acks": "leader"}, "Idempotence is off"),
        (
            {
                "bootstrap_servers": "a:1",
                "security_protocol": "SASL_PLAINTEXT",
                "sasl_mechanism": "PLAIN",
                "sasl_username": "shop",
                "sasl_password": SECRET,
            },
            "SASL_PLAINTEXT shows",
        ),
    ],
)
def test_lines_about_a_configuration_say_whose_it_is(
    log: pytest.LogCaptureFixture, options: dict[str, Any], said: str
) -> None:
    Producer(client_id="shop", **options).close()

    assert facts_of(log, said) == {"dekaf_client_id": "shop"}


def test_lines_about_functions_of_the_application_have_the_class_of_the_error(
    cluster: FakeCluster, log: pytest.LogCaptureFixture
) -> None:
    def fail(_messages: object) -> None:
        raise OSError("on purpose")

    cluster.on(ApiKey.PRODUCE).never_answer(times=ALWAYS)
    producer = thread_producer(cluster.bootstrap_servers, client_id="shop", on_undelivered=fail)
    producer.fire("t", None, b"a")
    producer.close(0.05)

    assert facts_of(log, "on_undelivered raised") == {"dekaf_client_id": "shop", "dekaf_error": "OSError"}


def test_death_of_the_engine_is_told_with_its_error(cluster: FakeCluster, log: pytest.LogCaptureFixture) -> None:
    with thread_producer(cluster.bootstrap_servers, client_id="shop") as producer:
        producer.produce("t", None, b"a")
        break_engine(producer, UnexpectedError)

        assert facts_of(log, "I/O thread failed unexpectedly") == {
            "dekaf_client_id": "shop",
            "dekaf_error": "UnexpectedError",
        }
