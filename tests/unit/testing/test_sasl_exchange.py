"""Other people's clients authenticate, by every mechanism."""

from __future__ import annotations

__lazy_modules__ = ("aiokafka", "aiokafka.abc", "confluent_kafka")  # from Python 3.15 on, for which there are none yet

import asyncio
import ssl
import time
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.abc import AbstractTokenProvider
from confluent_kafka import Producer as ConfluentProducer

from dekaf.testing import FakeCluster, ReceivedSaslHandshake
from tests.certificates import Authority
from tests.kafka.users import MECHANISMS, SCRAM_ONLY_USER, SCRAM_USERS
from tests.oauth import unsecured_token
from tests.peers import needs_aiokafka, needs_confluent
from tests.unit.testing.kafka_python import KafkaProducer
from tests.unit.testing.sasl import SCRAM

PATIENCE = 10.0  # seconds


def confluent(cluster: FakeCluster, mechanism: str, *, user: str = "alice", password: str = "wonder") -> dict[str, Any]:
    options: dict[str, Any] = {
        "bootstrap.servers": cluster.bootstrap_servers,
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": mechanism,
        "log_level": 0,
    }
    if mechanism == "OAUTHBEARER":
        return {**options, "oauth_cb": lambda _config: (unsecured_token(user), time.time() + 3600)}
    return {**options, "sasl.username": user, "sasl.password": password}


@needs_confluent
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_librdkafka_authenticates(sasl_cluster: FakeCluster, mechanism: str) -> None:
    producer = ConfluentProducer(confluent(sasl_cluster, mechanism))
    producer.produce("orders", b"value")

    assert producer.flush(PATIENCE) == 0

    assert [record.value for record in sasl_cluster.log("orders")] == [b"value"]
    assert {(one.mechanism, one.principal, one.authentications) for one in sasl_cluster.connections} == {
        (mechanism, "alice", 1)
    }
    assert sasl_cluster.violations == []


@needs_aiokafka
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_aiokafka_authenticates_over_tls(authority: Authority, mechanism: str) -> None:
    server = authority.server()

    class Tokens(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka has no types
        async def token(self) -> str:
            return unsecured_token("alice")

    async def produce(servers: str) -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=servers,
            security_protocol="SASL_SSL",
            ssl_context=ssl.create_default_context(cafile=str(authority.cafile)),
            sasl_mechanism=mechanism,
            sasl_plain_username="alice",
            sasl_plain_password="wonder",
            sasl_oauth_token_provider=Tokens(),
        )
        await producer.start()
        try:
            await producer.send_and_wait("orders", b"value")
        finally:
            await producer.stop()

    with FakeCluster(
        topics={"orders": 1}, sasl={"alice": "wonder"}, tls=(server.certfile, server.keyfile), host="localhost"
    ) as cluster:
        asyncio.run(produce(cluster.bootstrap_servers))

        assert [record.value for record in cluster.log("orders")] == [b"value"]
        used = cluster.connections[-1]
        assert (used.mechanism, used.principal) == (mechanism, "alice")
        assert used.tls is not None
        assert used.tls.server_name == "localhost"


@pytest.mark.parametrize("mechanism", SCRAM)
def test_kafka_python_authenticates(sasl_cluster: FakeCluster, mechanism: str) -> None:
    producer = KafkaProducer(
        bootstrap_servers=sasl_cluster.bootstrap_servers,
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism=mechanism,
        sasl_plain_username="zoe",
        sasl_plain_password=SCRAM_USERS["zoe"],
    )
    try:
        assert producer.send("orders", b"value").get(PATIENCE).offset == 0
    finally:
        producer.close()

    assert sasl_cluster.connections[-1].principal == "zoe"
    assert sasl_cluster.violations == []


@needs_confluent
def test_librdkafka_authenticates_under_a_name_that_scram_escapes(sasl_cluster: FakeCluster) -> None:
    options = confluent(sasl_cluster, "SCRAM-SHA-512", user=SCRAM_ONLY_USER, password=SCRAM_USERS[SCRAM_ONLY_USER])
    producer = ConfluentProducer(options)
    producer.produce("orders", b"value")

    assert producer.flush(PATIENCE) == 0
    assert sasl_cluster.connections[-1].principal == SCRAM_ONLY_USER


@needs_confluent
def test_librdkafka_authenticates_again_on_the_same_connection() -> None:
    with FakeCluster(topics={"orders": 1}, sasl={"alice": "wonder"}, session_lifetime_ms=1500) as cluster:
        producer = ConfluentProducer({**confluent(cluster, "SCRAM-SHA-512"), "linger.ms": 0})

        def has_authenticated_again() -> bool:
            return any(one.reauthentications for one in cluster.connections)

        while not has_authenticated_again():
            producer.produce("orders", b"value")
            assert producer.flush(PATIENCE) == 0

        assert {one.is_expired for one in cluster.connections} == {False}
        assert {one.authentications for one in cluster.connections if one.reauthentications} == {2}
        handshakes = cluster.requests(ReceivedSaslHandshake)
        assert {request.mechanism for request in handshakes} == {"SCRAM-SHA-512"}
