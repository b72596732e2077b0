"""What was told goes at once: nothing of a message is left for the garbage collector, which would cost every caller."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator

import pytest

from dekaf.testing import ApiKey, ErrorCode, FakeCluster
from tests.concurrency.faces import MakeFace, eventually
from tests.concurrency.invariants import Ledger

MESSAGES = 50
PARTS = {"BatchWaits", "DeliveryFuture", "InFlightProduce", "PendingRequest", "ProducerBatch", "RecordBatchBuilder"}


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
def test_nothing_of_split_messages_is_left_for_the_collector(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers, linger_ms=50)
    ledger = Ledger(face, "t")
    ledger.produce(1)
    ledger.outcomes()
    before = _left()
    for _ in range(5):
        cluster.on(ApiKey.PRODUCE, partition=0).fail(ErrorCode.MESSAGE_TOO_LARGE)
        ledger.produce(20)
        assert {outcome.error for outcome in ledger.outcomes()} == {None}
    del ledger

    assert (_left() - before).total() <= 2 * len(PARTS), _left()
