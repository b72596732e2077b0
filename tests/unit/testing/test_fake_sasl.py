"""The fake cluster demands authentication, and other people's clients go through it."""

from __future__ import annotations

__lazy_modules__ = ("aiokafka", "aiokafka.abc", "confluent_kafka")  # from Python 3.15 on, for which there are none yet

import asyncio
import ssl
import time
from collections.abc import Iterator
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.abc import AbstractTokenProvider
from confluent_kafka import Producer as ConfluentProducer

from dekaf._protocol.api import ApiKey
from dekaf._protocol.error_codes import ErrorCode
from dekaf._protocol.sasl_authenticate import SaslAuthenticateResponse
from dekaf.errors import ConfigurationError
from dekaf.testing import (
    AcceptedToken,
    FakeCluster,
    ReceivedProduce,
    ReceivedSaslAuthenticate,
    ReceivedSaslHandshake,
    SaslAccounts,
    SaslFault,
)
from tests.certificates import Authority
from tests.kafka.sasl_probe import SaslProbe, scram_proof
from tests.kafka.users import MECHANISMS, SCRAM_ONLY_USER, SCRAM_USERS
from tests.oauth import unsecured_token
from tests.peers import needs_aiokafka, needs_confluent
from tests.unit.testing.kafka_python import KafkaProducer
from tests.unit.testing.raw_client import RawClient

PATIENCE = 10.0  # seconds
ALICE = b"\0alice\0wonder"
SCRAM = [one for one in MECHANISMS if one.startswith("SCRAM")]


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(topics={"orders": 1}, sasl={**SCRAM_USERS, "alice": "wonder"}) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def probe(cluster: FakeCluster) -> SaslProbe:
    return SaslProbe(cluster.broker(1).port)


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


# Other people's clients.


@needs_confluent
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_librdkafka_authenticates(cluster: FakeCluster, mechanism: str) -> None:
    producer = ConfluentProducer(confluent(cluster, mechanism))
    producer.produce("orders", b"value")

    assert producer.flush(PATIENCE) == 0

    assert [record.value for record in cluster.log("orders")] == [b"value"]
    assert {(one.mechanism, one.principal, one.authentications) for one in cluster.connections} == {
        (mechanism, "alice", 1)
    }
    assert cluster.violations == []


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
def test_kafka_python_authenticates(cluster: FakeCluster, mechanism: str) -> None:
    producer = KafkaProducer(
        bootstrap_servers=cluster.bootstrap_servers,
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism=mechanism,
        sasl_plain_username="zoe",
        sasl_plain_password=SCRAM_USERS["zoe"],
    )
    try:
        assert producer.send("orders", b"value").get(PATIENCE).offset == 0
    finally:
        producer.close()

    assert cluster.connections[-1].principal == "zoe"
    assert cluster.violations == []


@needs_confluent
def test_librdkafka_authenticates_under_a_name_that_scram_escapes(cluster: FakeCluster) -> None:
    options = confluent(cluster, "SCRAM-SHA-512", user=SCRAM_ONLY_USER, password=SCRAM_USERS[SCRAM_ONLY_USER])
    producer = ConfluentProducer(options)
    producer.produce("orders", b"value")

    assert producer.flush(PATIENCE) == 0
    assert cluster.connections[-1].principal == SCRAM_ONLY_USER


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


# Who is let in.


def test_a_password_can_be_changed_and_withdrawn(cluster: FakeCluster) -> None:
    cluster.accounts.set_password("alice", "glass")
    for mechanism in SCRAM:
        with probe(cluster) as client:
            assert not client.log_in_with_scram(mechanism, "alice", "wonder")
        with probe(cluster) as client:
            assert client.log_in_with_scram(mechanism, "alice", "glass")

    cluster.accounts.remove("alice")
    with probe(cluster) as client:
        assert not client.log_in_with_scram("SCRAM-SHA-256", "alice", "glass")
    assert [one.refusals for one in cluster.connections] == [1, 0, 1, 0, 1]


def test_a_fresh_password_is_refused_for_a_while(cluster: FakeCluster) -> None:
    cluster.accounts.set_password("carol", "fresh", usable_after=60)
    with probe(cluster) as client:
        answer = client.log_in("PLAIN", b"\0carol\0fresh")
    assert answer is not None
    assert answer.error_code == ErrorCode.SASL_AUTHENTICATION_FAILED

    cluster.accounts.set_password("carol", "fresh", usable_after=0)
    with probe(cluster) as client:
        assert client.log_in("PLAIN", b"\0carol\0fresh") == (0, "", b"", 0)


