"""The fake cluster speaks TLS, and other people's clients understand it."""

from __future__ import annotations

__lazy_modules__ = ("aiokafka", "confluent_kafka")  # from Python 3.15 on, for which there are none yet

import asyncio
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from confluent_kafka import Producer as ConfluentProducer

from dekaf.errors import ConfigurationError
from dekaf.testing import FakeCluster
from tests.certificates import Authority, KeyPair
from tests.peers import needs_aiokafka, needs_confluent

PATIENCE = 10.0  # seconds
A_REQUEST = b"\0\0\0\x0e\0\x12\0\0\0\0\0\1\0\4test"  # ApiVersions 0


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def cluster(authority: Authority) -> Iterator[FakeCluster]:
    server = authority.server()
    with FakeCluster(topics={"orders": 1}, tls=(server.certfile, server.keyfile), host="localhost") as cluster:
        yield cluster


@pytest.fixture
def mutual(authority: Authority) -> Iterator[FakeCluster]:
    """A cluster that demands client certificates."""
    with FakeCluster(topics={"orders": 1}, tls=demanding(authority), host="localhost") as cluster:
        yield cluster


def demanding(authority: Authority) -> ssl.SSLContext:
    server = authority.server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.certfile, server.keyfile)
    context.load_verify_locations(authority.cafile)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def trusting(authority: Authority, client: KeyPair | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.cafile))
    if client is not None:
        context.load_cert_chain(client.certfile, client.keyfile)
    return context


def connect(cluster: FakeCluster, context: ssl.SSLContext, name: str = "localhost") -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", cluster.broker(1).port), timeout=PATIENCE)
    try:
        return context.wrap_socket(plain, server_hostname=name)
    except BaseException:
        plain.close()
        raise


def ask(cluster: FakeCluster, context: ssl.SSLContext) -> bytes:
    """Send a request and return what comes first; with TLS 1.3 alerts about the client come no earlier."""
    with connect(cluster, context) as client:
        client.sendall(A_REQUEST)
        return client.recv(4)


def is_broken_off(client: ssl.SSLSocket) -> bool:
    try:
        while client.recv(65536):
            pass
    except (ssl.SSLEOFError, ConnectionResetError):
        pass
    return True  # and not, after a while, a TimeoutError


@needs_confluent
def test_librdkafka_writes_and_what_it_said_is_taken_down(mutual: FakeCluster, authority: Authority) -> None:
    client = authority.client("alice")
    producer = ConfluentProducer(
        {
            "bootstrap.servers": mutual.bootstrap_servers,
            "security.protocol": "SSL",
            "ssl.ca.location": str(authority.cafile),
            "ssl.certificate.location": str(client.certfile),
            "ssl.key.location": str(client.keyfile),
            "log_level": 0,
        }
    )
    producer.produce("orders", b"value")

    assert producer.flush(PATIENCE) == 0

    assert [record.value for record in mutual.log("orders")] == [b"value"]
    used = mutual.connections[-1].tls
    assert used is not None
    assert (used.server_name, used.version, used.error) == ("localhost", "TLSv1.3", None)
    assert used.client_certificate == "O=dekaf tests, OU=clients, CN=alice"
    assert used.cipher is not None
    assert used.cipher.startswith("TLS_")
    assert mutual.violations == []


@needs_aiokafka
def test_aiokafka_writes(cluster: FakeCluster, authority: Authority) -> None:
    async def produce() -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=cluster.bootstrap_servers, security_protocol="SSL", ssl_context=trusting(authority)
        )
        await producer.start()
        try:
            await producer.send_and_wait("orders", b"v" * 300_000)
        finally:
            await producer.stop()

    asyncio.run(produce())

    assert [record.value for record in cluster.log("orders")] == [b"v" * 300_000]
    assert {connection.tls.client_certificate for connection in cluster.connections if connection.tls} == {None}


def test_no_name_is_asked_for_where_a_broker_is_an_address(authority: Authority) -> None:
    server = authority.server()
    with FakeCluster(tls=(server.certfile, server.keyfile)) as cluster:
        assert cluster.bootstrap_servers == f"127.0.0.1:{cluster.broker(1).port}"
        with connect(cluster, trusting(authority), "127.0.0.1"):
            cluster.wait_until(lambda: cluster.connections)

        assert [handshake.server_name for handshake in cluster.handshakes] == [None]


def test_versions_are_those_of_the_context(authority: Authority) -> None:
    context = demanding(authority)
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with FakeCluster(tls=context) as cluster, connect(cluster, trusting(authority)):
        cluster.wait_until(lambda: cluster.connections)

        assert [handshake.version for handshake in cluster.handshakes] == ["TLSv1.2"]


