"""Configurations of confluent-kafka as they are."""

from __future__ import annotations

__lazy_modules__ = ("confluent_kafka",)  # from Python 3.15 on, for which there is none yet

import ctypes
import logging
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import confluent_kafka
import pytest
from pydantic import SecretStr

from dekaf import ProducerConfig
from dekaf.errors import ConfigurationError
from dekaf.producer.translation.confluent_rules import RULES
from dekaf.security import OAuthToken
from dekaf.types import Acks
from tests.peers import needs_confluent
from tests.unit.producer.secure import CERTIFICATE, ENDPOINT, KEY

# What confluent-kafka has beside librdkafka's properties, and one of librdkafka's that its documentation leaves out.
OF_PYTHON = {
    *("logger", "oauth_cb", "on_commit", "on_delivery", "test.mock.num.brokers"),
    *("key.serializer", "key.serializer.builder", "value.serializer", "value.serializer.builder"),
}


def translated(mapping: dict[str, Any], **overrides: Any) -> ProducerConfig:
    return ProducerConfig.from_confluent({"bootstrap.servers": "a:9092", **mapping}, **overrides)


def given(mapping: dict[str, Any], **overrides: Any) -> dict[str, object]:
    """Return the options that a configuration sets, but for its servers and partitioner."""
    config = translated(mapping, **overrides)
    names = config.model_fields_set - {"bootstrap_servers", "partitioner"}
    return {name: getattr(config, name) for name in names}


