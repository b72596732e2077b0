"""Older brokers with SASL: the last line that is commonly run with ZooKeeper, and the last before 4.0."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer

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

    producer = Producer({**login.confluent_options(), "log_level": 0})
    producer.produce(topic, b"value")
    assert producer.flush(20) == 0

    assert [record.value for record in read_back(cluster.bootstrap_servers, topic, 1)] == [b"value"]
