"""What was told goes at once: nothing of a message is left for the garbage collector, which would cost every caller."""

from __future__ import annotations

import contextlib
import gc
import weakref
from collections import Counter
from collections.abc import Iterator

import pytest

from dekaf import ProduceError, Producer
from dekaf.testing import ApiKey, ErrorCode, FakeCluster
from tests.scenarios.faces import Face, MakeFace, eventually
from tests.scenarios.invariants import Ledger

MESSAGES = 50
PARTS = {"BatchWaits", "BlockedCall", "DeliveryFuture", "InFlightProduce", "ProducerBatch", "RecordBatchBuilder"}


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(topics={"t": 1}) as cluster:
        yield cluster


@pytest.fixture
def _no_collections() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def _left() -> Counter[str]:
    names = (type(one).__name__ for one in gc.get_objects())
    return Counter(name for name in names if name in PARTS)


@pytest.mark.usefixtures("_no_collections")
@pytest.mark.parametrize("fails", [False, True], ids=["delivered", "failed"])
def test_nothing_of_told_messages_is_left_for_the_collector(
    cluster: FakeCluster, make_face: MakeFace, *, fails: bool
) -> None:
    told: list[object] = []
    face = make_face(cluster.bootstrap_servers, linger_ms=0)
    face.produce("t", b"warm", partition=0).result(10)
    if fails:
        cluster.on(ApiKey.PRODUCE).fail_always(ErrorCode.TOPIC_AUTHORIZATION_FAILED)
    before = _left()

    for number in range(MESSAGES):
        face.produce("t", b"%d" % number, partition=0).exception(10)
        face.fire("t", b"%d" % number, partition=0, on_delivery=lambda metadata, error: told.append(error or metadata))
    eventually(lambda: len(told) == MESSAGES)
    eventually(lambda: face.status().buffered_bytes == 0)

    assert (_left() - before).total() <= 2 * len(PARTS), _left()  # of the last ones, something may still be in use


@pytest.mark.usefixtures("_no_collections")
@pytest.mark.parametrize("fails", [False, True], ids=["delivered", "failed"])
def test_nothing_of_blocking_calls_is_left_for_the_collector(cluster: FakeCluster, *, fails: bool) -> None:
    with Producer(bootstrap_servers=cluster.bootstrap_servers) as producer:
        producer.produce("t", value=b"warm")
        if fails:
            cluster.on(ApiKey.PRODUCE).fail_always(ErrorCode.TOPIC_AUTHORIZATION_FAILED)
        before = _left()

        for number in range(MESSAGES):
            with contextlib.suppress(ProduceError):
                producer.produce("t", value=b"%d" % number)

        eventually(lambda: producer.status().buffered_bytes == 0)
        assert (_left() - before).total() <= 2 * len(PARTS), _left()


@pytest.mark.usefixtures("_no_collections")
def test_nothing_of_split_messages_is_left_for_the_collector(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers, max_in_flight_requests_per_connection=1)
    ledger = Ledger(face, "t")
    ledger.produce(1)
    ledger.outcomes()
    before = _left()
    for _ in range(5):
        _refuse_a_batch_of(20, cluster, face, ledger)
        assert {outcome.error for outcome in ledger.outcomes()} == {None}
    del ledger

    refused = [attempt for attempt in cluster.attempts("t") if attempt.error_code == ErrorCode.MESSAGE_TOO_LARGE]
    assert [attempt.header and attempt.header.record_count for attempt in refused] == [20] * 5
    assert (_left() - before).total() <= 2 * len(PARTS), _left()


def _refuse_a_batch_of(count: int, cluster: FakeCluster, face: Face, ledger: Ledger) -> None:
    """Have messages fill one batch behind a request under way, and call it too large: a batch of one would fail."""
    held = cluster.on(ApiKey.PRODUCE, partition=0).hold(times=1)
    ledger.produce(1)
    cluster.wait_until(lambda: held.waiting)
    ledger.produce(count)
    eventually(lambda: face.status().buffered_records == 1 + count)
    cluster.on(ApiKey.PRODUCE, partition=0).fail(ErrorCode.MESSAGE_TOO_LARGE)
    held.release()


@pytest.mark.parametrize("deadline", [None, 10.0], ids=["", "deadline"])
def test_a_callback_that_was_called_is_not_kept(
    cluster: FakeCluster, make_face: MakeFace, deadline: float | None
) -> None:
    class Hears:
        told = 0

        def __call__(self, metadata: object, error: object) -> None:
            Hears.told += 1

    face = make_face(cluster.bootstrap_servers, linger_ms=0)
    callback = Hears()
    watched = weakref.ref(callback)
    for _ in range(3):
        face.fire("t", b"v", on_delivery=callback, deadline=deadline)
    del callback

    eventually(lambda: Hears.told == 3)
    eventually(lambda: gc.collect() >= 0 and watched() is None)