def test_tokens_are_judged_by_the_test() -> None:
    accounts = SaslAccounts(
        accept_token=lambda token: AcceptedToken(principal="shop", lifetime_ms=700) if token == "good" else None
    )
    with FakeCluster(sasl=accounts) as cluster:
        with probe(cluster) as client:
            assert client.log_in("OAUTHBEARER", b"n,,\x01auth=Bearer good\x01logicalCluster=lkc-1\x01\x01") == (
                0,
                "",
                b"",
                700,
            )
        with probe(cluster) as client:
            answer = client.log_in("OAUTHBEARER", b"n,,\x01auth=Bearer bad\x01\x01")
            assert answer is not None
            assert answer.auth_bytes == b'{"status":"invalid_token"}'

        first, second = cluster.connections
        assert (first.principal, first.extensions) == ("shop", {"logicalCluster": "lkc-1"})
        assert (second.principal, second.authentications) == (None, 0)


def test_the_life_of_a_session_can_be_changed(cluster: FakeCluster) -> None:
    cluster.limit_sessions(250)

    with probe(cluster) as client:
        answer = client.log_in("PLAIN", ALICE)

    assert answer is not None
    assert answer.session_lifetime_ms == 250


def test_a_session_that_has_ended_is_told_from_other_connections(cluster: FakeCluster) -> None:
    cluster.limit_sessions(1)
    with probe(cluster) as client:
        client.log_in("PLAIN", ALICE)
        while client.is_served():
            pass  # a millisecond is soon over

    cluster.wait_until(lambda: not cluster.connections[0].is_open)
    assert cluster.connections[0].is_expired
    assert cluster.violations == []


def test_what_comes_out_of_turn_is_a_violation(cluster: FakeCluster) -> None:
    with probe(cluster) as client:
        assert not client.is_served()

    assert cluster.violations == ["API 3 came although ApiVersions or SaslHandshake may come"]
    assert cluster.requests(ReceivedProduce) == []


def test_passwords_are_in_no_repr(cluster: FakeCluster) -> None:
    with probe(cluster) as client:
        client.log_in("PLAIN", ALICE)

    (request,) = cluster.requests(ReceivedSaslAuthenticate)
    assert request.auth_bytes == ALICE
    shown = repr(request) + repr(cluster.connections) + repr(cluster.accounts) + repr(cluster.accounts.__dict__)
    assert "wonder" not in shown


def test_a_mechanism_that_is_not_served_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="GSSAPI"):
        SaslAccounts(mechanisms=["GSSAPI"])


def test_a_cluster_without_sasl_has_no_accounts() -> None:
    with FakeCluster() as cluster, pytest.raises(ConfigurationError, match="sasl="):
        cluster.accounts.remove("alice")


@pytest.mark.parametrize(("release", "highest"), [("2.1", 0), ("2.4", 1), ("2.8", 2), ("4.3", 2)])
def test_releases_advertise_the_apis_of_sasl(release: str, highest: int) -> None:
    with FakeCluster(kafka=release) as cluster, probe(cluster) as client:
        listed = client.api_versions()

    assert listed is not None
    assert listed[ApiKey.SASL_HANDSHAKE] == (0, 1)
    assert listed[ApiKey.SASL_AUTHENTICATE] == (0, highest)


@pytest.mark.parametrize(("version", "lifetime_ms"), [(0, 0), (1, 60_000), (2, 60_000)])
def test_every_version_of_sasl_authenticate_is_served(version: int, lifetime_ms: int) -> None:
    with FakeCluster(sasl={"alice": "wonder"}, session_lifetime_ms=60_000) as cluster:
        with RawClient(cluster.broker(1)) as client:
            assert client.sasl_handshake("PLAIN").error_code == ErrorCode.NONE
            assert client.sasl_authenticate(ALICE, version) == SaslAuthenticateResponse(
                error_code=0, error_message="", auth_bytes=b"", session_lifetime_ms=lifetime_ms
            )
            assert client.api_versions(4).error_code == ErrorCode.NONE
        with RawClient(cluster.broker(1)) as client:
            client.sasl_handshake("PLAIN")
            refused = client.sasl_authenticate(b"\0alice\0wrong", version)
            assert refused.error_code == ErrorCode.SASL_AUTHENTICATION_FAILED
            assert refused.error_message == "Authentication failed: Invalid username or password"


def test_the_version_of_sasl_handshake_that_bare_tokens_follow_is_not_served(cluster: FakeCluster) -> None:
    with RawClient(cluster.broker(1)) as client:
        client.request(ApiKey.SASL_HANDSHAKE, 0, b"\0\5PLAIN")

        assert client.is_closed_by_broker()

    assert cluster.violations == ["API 17 is not served in version 0."]


# Faults.


def test_one_broker_refuses_with_a_message_of_the_test(cluster: FakeCluster) -> None:
    fault = cluster.on(ApiKey.SASL_AUTHENTICATE, node=1).fail(
        ErrorCode.SASL_AUTHENTICATION_FAILED, message="Logical cluster not found"
    )

    with probe(cluster) as client:
        assert client.log_in("PLAIN", ALICE) == (58, "Logical cluster not found", b"", 0)
        assert client.is_closed_by_broker
    with probe(cluster) as client:
        assert client.log_in("PLAIN", ALICE) == (0, "", b"", 0)
    assert fault.hits == 1