def fault_of(mapping: dict[str, Any], **overrides: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        translated(mapping, **overrides)
    assert caught.value.__context__ is None
    text = str(caught.value)
    assert text.startswith("from_confluent: ")
    return text.removeprefix("from_confluent: ")


@needs_confluent
def test_every_property_of_librdkafka_has_a_rule(tmp_path: Path) -> None:
    properties = set(properties_of_librdkafka(tmp_path / "properties.md"))

    assert len(properties) > 150
    assert properties - set(RULES) == set()


@needs_confluent
def test_there_are_no_rules_for_what_nobody_has(tmp_path: Path) -> None:
    properties = set(properties_of_librdkafka(tmp_path / "properties.md"))

    assert set(RULES) - properties == OF_PYTHON


def properties_of_librdkafka(file: Path) -> Iterator[str]:
    """Have the installed library write its documentation, and read the names."""
    found = list(Path(confluent_kafka.__file__).parents[1].glob("confluent_kafka.libs/librdkafka*"))
    if not found:
        pytest.skip("this confluent-kafka has no librdkafka of its own beside it")
    library, c = ctypes.CDLL(str(found[0])), ctypes.CDLL(None)
    c.fopen.restype = ctypes.c_void_p
    c.fclose.argtypes = library.rd_kafka_conf_properties_show.argtypes = [ctypes.c_void_p]
    stream = c.fopen(str(file).encode(), b"w")
    library.rd_kafka_conf_properties_show(stream)
    c.fclose(stream)
    for line in file.read_text().splitlines():
        name, separator, _ = line.partition("|")
        if separator and name.strip() != "Property" and not name.startswith("---"):
            yield name.strip()


def test_confluent_cloud_as_its_page_says() -> None:
    config = translated(
        {
            "bootstrap.servers": "pkc-1.europe-west1.gcp.confluent.cloud:9092",
            "security.protocol": "SASL_SSL",
            "sasl.mechanisms": "PLAIN",
            "sasl.username": "KEY",
            "sasl.password": "wonder",
            "session.timeout.ms": "45000",
        }
    )

    assert config == ProducerConfig(
        bootstrap_servers="pkc-1.europe-west1.gcp.confluent.cloud:9092",
        security_protocol="SASL_SSL",
        sasl_mechanism="PLAIN",
        sasl_username="KEY",
        sasl_password="wonder",
        partitioner="consistent_random",
    )


def test_what_is_left_out_has_our_defaults_but_keys_stay_where_they_are() -> None:
    assert translated({}) == ProducerConfig(bootstrap_servers="a:9092", partitioner="consistent_random")


@pytest.mark.parametrize(
    ("theirs", "ours"), [("consistent_random", "consistent_random"), ("murmur2_random", "murmur2")]
)
def test_partitioners_that_place_keys_alike(theirs: str, ours: str) -> None:
    assert translated({"partitioner": theirs}).partitioner == ours


@pytest.mark.parametrize("theirs", ["random", "consistent", "murmur2", "fnv1a", "fnv1a_random", print])
def test_other_partitioners_are_refused_unless_ours_is_given(theirs: Any) -> None:
    assert "partitioner: has no counterpart, and another one would move keys" in fault_of({"partitioner": theirs})
    assert translated({"partitioner": theirs}, partitioner="murmur2").partitioner == "murmur2"


@pytest.mark.parametrize(
    ("mapping", "options"),
    [
        ({"acks": "all"}, {"acks": Acks.ALL}),
        ({"request.required.acks": -1}, {"acks": Acks.ALL}),
        ({"default.topic.config": {"acks": 1}}, {"acks": Acks.LEADER}),
        ({"linger.ms": "20"}, {"linger_ms": 20}),
        ({"linger.ms": 0.5}, {"linger_ms": 1}),
        ({"queue.buffering.max.ms": 7}, {"linger_ms": 7}),
        ({"queue.buffering.max.kbytes": "1024"}, {"buffer_memory": 1024 * 1024}),
        ({"batch.size": 1000}, {"batch_size": 1000}),
        ({"message.max.bytes": 2_000_000}, {"max_request_size": 2_000_000}),
        ({"compression.codec": "lz4", "compression.level": -1}, {"compression_type": "lz4"}),
        ({"compression.type": "gzip", "compression.level": 6}, {"compression_type": "gzip", "compression_level": 6}),
        ({"compression.codec": "inherit"}, {}),
        ({"compression.level": 6}, {}),
        ({"enable.idempotence": False}, {"enable_idempotence": False}),
        ({"max.in.flight": 1}, {"max_in_flight_requests_per_connection": 1}),
        ({"client.id": "shop"}, {"client_id": "shop"}),
        ({"connections.max.idle.ms": 0}, {"connections_max_idle_ms": -1}),
        ({"topic.metadata.refresh.interval.ms": -1}, {}),
        ({"topic.metadata.refresh.interval.ms": 60_000}, {"metadata_max_age_ms": 60_000}),
        (
            {"topic.metadata.refresh.interval.ms": 60_000, "metadata.max.age.ms": 180_000},
            {"metadata_max_age_ms": 60_000},
        ),
        ({"request.timeout.ms": 5_000, "socket.timeout.ms": 60_000}, {"request_timeout_ms": 5_000}),
        ({"socket.timeout.ms": 5_000}, {"request_timeout_ms": 5_000}),
        ({"retries": 2_147_483_647, "message.send.max.retries": "5"}, {}),
        ({"sasl.username": None, "error_cb": None}, {}),
        # Numbers that do not fit beside our defaults make room for themselves.
        ({"request.timeout.ms": 200_000}, {"request_timeout_ms": 200_000, "delivery_timeout_ms": 200_005}),
        ({"message.timeout.ms": 5_000}, {"delivery_timeout_ms": 5_000, "request_timeout_ms": 4_995}),
        (
            {"message.timeout.ms": 5_000, "request.timeout.ms": 30_000, "linger.ms": 0},
            {"delivery_timeout_ms": 5_000, "request_timeout_ms": 5_000, "linger_ms": 0},
        ),
        ({"delivery.timeout.ms": 0}, {"delivery_timeout_ms": 2**31 - 1}),
        ({"retry.backoff.ms": 5_000}, {"retry_backoff_ms": 5_000, "retry_backoff_max_ms": 5_000}),
        ({"reconnect.backoff.ms": 2_000}, {"reconnect_backoff_ms": 2_000, "reconnect_backoff_max_ms": 2_000}),
    ],
)
def test_delivery_options(mapping: dict[str, Any], options: dict[str, object]) -> None:
    assert given(mapping) == options


def test_addresses_may_lack_a_port() -> None:
    assert translated({"bootstrap.servers": "a, b:9093"}).bootstrap_servers == ("a:9092", "b:9093")


@pytest.mark.parametrize(
    ("mapping", "options"),
    [
        ({"ssl.ca.location": "/etc/ca.pem"}, {"ssl_cafile": "/etc/ca.pem"}),
        ({"ssl.ca.location": "probe"}, {}),
        ({"ssl.ca.pem": CERTIFICATE}, {"ssl_cafile": SecretStr(CERTIFICATE)}),
        (
            {"ssl.certificate.pem": CERTIFICATE, "ssl.key.pem": KEY, "ssl.key.password": "hush"},
            {
                "ssl_certfile": SecretStr(CERTIFICATE),
                "ssl_keyfile": SecretStr(KEY),
                "ssl_key_password": SecretStr("hush"),
            },
        ),
        ({"ssl.endpoint.identification.algorithm": "none"}, {"ssl_check_hostname": False}),
        ({"ssl.endpoint.identification.algorithm": "https"}, {}),
        ({"enable.ssl.certificate.verification": "true", "https.ca.location": "probe"}, {}),
    ],
)
def test_tls_options(mapping: dict[str, Any], options: dict[str, object]) -> None:
    assert given({"security.protocol": "ssl", **mapping}) == {"security_protocol": "SSL", **options}


OIDC = {
    "security.protocol": "SASL_SSL",
    "sasl.mechanism": "OAUTHBEARER",
    "sasl.oauthbearer.method": "oidc",
    "sasl.oauthbearer.token.endpoint.url": ENDPOINT,
}
TOKENS = {"security_protocol": "SASL_SSL", "sasl_mechanism": "OAUTHBEARER"}


def test_oidc_with_a_secret() -> None:
    mapping = {
        **OIDC,
        "sasl.oauthbearer.client.id": "shop",
        "sasl.oauthbearer.client.secret": "hush",
        "sasl.oauthbearer.scope": "kafka",
        "sasl.oauthbearer.extensions": "logicalCluster=lkc-1,identityPoolId=pool-1",
        "sasl.oauthbearer.assertion.claim.aud": "of another grant",
    }

    assert given(mapping) == {
        **TOKENS,
        "sasl_oauthbearer_token_endpoint_url": ENDPOINT,
        "sasl_oauthbearer_client_credentials_client_id": "shop",
        "sasl_oauthbearer_client_credentials_client_secret": SecretStr("hush"),
        "sasl_oauthbearer_scope": "kafka",
        "sasl_oauthbearer_extensions": {"logicalCluster": "lkc-1", "identityPoolId": "pool-1"},
    }


def test_oidc_with_an_assertion() -> None:
    mapping = {
        **OIDC,
        "sasl.oauthbearer.grant.type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "sasl.oauthbearer.client.id": "of another grant",
        "sasl.oauthbearer.assertion.private.key.pem": KEY,
        "sasl.oauthbearer.assertion.claim.exp.seconds": 60,
        "sasl.oauthbearer.assertion.jwt.template.file": "/etc/template.json",
    }

    assert given(mapping) == {
        **TOKENS,
        "sasl_oauthbearer_token_endpoint_url": ENDPOINT,
        "sasl_oauthbearer_assertion_private_key_file": SecretStr(KEY),
        "sasl_oauthbearer_assertion_claim_exp_seconds": 60,
        "sasl_oauthbearer_assertion_template_file": "/etc/template.json",
    }


def test_an_oauth_cb_gives_the_tokens() -> None:
    asked: list[str] = []

    def oauth_cb(config: str) -> tuple[str, float]:
        asked.append(config)
        return "token", 1_900_000_000.0

    config = translated(
        {
            "security.protocol": "SASL_SSL",
            "sasl.mechanisms": "OAUTHBEARER",
            "oauth_cb": oauth_cb,
            "sasl.oauthbearer.config": "principal=shop",
        }
    )
    provider: Any = config.sasl_oauth_token_provider

    assert provider.token() == OAuthToken("token", 1_900_000_000.0)
    assert asked == ["principal=shop"]


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ({"enable.ssl.certificate.verification": False}, "certificates are always verified: give ssl_cafile"),
        ({"ssl.keystore.location": "client.p12"}, "ssl.keystore.location: PKCS#12 is not read: openssl pkcs12 -nodes"),
        ({"ssl.crl.location": "crl.pem"}, "ssl.crl.location: give an ssl_context that does so"),
        ({"ssl.cipher.suites": "DHE"}, "ssl.cipher.suites: give an ssl_context that does so"),
        ({"https.ca.location": "/etc/idp.pem"}, "endpoints are verified by ssl_cafile and the system's"),
        ({"sasl.mechanism": "GSSAPI", "security.protocol": "sasl_ssl"}, "Kerberos is not supported"),
        ({"sasl.oauthbearer.metadata.authentication.type": "azure_imds"}, "give a sasl_oauth_token_provider that asks"),
        ({"enable.sasl.oauthbearer.unsecure.jwt": True}, "unsecured tokens are not made"),
        ({"sasl.oauthbearer.config": "principal=shop"}, "is for an oauth_cb, which is missing"),
        ({"oauth_cb": "shop.tokens"}, "oauth_cb: must be a function"),
        ({"oauth_cb": print, "sasl.oauthbearer.method": "oidc"}, "oauth_cb: sasl.oauthbearer.method is oidc"),
        ({"sasl.password": "wonder"}, "sasl_password: security_protocol is not given, and without SASL then"),
        ({"transactional.id": "shop-1"}, "transactional.id: transactions are not supported yet"),
        ({"enable.gapless.guarantee": True}, "enable.gapless.guarantee: a record that cannot be delivered"),
        ({"queuing.strategy": "lifo"}, "records of a partition keep their order"),
        ({"retries": 0}, "retries: a record is tried again until delivery_timeout_ms is over"),
        ({"on_delivery": print}, "on_delivery: outcomes are told by fire(..., on_delivery=...)"),
        ({"value.serializer": print}, "value.serializer: give value=, a type or a serializer"),
        ({"plugin.library.paths": "monitoring"}, "plugins of librdkafka are not loaded"),
        ({"test.mock.num.brokers": 3}, "test.mock.num.brokers: write backend='memory'"),
        ({"acks": 1, "request.required.acks": 0}, "another option says something else about acks"),
        ({"linger.mss": 5}, "'linger.mss': that client has no such option; did you mean linger.ms?"),
        ({5: 1}, "5: the name of an option must be a text"),
        ({"acks": 2}, "acks=2: must be Acks.ALL"),
    ],
)
def test_what_cannot_be_honoured_is_refused(mapping: dict[str, Any], says: str) -> None:
    text = fault_of(mapping)

    assert says in text
    assert "wonder" not in text


