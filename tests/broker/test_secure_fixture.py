"""The secured cluster that other tests stand on, tried with clients that are not ours: librdkafka and Java's."""

from __future__ import annotations

import ssl
import uuid
from pathlib import Path

import pytest
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient

from tests.certificates import Authority
from tests.kafka import MECHANISMS, Login, SaslProbe, SecureCluster, read_back
from tests.kafka.users import PLAIN_ONLY_USER, SCRAM_ONLY_USER

WITH_SASL = [(listener, mechanism) for listener in ("SASL_PLAINTEXT", "SASL_SSL") for mechanism in MECHANISMS]
WAYS = [("SSL", ""), ("MTLS", ""), *WITH_SASL]
# A JVM takes seconds to start: everything is written through, and what is left out here is read by the others.
READ_BY_JAVA = {("MTLS", ""), ("SASL_PLAINTEXT", "SCRAM-SHA-256"), ("SASL_SSL", "OAUTHBEARER")}


@pytest.fixture
def topic(secure_cluster: SecureCluster) -> str:
    name = f"secure-{uuid.uuid4().hex[:12]}"
    secure_cluster.create_topic(name, partitions=1)
    return name


def login_at(cluster: SecureCluster, listener: str, mechanism: str, user: str = "alice") -> Login:
    client = cluster.authority.client("alice") if listener == "MTLS" else None
    return cluster.login(listener, mechanism, user=user, client=client)


def produce(login: Login, topic: str, value: bytes) -> None:
    producer = Producer({**login.confluent_options(), "log_level": 0, "message.timeout.ms": 15_000})
    errors: list[object] = []
    producer.produce(topic, value, on_delivery=lambda error, _message: errors.append(error))
    producer.flush(20)
    assert errors == [None]


def is_refused(login: Login) -> bool:
    """Tell whether librdkafka is not let in; it tries again and again until the time is over."""
    admin = AdminClient({**login.confluent_options(), "log_level": 0})  # type: ignore[dict-item]  # one is a function
    try:
        admin.list_topics(timeout=1)
    except KafkaException:
        return True
    return False


def certificate_at(cluster: SecureCluster, listener: str) -> str:
    return ssl.get_server_certificate(("127.0.0.1", cluster.port(listener)))


@pytest.mark.parametrize(("listener", "mechanism"), WAYS)
def test_librdkafka_comes_in(secure_cluster: SecureCluster, topic: str, listener: str, mechanism: str) -> None:
    produce(login_at(secure_cluster, listener, mechanism), topic, b"by librdkafka")

    assert [record.value for record in read_back(secure_cluster.bootstrap_servers, topic, 1)] == [b"by librdkafka"]


@pytest.mark.parametrize(("listener", "mechanism"), WAYS)
def test_java_comes_in(secure_cluster: SecureCluster, topic: str, listener: str, mechanism: str) -> None:
    login = login_at(secure_cluster, listener, mechanism)

    secure_cluster.produce_with_java(topic, ["by Java"], login)

    assert [record.value for record in read_back(secure_cluster.bootstrap_servers, topic, 1)] == [b"by Java"]
    if (listener, mechanism) in READ_BY_JAVA:
        assert secure_cluster.consume_with_java(topic, 1, login) == ["by Java"]


@pytest.mark.parametrize(
    ("mechanism", "user"),
    [
        ("PLAIN", "zoe"),
        ("PLAIN", PLAIN_ONLY_USER),
        ("SCRAM-SHA-256", "zoe"),
        ("SCRAM-SHA-512", SCRAM_ONLY_USER),
        ("OAUTHBEARER", PLAIN_ONLY_USER),
    ],
)
def test_odd_names_and_passwords_are_let_in(
    secure_cluster: SecureCluster, topic: str, mechanism: str, user: str
) -> None:
    produce(login_at(secure_cluster, "SASL_SSL", mechanism, user), topic, b"let in")

    assert len(read_back(secure_cluster.bootstrap_servers, topic, 1)) == 1


def test_a_certificate_issued_by_an_intermediate_authority_is_let_in(secure_cluster: SecureCluster, topic: str) -> None:
    client = secure_cluster.authority.intermediate("intermediate").client("carol")

    produce(secure_cluster.login("MTLS", client=client), topic, b"let in")

    assert len(read_back(secure_cluster.bootstrap_servers, topic, 1)) == 1


def test_wrong_credentials_are_refused(secure_cluster: SecureCluster, tmp_path: Path) -> None:
    foreign = Authority(tmp_path).client("mallory")

    assert is_refused(secure_cluster.login("MTLS"))
    assert is_refused(secure_cluster.login("MTLS", client=foreign))
    assert is_refused(secure_cluster.login("SASL_SSL", "PLAIN", user="mallory"))
    assert is_refused(secure_cluster.login("PLAIN_ONLY", "SCRAM-SHA-256"))


@pytest.mark.parametrize("listener", ["EXPIRED", "WRONG_NAME", "UNKNOWN_CA", "BARE"])
def test_librdkafka_refuses_a_broker_whose_certificate_is_wrong(secure_cluster: SecureCluster, listener: str) -> None:
    assert is_refused(secure_cluster.login(listener))


def test_a_password_of_scram_is_changed_while_the_broker_runs(secure_cluster: SecureCluster) -> None:
    secure_cluster.set_scram_password("dora", "the first")
    secure_cluster.set_scram_password("dora", "the second", ["SCRAM-SHA-512"])

    def is_let_in(mechanism: str, password: str) -> bool:
        with SaslProbe(secure_cluster.port("SASL_PLAINTEXT")) as probe:
            return probe.log_in_with_scram(mechanism, "dora", password)

    assert is_let_in("SCRAM-SHA-256", "the first")
    assert is_let_in("SCRAM-SHA-512", "the second")
    assert not is_let_in("SCRAM-SHA-512", "the first")


def test_the_certificate_and_the_trusted_authorities_are_changed_while_the_broker_runs(
    secure_cluster: SecureCluster, topic: str, tmp_path: Path
) -> None:
    other = Authority(tmp_path)
    login = secure_cluster.login("MTLS", client=other.client("mallory"))
    usual = secure_cluster.authority.cafile
    try:
        secure_cluster.rotate_certificate("MTLS", other.server())
        assert certificate_at(secure_cluster, "MTLS") == (tmp_path / "server.crt").read_text()
        assert is_refused(login)

        secure_cluster.rotate_certificate("MTLS", secure_cluster.authority.server("second"))
        secure_cluster.trust("MTLS", other.cafile)
        produce(login, topic, b"let in")
    finally:
        secure_cluster.rotate_certificate("MTLS", secure_cluster.certificate("server"))
        secure_cluster.trust("MTLS", usual)

    assert is_refused(login)
