"""Older brokers with SASL: the last line that is commonly run with ZooKeeper, and the last before 4.0."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer as ConfluentProducer

from dekaf import AsyncProducer, ProduceError, Producer
from tests.broker.secure_ways import WAYS, Way, way_options
from tests.certificates import Authority
from tests.conftest import running
from tests.kafka import MECHANISMS, SecureCluster, read_back
from tests.kafka.secure_listeners import LISTENERS

# From 2.2 on, brokers have SaslAuthenticate 1, which tells how long a session lasts; from 2.5 on, the flexible 2.
RELEASES = ["2.8.2", "3.9.1"]


@pytest.fixture(scope="module", params=RELEASES)
def cluster(request: pytest.FixtureRequest, authority: Authority) -> Iterator[SecureCluster]:
    chosen = [one for one in LISTENERS if one.name in {"MTLS", "SASL_PLAINTEXT", "SASL_SSL"}]
    with running(SecureCluster(version=request.param, authority=authority, listeners=chosen)) as cluster:
        yield cluster


@pytest.mark.parametrize(
    ("listener", "mechanism"), [("MTLS", ""), *[("SASL_PLAINTEXT", one) for one in MECHANISMS], ("SASL_SSL", "PLAIN")]
)
def test_librdkafka_comes_in(cluster: SecureCluster, listener: str, mechanism: str) -> None:
    topic = f"secure-{uuid.uuid4().hex[:12]}"
    cluster.create_topic(topic, partitions=1)
    client = cluster.authority.client("alice") if listener == "MTLS" else None
    login = cluster.login(listener, mechanism, client=client)

    producer = ConfluentProducer({**login.confluent_options(), "log_level": 0})
    producer.produce(topic, b"value")
    assert producer.flush(20) == 0

    assert [record.value for record in read_back(cluster.bootstrap_servers, topic, 1)] == [b"value"]


@pytest.mark.parametrize("way", [way for way in WAYS if way.listener != "SSL"], ids=lambda way: way.name)
def test_both_faces_deliver_every_way(cluster: SecureCluster, way: Way) -> None:
    topic = f"way-{way.name}"
    cluster.create_topic(topic, partitions=1)
    options = way_options(cluster, way)

    async def produce() -> None:
        async with AsyncProducer(**options) as coroutines:
            await coroutines.produce(topic, "k", "coroutines")

    asyncio.run(produce())
    with Producer(**options) as threads:
        threads.produce(topic, "k", "threads")
        assert {one.mechanism or "" for one in threads.status().connections} == {way.mechanism}

    values = [record.value for record in read_back(cluster.bootstrap_servers, topic, 2)]
    assert values == [b"coroutines", b"threads"]


def test_refusal_is_told_in_words(cluster: SecureCluster) -> None:
    """Answers of another version than today's: the refusal is read all the same."""
    way = Way("SASL_PLAINTEXT", "PLAIN")
    given = way_options(cluster, way, sasl_password="not-this-one", max_block_ms=1_000, close_timeout_ms=0)
    with Producer(**given) as producer, pytest.raises(ProduceError, match="refused the password of user 'alice'"):
        producer.produce("t", "k", "v")