@pytest.mark.parametrize(
    ("mapping", "overrides"),
    [
        (
            {"security.protocol": "SSL", "enable.ssl.certificate.verification": False, "ssl.crl.location": "crl.pem"},
            {"ssl_context": ssl.create_default_context()},
        ),
        ({"security.protocol": "SSL", "ssl.keystore.location": "client.p12"}, {"ssl_certfile": "client.pem"}),
        ({"value.serializer": print, "key.serializer": print}, {"key": str, "value": str}),
        ({"test.mock.num.brokers": 3}, {"backend": "memory"}),
        ({"acks": 2}, {"acks": "all"}),
        (
            {"security.protocol": "SASL_SSL", "sasl.mechanism": "OAUTHBEARER", "sasl.oauthbearer.config": "region=eu"},
            {"sasl_oauth_token_provider": "shop.tokens"},
        ),
        (
            {"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN", "sasl.username": "a", "sasl.password": "b"},
            {"security_protocol": None, "sasl_mechanism": None, "sasl_username": None, "sasl_password": None},
        ),
    ],
)
def test_an_option_given_beside_settles_it(mapping: dict[str, Any], overrides: dict[str, Any]) -> None:
    config = translated(mapping, **overrides)

    for name, value in overrides.items():
        if value is not None and name != "acks":
            assert getattr(config, name) is value or getattr(config, name) == value


def test_every_fault_has_its_line() -> None:
    text = fault_of({"transactional.id": "shop-1", "linger.mss": 5})

    assert text.splitlines()[0] == "2 faults"


def test_what_only_tunes_is_listed_in_one_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="dekaf"):
        translated({"socket.keepalive.enable": True, "statistics.interval.ms": 5_000, "linger.ms": 5})

    [record] = caplog.records
    assert record.getMessage().endswith(": socket.keepalive.enable, statistics.interval.ms")


def test_nothing_is_logged_when_nothing_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="dekaf"):
        translated({"linger.ms": 5})

    assert caplog.records == []


def test_no_mapping_at_all_is_refused() -> None:
    not_a_mapping: Any = ["linger.ms"]

    with pytest.raises(ConfigurationError, match=r"^from_confluent: must be a mapping of options, not list"):
        ProducerConfig.from_confluent(not_a_mapping)