def test_a_client_that_does_not_trust_the_broker_is_heard(cluster: FakeCluster, tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        connect(cluster, trusting(Authority(tmp_path)))

    cluster.wait_until(lambda: cluster.handshakes[0].error)
    (handshake,) = cluster.broker(1).handshakes
    assert "ALERT_UNKNOWN_CA" in (handshake.error or "")
    assert handshake.server_name == "localhost"
    assert cluster.connections == []


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_missing_client_certificate_is_answered_with_an_alert(
    mutual: FakeCluster, authority: Authority, version: ssl.TLSVersion
) -> None:
    context = trusting(authority)
    context.maximum_version = version

    with pytest.raises(ssl.SSLError, match=r"ALERT_(CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE)"):
        ask(mutual, context)

    mutual.wait_until(lambda: mutual.handshakes[0].error)
    assert "PEER_DID_NOT_RETURN_A_CERTIFICATE" in (mutual.handshakes[0].error or "")
    assert mutual.connections == []


def test_plaintext_to_a_broker_with_tls_is_closed(cluster: FakeCluster) -> None:
    with socket.create_connection(("127.0.0.1", cluster.broker(1).port), timeout=PATIENCE) as client:
        client.sendall(A_REQUEST)

        cluster.wait_until(lambda: cluster.handshakes and cluster.handshakes[0].error)

    assert cluster.requests() == []


def test_the_certificate_is_changed_for_those_who_come_later(cluster: FakeCluster, authority: Authority) -> None:
    first, second = authority.server(), authority.server("second")
    assert first.certfile.read_bytes() != second.certfile.read_bytes()
    with connect(cluster, trusting(authority)) as old:
        old.sendall(A_REQUEST)
        before = old.getpeercert()
        assert old.recv(4)

        cluster.use_tls((second.certfile, second.keyfile))

        with connect(cluster, trusting(authority)) as new:
            assert new.getpeercert() != before
        old.sendall(A_REQUEST)
        assert old.recv(4)


def test_a_broker_can_go_back_to_plaintext(cluster: FakeCluster) -> None:
    cluster.use_tls(None)

    with socket.create_connection(("127.0.0.1", cluster.broker(1).port), timeout=PATIENCE) as client:
        client.sendall(A_REQUEST)
        assert client.recv(4)
        assert cluster.connections[0].tls is None


def test_a_context_for_clients_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="PROTOCOL_TLS_SERVER"):
        FakeCluster(tls=ssl.create_default_context())


def test_a_context_keeps_the_callback_it_had(authority: Authority) -> None:
    seen: list[str | None] = []
    context = demanding(authority)
    context.verify_mode = ssl.CERT_NONE
    context.sni_callback = lambda _connection, name, _context: seen.append(name)
    for _ in range(2):  # the second cluster finds the first one's callback
        with FakeCluster(tls=context) as cluster, connect(cluster, trusting(authority)):
            cluster.wait_until(lambda: cluster.connections)
            assert cluster.handshakes[0].server_name == "localhost"

    assert seen == ["localhost", "localhost"]


# Faults.


def test_a_handshake_that_is_never_answered(cluster: FakeCluster, authority: Authority) -> None:
    fault = cluster.on_tls_handshake().never_answer()
    plain = socket.create_connection(("127.0.0.1", cluster.broker(1).port), timeout=0.1)
    with plain, pytest.raises(TimeoutError):
        trusting(authority).wrap_socket(plain, server_hostname="localhost")

    assert fault.hits == 1
    with connect(cluster, trusting(authority)):
        pass


@pytest.mark.parametrize("node", [None, 1])
def test_a_handshake_that_is_closed_or_reset(cluster: FakeCluster, authority: Authority, node: int | None) -> None:
    cluster.on_tls_handshake(node=node).close_before_append()
    cluster.broker(1).on_tls_handshake(nth=2).reset()

    with pytest.raises((ssl.SSLEOFError, ConnectionResetError)):
        connect(cluster, trusting(authority))
    with pytest.raises(ConnectionResetError):
        connect(cluster, trusting(authority))

    cluster.wait_until(lambda: all(handshake.error for handshake in cluster.handshakes))
    assert len(cluster.handshakes) == 2


def test_a_handshake_that_is_answered_with_something_else(cluster: FakeCluster, authority: Authority) -> None:
    cluster.on_tls_handshake().garbage()

    with pytest.raises(ssl.SSLError, match=r"WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE|UNEXPECTED_MESSAGE"):
        connect(cluster, trusting(authority))


def test_a_handshake_that_is_held_up(cluster: FakeCluster, authority: Authority) -> None:
    held = cluster.on_tls_handshake().hold()
    plain = socket.create_connection(("127.0.0.1", cluster.broker(1).port), timeout=PATIENCE)
    client = trusting(authority).wrap_socket(plain, server_hostname="localhost", do_handshake_on_connect=False)
    with client:
        cluster.wait_until(lambda: held.waiting == 1)
        held.release()
        client.do_handshake()

    assert cluster.handshakes[0].error is None


def test_a_stopped_broker_breaks_off_handshakes_and_connections(cluster: FakeCluster, authority: Authority) -> None:
    with connect(cluster, trusting(authority)) as client:
        client.sendall(A_REQUEST)
        client.recv(4)
        cluster.on_tls_handshake().never_answer()
        waiting = socket.create_connection(("127.0.0.1", cluster.broker(1).port), timeout=PATIENCE)
        cluster.wait_until(lambda: len(cluster.handshakes) == 2)

        cluster.stop_broker(1)

        assert waiting.recv(1) == b""
        waiting.close()
        assert is_broken_off(client)

    cluster.start_broker(1)
    with connect(cluster, trusting(authority)):
        pass
