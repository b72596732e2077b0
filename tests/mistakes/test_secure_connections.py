"""What went wrong with TLS, tokens and sessions in other clients; certificates are in `tests/unit/security`."""

from __future__ import annotations

import logging
import socket
import sys
import time
from typing import Any

import pytest

from dekaf import ConfigurationError, ProducerConfig, RecordMetadata
from dekaf.security import OAuthToken
from dekaf.testing import ALWAYS, ApiKey, FakeCluster
from tests.certificates import Authority
from tests.scenarios.faces import MakeFace, ThreadFace, engine_of, eventually
from tests.scenarios.invariants import Ledger, succeed_in_order
from tests.scenarios.secured import TOPIC, accounts, secured_cluster, secured_options, token_of

PROVIDER = "sasl_oauth_token_provider"


@pytest.fixture(params=["uvloop", "asyncio"])
def event_loop_kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run the engine on either kind of loop."""
    kind: str = request.param
    if kind == "asyncio":
        monkeypatch.setitem(sys.modules, "uvloop", None)
    return kind


def tls_options(authority: Authority, **options: Any) -> dict[str, Any]:
    return {"security_protocol": "SSL", "ssl_cafile": str(authority.cafile), **options}


# TLS.


@pytest.mark.mistake("kafka-python #2364", "kafka-python #2005", "librdkafka #2637")
def test_expired_certificate_is_told_without_a_tight_loop_and_heals(make_face: MakeFace, authority: Authority) -> None:
    """kafka-python #2364: the handshake was tried again on its dead transport, at full speed, and nothing said why."""
    expired, renewed = authority.expired_server(), authority.server("renewed")
    with FakeCluster(topics={TOPIC: 1}, tls=(expired.certfile, expired.keyfile), host="localhost") as cluster:
        backoff = {"reconnect_backoff_ms": 50, "reconnect_backoff_max_ms": 400}
        face = make_face(cluster.bootstrap_servers, **tls_options(authority, **backoff), max_block_ms=20_000)
        delivered: list[RecordMetadata | None] = []  # what is fired waits; `produce` would tell at once
        face.fire(TOPIC, b"v", on_delivery=lambda metadata, _error: delivered.append(metadata))
        began, before = time.monotonic(), time.process_time()
        cluster.wait_until(lambda: len(cluster.handshakes) >= 4)

        # Each pause is twice the one before, give or take a fifth: the fourth attempt cannot come sooner than this.
        assert time.monotonic() - began > 0.15
        assert time.process_time() - before < 1
        engine = engine_of(face.producer)
        assert "expired" in str(engine.last_error())
        cluster.use_tls((renewed.certfile, renewed.keyfile))

        eventually(lambda: delivered)
        assert delivered[0] is not None


@pytest.mark.mistake("librdkafka: the end of TLS without a goodbye taken for a permanent error")
def test_connection_cut_without_a_goodbye_costs_no_message(
    make_face: MakeFace, authority: Authority, event_loop_kind: str
) -> None:
    """Change log of librdkafka 2.2.0: OpenSSL 3 calls it UNEXPECTED_EOF; load balancers do it all the time."""
    with secured_cluster(authority) as cluster:
        cluster.on(ApiKey.PRODUCE, nth=2).close_after_append(times=2)
        cluster.on(ApiKey.PRODUCE, nth=5).reset()
        face = make_face(cluster.bootstrap_servers, **secured_options("PLAIN", authority), batch_size=160)
        ledger = Ledger(face, TOPIC)
        for _ in range(6):
            ledger.produce(5)
            ledger.outcomes()

        succeed_in_order(cluster, TOPIC, ledger.outcomes())


