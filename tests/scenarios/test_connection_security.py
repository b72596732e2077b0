"""What `status()` and `check()` tell of the connections: TLS, mechanism, principal and session, and never a secret."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest

from dekaf import AsyncProducer, Producer
from dekaf.testing import ApiKey, FakeCluster, SaslAccounts
from tests.certificates import Authority
from tests.scenarios.faces import MakeFace, ThreadFace, eventually
from tests.scenarios.secured import PASSWORD, TOPIC, USER, secured_cluster, secured_options


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"])
def test_status_tells_how_each_connection_is_protected(
    make_face: MakeFace, authority: Authority, mechanism: str
) -> None:
    with secured_cluster(authority, session_lifetime_ms=60_000) as cluster:
        face = make_face(cluster.bootstrap_servers, **secured_options(mechanism, authority))
        face.produce(TOPIC, b"v").result()
        status = face.status()

    for connection in status.connections:
        assert (connection.tls_version, connection.mechanism) == ("TLSv1.3", mechanism)
        assert (connection.broker, connection.principal) == (cluster.bootstrap_servers, USER)
        assert connection.cipher
        assert connection.certificate_expires is not None
        assert connection.certificate_expires > datetime.now(UTC)
        assert connection.reauthenticates_at is not None
        due = connection.reauthenticates_at - datetime.now(UTC)
        assert timedelta(seconds=40) < due < timedelta(seconds=60)
    assert status.connections
    assert PASSWORD not in json.dumps(status.as_dict()) + repr(status)


def test_connection_in_plain_text_is_shown_as_such(make_face: MakeFace) -> None:
    with FakeCluster(topics={TOPIC: 1}) as cluster:
        face = make_face(cluster.bootstrap_servers)
        assert face.status().connections == ()

        face.produce(TOPIC, b"v").result()
        shown = {(one.broker, one.tls_version, one.mechanism) for one in face.status().connections}

    assert shown == {(cluster.bootstrap_servers, None, None)}


def test_connections_that_end_are_no_longer_shown(make_face: MakeFace) -> None:
    with secured_cluster(None) as cluster:
        face = make_face(cluster.bootstrap_servers, **secured_options("PLAIN"))
        face.produce(TOPIC, b"v").result()
        assert face.status().connections

        cluster.stop_broker(1)
        eventually(lambda: not face.status().connections)

        face.close(0)


def test_renewed_session_moves_the_moment_of_the_next(make_face: MakeFace) -> None:
    with secured_cluster(None, session_lifetime_ms=1_200) as cluster:
        face = make_face(cluster.bootstrap_servers, **secured_options("SCRAM-SHA-256"))
        face.produce(TOPIC, b"v").result()
        first = {one.reauthenticates_at for one in face.status().connections}

        eventually(lambda: not first & {one.reauthenticates_at for one in face.status().connections})
        later = face.status().connections

    assert all(one.reauthenticates_at is not None for one in later)
    assert {one.principal for one in later} == {USER}


def test_check_tells_over_what_it_came(authority: Authority) -> None:
    with secured_cluster(authority) as cluster:
        options = secured_options("PLAIN", authority)
        with Producer(bootstrap_servers=cluster.bootstrap_servers, **options) as threads:
            checked = [threads.check(10)]

        async def check() -> None:
            async with AsyncProducer(bootstrap_servers=cluster.bootstrap_servers, **options) as coroutines:
                checked.append(await coroutines.check(10))

        asyncio.run(check())

    for description in checked:
        (connection,) = description.connections
        assert (connection.mechanism, connection.principal, connection.tls_version) == ("PLAIN", USER, "TLSv1.3")
        assert json.loads(json.dumps(description.as_dict()))["connections"][0]["mechanism"] == "PLAIN"


def test_a_user_without_a_password_of_scram_is_not_shown_before_it_is_let_in(make_face: MakeFace) -> None:
    with secured_cluster(None, sasl=SaslAccounts({"bob": "another"})) as cluster:
        face = make_face(cluster.bootstrap_servers, **secured_options("SCRAM-SHA-256"), produce_timeout_ms=300)
        with pytest.raises(Exception, match="SCRAM-SHA-256"):
            face.call(TOPIC, b"v").result()

        assert face.status().connections == ()
        face.close(0)


def test_connection_asks_for_versions_once_and_then_proves_who_we_are(make_face: MakeFace) -> None:
    with secured_cluster(None) as cluster:
        face = make_face(cluster.bootstrap_servers, **secured_options("SCRAM-SHA-256"))
        face.produce(TOPIC, b"v").result()
        first = cluster.connections[0].number
        asked = [request.api_key for request in cluster.requests() if request.connection == first]

    assert asked[:4] == [
        ApiKey.API_VERSIONS,
        ApiKey.SASL_HANDSHAKE,
        ApiKey.SASL_AUTHENTICATE,
        ApiKey.SASL_AUTHENTICATE,
    ]
    assert asked.count(ApiKey.API_VERSIONS) == 1


def test_status_may_be_asked_by_any_thread_while_brokers_come_and_go() -> None:
    """What the I/O thread changes is read by the caller's: as whole values, in a list of its own."""
    with secured_cluster(None, nodes=4) as cluster:
        options = {**secured_options("PLAIN"), "metadata_max_age_ms": 20, "reconnect_backoff_ms": 2}
        face = ThreadFace(cluster.bootstrap_servers, **options)
        stop = threading.Event()
        errors: list[BaseException] = []

        def look() -> None:
            try:
                while not stop.is_set():
                    status = face.status()
                    assert all(one.mechanism == "PLAIN" for one in status.connections)
                    assert 0 <= status.connected_brokers <= 4
            except BaseException as error:  # whatever a thread raises is the test's
                errors.append(error)

        lookers = [threading.Thread(target=look) for _ in range(3)]
        before = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            with face:
                for looker in lookers:
                    looker.start()
                for _ in range(6):
                    for node in (2, 3, 4):
                        cluster.stop_broker(node)
                    face.produce(TOPIC, b"v").result(10)
                    for node in (2, 3, 4):
                        cluster.start_broker(node, new_port=True)
                    face.produce(TOPIC, b"v", partition=1).result(10)
                stop.set()
                for looker in lookers:
                    looker.join()
        finally:
            stop.set()
            sys.setswitchinterval(before)

    assert errors == []
