"""No server lets us in: whoever waits for a topic not yet known hears of it at once; what was accepted is not lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dekaf.errors import AuthenticationError, ProduceError
from dekaf.testing import FakeCluster, SaslAccounts
from tests.scenarios.faces import Face, Handle, MakeFace, eventually

USER = {
    "security_protocol": "SASL_PLAINTEXT",
    "sasl_mechanism": "PLAIN",
    "sasl_username": "alice",
    "reconnect_backoff_max_ms": 50,
}


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(nodes=2, topics={"t": 1}, sasl=SaslAccounts({"alice": "wonderland"})) as cluster:
        yield cluster


def refused_face(cluster: FakeCluster, make_face: MakeFace, **options: object) -> Face:
    """Return a producer with a wrong password."""
    return make_face(cluster.bootstrap_servers, **{**USER, "sasl_password": "looking-glass", **options})


def gather_errors(*handles: Handle) -> list[BaseException | None]:
    return [handle.exception(10) for handle in handles]


def test_produce_to_an_unknown_topic_fails_at_once_while_every_server_refuses(
    cluster: FakeCluster, make_face: MakeFace
) -> None:
    face = refused_face(cluster, make_face, max_block_ms=60_000, delivery_timeout_ms=120_000)

    (error,) = gather_errors(face.call("t", b"a"))  # far within its time

    assert type(error) is ProduceError
    assert (error.topic, error.is_retriable, error.may_be_persisted) == ("t", True, False)
    assert isinstance(error.__cause__, AuthenticationError)
    assert "sasl_password" in str(error)
    face.close(0)


def test_what_was_left_to_the_producer_goes_on_and_is_delivered_once_the_server_accepts_us(
    cluster: FakeCluster, make_face: MakeFace
) -> None:
    face = refused_face(cluster, make_face, max_block_ms=60_000, delivery_timeout_ms=120_000)
    told: list[object] = []
    face.fire("t", b"fired", on_delivery=lambda metadata, error: told.append((metadata, error)))
    gather_errors(face.call("t", b"called"))
    assert told == []

    cluster.accounts.set_password("alice", "looking-glass")
    eventually(lambda: told)

    assert [record.value for record in cluster.log("t")] == [b"fired"]
    face.close()


def test_one_server_that_refuses_fails_nobody(cluster: FakeCluster, make_face: MakeFace) -> None:
    cluster.stop_broker(2, elect=False)  # it refuses connections, not us
    face = refused_face(cluster, make_face, max_block_ms=60_000, delivery_timeout_ms=120_000)
    handle = face.call("t", b"a")

    with pytest.raises(TimeoutError):
        handle.result(0.5)

    face.close(0)
    assert isinstance(handle.exception(10), ProduceError)


def test_provider_that_fails_fails_nobody(cluster: FakeCluster, make_face: MakeFace) -> None:
    def fail() -> str:
        raise OSError("the vault is sealed")

    face = refused_face(cluster, make_face, sasl_password=fail, max_block_ms=60_000, delivery_timeout_ms=120_000)
    handle = face.call("t", b"a")

    with pytest.raises(TimeoutError):
        handle.result(0.5)

    face.close(0)
    assert isinstance(handle.exception(10), ProduceError)