@pytest.mark.mistake("aiokafka #1038", "uvloop #506")
def test_message_sent_as_the_broker_hangs_up_is_sent_again(
    make_face: MakeFace, authority: Authority, event_loop_kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """aiokafka #1038: uvloop raises RuntimeError where asyncio raises OSError, and the client's task died of it."""
    caplog.set_level(logging.ERROR, "dekaf")
    with secured_cluster(authority) as cluster:
        face = make_face(cluster.bootstrap_servers, **secured_options("PLAIN", authority), linger_ms=0)
        ledger = Ledger(face, TOPIC)
        for _ in range(15):
            cluster.broker(1).close_connections()
            ledger.produce(3)

        succeed_in_order(cluster, TOPIC, ledger.outcomes())
        assert face.status().engine_restarts == 0
        assert caplog.records == []


@pytest.mark.mistake("uvloop #471", "aiohttp #6762")
def test_close_does_not_wait_for_a_goodbye(authority: Authority, event_loop_kind: str) -> None:
    """uvloop #471: closing waited thirty seconds for the other side's close_notify."""
    with secured_cluster(authority) as cluster:
        with ThreadFace(cluster.bootstrap_servers, **secured_options("PLAIN", authority)) as face:
            face.produce(TOPIC, b"v").result(10)
            cluster.broker(1).pause_reading()
            began = time.monotonic()
            face.close(1)

            assert time.monotonic() - began < 5
        cluster.broker(1).resume_reading()


@pytest.mark.mistake("librdkafka #920", "librdkafka #788")
def test_tls_is_not_held_back_by_the_socket(authority: Authority, event_loop_kind: str) -> None:
    """librdkafka #920: with Nagle's algorithm, a message over TLS took 42 ms."""
    options = secured_options("PLAIN", authority)
    with secured_cluster(authority) as cluster, ThreadFace(cluster.bootstrap_servers, **options) as face:
        face.produce(TOPIC, b"v").result(10)
        nodes = engine_of(face.producer)._client._nodes()
        sockets = [node.connection._transport.get_extra_info("socket") for node in nodes if node.connection is not None]

        assert sockets
        assert all(one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for one in sockets)


@pytest.mark.mistake("strimzi #873", "kafka-python #2013")
def test_name_that_was_resolved_is_what_the_certificate_is_looked_up_for(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """kafka-python #2013: the resolved address was checked against the certificate, which names the host."""
    server = authority.server("by-name", "localhost")
    with FakeCluster(topics={TOPIC: 1}, tls=(server.certfile, server.keyfile), host="localhost") as cluster:
        with ThreadFace(cluster.bootstrap_servers, **tls_options(authority)) as face:
            assert face.produce(TOPIC, b"v").result(10).has_offset

        assert {one.server_name for one in cluster.handshakes} == {"localhost"}


# Tokens.


@pytest.mark.mistake("kafka-python #2205", "confluent-kafka-python #1485", "gcn-kafka-python #49")
def test_token_that_expired_while_nothing_happened_is_replaced_before_the_next_message(
    make_face: MakeFace, caplog: pytest.LogCaptureFixture
) -> None:
    """kafka-python #2205: the token was never asked for again, and the reconnect offered the old one."""
    caplog.set_level(logging.WARNING, "dekaf")
    asked: list[OAuthToken] = []

    def provider() -> OAuthToken:
        asked.append(token_of(seconds=1.5))
        return asked[-1]

    with secured_cluster(None) as cluster:
        options = {**secured_options("OAUTHBEARER"), PROVIDER: provider, "connections_max_idle_ms": 300}
        face = make_face(cluster.bootstrap_servers, **options)
        face.produce(TOPIC, b"first").result(10)
        caplog.clear()
        eventually(lambda: time.time() > asked[0].expires_at + 0.1)

        assert face.produce(TOPIC, b"second").result(10).has_offset
        assert len(asked) > 1
        assert caplog.records == []


# Sessions.


def sessions(cluster: FakeCluster) -> list[int]:
    return [connection.reauthentications for connection in cluster.connections if connection.is_open]


@pytest.mark.mistake("KAFKA-9854", "aiokafka #1105", "sarama #2233", "franz-go #249")
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512", "OAUTHBEARER"])
def test_authenticating_anew_disturbs_nothing_that_is_under_way(make_face: MakeFace, mechanism: str) -> None:
    """KAFKA-9854: answers to earlier requests came between those of the exchange, and were taken for them."""
    with secured_cluster(None, session_lifetime_ms=2_000) as cluster:
        cluster.on(ApiKey.PRODUCE).delay(0.01, times=ALWAYS)
        face = make_face(cluster.bootstrap_servers, **secured_options(mechanism), batch_size=160, linger_ms=0)
        ledger = Ledger(face, TOPIC)
        ledger.produce(5)
        ledger.outcomes()
        open_ones = {one.number for one in cluster.connections if one.is_open and one.authentications}

        while not (sessions(cluster) and min(sessions(cluster)) >= 1):
            ledger.produce(5)
            ledger.produce(5, partition=1)
            ledger.outcomes()

        succeed_in_order(cluster, TOPIC, ledger.outcomes())
        assert face.status().retries_total == 0
        assert {one.number for one in cluster.connections if one.is_open} <= open_ones
        assert not any(one.is_expired for one in cluster.connections)
        assert cluster.violations == []


@pytest.mark.mistake("kafkajs #1582", "aws-msk-iam-auth #104")
def test_principal_that_changes_costs_a_connection_and_no_message(
    make_face: MakeFace, caplog: pytest.LogCaptureFixture
) -> None:
    """kafkajs #1582: "Cannot change principals"; each new token named another session of the same role."""
    caplog.set_level(logging.WARNING, "dekaf")
    names: list[str] = []

    def provider() -> OAuthToken:
        names.append(f"session-{len(names)}")
        return token_of(names[-1], seconds=1.6)

    with secured_cluster(None) as cluster:
        face = make_face(cluster.bootstrap_servers, **{**secured_options("OAUTHBEARER"), PROVIDER: provider})
        ledger = Ledger(face, TOPIC)
        ledger.produce(1)
        ledger.outcomes()
        caplog.clear()
        while not any(one.refusals for one in cluster.connections):
            ledger.produce(5)
            ledger.outcomes()
        ledger.produce(5)

        succeed_in_order(cluster, TOPIC, ledger.outcomes())
        assert len({one.principal for one in cluster.connections}) > 1
        assert face.status().failed_total == 0
        assert [one.getMessage() for one in caplog.records if one.levelno > logging.INFO] == []


@pytest.mark.mistake("franz-go: sessions shorter than the least pause left to end", "Dekaf/.NET: sessions under 10 s")
@pytest.mark.parametrize("lifetime_ms", [600, 1_500])
def test_very_short_sessions_cost_connections_and_no_message(make_face: MakeFace, lifetime_ms: int) -> None:
    """Too short to be renewed in time: brokers do not let clients authenticate anew within a second of the last."""
    with secured_cluster(None, session_lifetime_ms=lifetime_ms) as cluster:
        face = make_face(cluster.bootstrap_servers, **secured_options("SCRAM-SHA-256"), batch_size=160)
        ledger = Ledger(face, TOPIC)
        deadline = time.monotonic() + 1.8
        while time.monotonic() < deadline:
            ledger.produce(5)
            ledger.outcomes()

        succeed_in_order(cluster, TOPIC, ledger.outcomes())
        assert face.status().failed_total == 0


@pytest.mark.mistake("confluent-kafka-python #2054")
def test_password_that_is_replaced_is_used_by_the_next_connection(make_face: MakeFace) -> None:
    known = accounts()
    password = ["the-password-of-alice"]
    with secured_cluster(None, sasl=known) as cluster:
        options = {**secured_options("SCRAM-SHA-256"), "sasl_password": lambda: password[0]}
        face = make_face(cluster.bootstrap_servers, **options)
        face.produce(TOPIC, b"first").result(10)

        password[0] = "another"
        known.set_password("alice", "another")
        cluster.broker(1).close_connections()
        assert face.produce(TOPIC, b"second").result(10).has_offset


# What is not there.


@pytest.mark.mistake("kafka-python #680", "kafka-python #2531")
@pytest.mark.parametrize("option", ["proxy_url", "socks5_proxy"])
def test_proxies_are_refused_by_name(option: str) -> None:
    """kafka-python #680: companies let nothing out but through a proxy. Dekaf has none, and says so."""
    given: dict[str, Any] = {"bootstrap_servers": "b:1", option: "socks5://proxy:1080"}
    with pytest.raises(ConfigurationError, match="proxies are not supported"):
        ProducerConfig(**given)