def test_a_mechanism_is_off_for_once(cluster: FakeCluster) -> None:
    cluster.on(ApiKey.SASL_HANDSHAKE).fail_once(ErrorCode.UNSUPPORTED_SASL_MECHANISM)

    with probe(cluster) as client:
        assert client.handshake("PLAIN") == (33, ["SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"])
        assert client.is_closed_by_broker


def scram_messages(cluster: FakeCluster, mechanism: str = "SCRAM-SHA-256") -> tuple[str, bytes]:
    """Go through SCRAM as a client that believes everything, and return the broker's two messages."""
    with probe(cluster) as client:
        client.handshake(mechanism)
        first = client.authenticate(b"n,,n=alice,r=mine")
        assert first is not None
        proof = scram_proof(mechanism, "wonder", "n=alice,r=mine", first.auth_bytes.decode())
        final = client.authenticate(proof.encode())
        assert final is not None
        return first.auth_bytes.decode(), final.auth_bytes


@pytest.mark.parametrize(
    ("fault", "part"),
    [
        (SaslFault.CLIENT_NONCE, "r=mine,s="),
        (SaslFault.MANDATORY_EXTENSION, "m=unheard-of,r=mine"),
        (SaslFault.ITERATION_BOMB, ",i=2000000000"),
        (SaslFault.FEW_ITERATIONS, ",i=1"),
        (SaslFault.BAD_SALT, ",s=?,"),
    ],
)
def test_the_first_message_of_scram_is_spoilt(cluster: FakeCluster, fault: SaslFault, part: str) -> None:
    struck = cluster.on(ApiKey.SASL_AUTHENTICATE).spoil(fault)
    with probe(cluster) as client:
        client.handshake("SCRAM-SHA-256")
        answer = client.authenticate(b"n,,n=alice,r=mine")

    assert answer is not None
    assert part in answer.auth_bytes.decode()
    assert struck.hits == 1
    assert scram_messages(cluster)[0].startswith("r=mine")


def test_a_nonce_does_not_continue_the_clients(cluster: FakeCluster) -> None:
    cluster.on(ApiKey.SASL_AUTHENTICATE).spoil(SaslFault.OTHER_NONCE)
    with probe(cluster) as client:
        client.handshake("SCRAM-SHA-512")
        answer = client.authenticate(b"n,,n=alice,r=mine")

    assert answer is not None
    assert answer.auth_bytes.startswith(b"r=")
    assert not answer.auth_bytes.startswith(b"r=mine")


@pytest.mark.parametrize("mechanism", SCRAM)
def test_the_last_message_of_scram_is_spoilt(cluster: FakeCluster, mechanism: str) -> None:
    trigger = cluster.on(ApiKey.SASL_AUTHENTICATE)
    trigger.spoil(SaslFault.NO_SIGNATURE)
    trigger.spoil(SaslFault.SERVER_ERROR)
    trigger.spoil(SaslFault.BAD_SIGNATURE)

    finals = [scram_messages(cluster, mechanism)[1] for _ in range(4)]

    assert finals[:2] == [b"", b"e=other-error"]
    assert len(finals[2]) == len(finals[3])
    assert finals[2][:2] == finals[3][:2] == b"v="
    assert finals[2] != finals[3]


def test_garbage_comes_in_place_of_any_message(cluster: FakeCluster) -> None:
    cluster.on(ApiKey.SASL_AUTHENTICATE, nth=2).spoil(SaslFault.GARBAGE)

    first, final = scram_messages(cluster)

    assert first.startswith("r=mine")
    assert final.startswith(b"\xff")


def test_only_answers_to_sasl_authenticate_are_spoilt(cluster: FakeCluster) -> None:
    with pytest.raises(ConfigurationError, match="SASL_AUTHENTICATE"):
        cluster.on(ApiKey.PRODUCE).spoil(SaslFault.GARBAGE)


def test_authentication_hangs_or_breaks_off_in_the_middle(cluster: FakeCluster) -> None:
    cluster.on(ApiKey.SASL_AUTHENTICATE, nth=2).close_before_append()
    with probe(cluster) as client:
        assert not client.log_in_with_scram("SCRAM-SHA-256", "alice", "wonder")
        assert client.is_closed_by_broker

    held = cluster.on(ApiKey.SASL_HANDSHAKE).hold()
    with probe(cluster) as client:
        client.send_handshake("PLAIN")
        cluster.wait_until(lambda: held.waiting == 1)
        held.release()
        assert client.receive_handshake() == (0, list(MECHANISMS))
