"""What to write instead of an option that does not exist."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from dekaf.producer.masked import masked
from dekaf.producer.other_names import unknown_option

OPTIONS = ("acks", "batch_size", "bootstrap_servers", "linger_ms", "sasl_password")


def told(name: str, value: object = None) -> str:
    return unknown_option(name, value, OPTIONS)


@pytest.mark.parametrize("name", ["linger.ms", "linger-ms", "LINGER_MS", " linger_ms "])
def test_spelling_of_kafka_and_of_the_environment_is_told_in_ours(name: str) -> None:
    assert told(name).endswith("no such option; write linger_ms")


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("queue.buffering.max.ms", "write linger_ms"),
        ("metadata.broker.list", "write bootstrap_servers"),
        ("retries", "a record is tried again until delivery_timeout_ms is over"),
        ("loop", "a producer is bound to no event loop"),
        ("partitioner.availability.timeout.ms", "where fewer batches wait"),
        ("partitioner.ignore.keys", "a partitioner of your own that returns None"),
        ("partitioner.rack.aware", "brokers of any rack"),
        ("socket.connection.setup.timeout.max.ms", "the same for every try"),
        ("ssl.ca.location", "write ssl_cafile"),
        ("sasl.mechanisms", "write sasl_mechanism"),
        ("sasl.kerberos.service.name", "Kerberos (GSSAPI) is not supported"),
        ("ssl.truststore.password", "PEM"),
        ("ssl.cipher.suites", "ssl_context"),
    ],
)
def test_name_of_another_client_is_told_in_ours_or_why_there_is_none(name: str, instead: str) -> None:
    assert told(name).startswith(f"'{name}': no such option; " if "." in name else f"{name}: no such option; ")
    assert instead in told(name)


@pytest.mark.parametrize("name", ["transactional.id", "transaction.timeout.ms"])
def test_what_is_not_built_yet_is_said_to_be(name: str) -> None:
    assert told(name).endswith("is not supported by this version of dekaf yet")


def test_misspelling_is_told_by_the_nearest_name_if_there_is_one() -> None:
    assert told("lingre_ms") == "lingre_ms: no such option; did you mean linger_ms?"
    assert told("quux") == "quux: no such option"


@pytest.mark.parametrize("wrap", [str, SecretStr, masked])
def test_jaas_config_is_told_by_its_login_module_and_shows_nothing_else(wrap: type) -> None:
    jaas = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="alice" password="s3cret";'

    text = told("sasl.jaas.config", wrap(jaas))

    assert "write sasl_mechanism" in text
    assert "PLAIN" in text
    assert "s3cret" not in text


def test_value_is_never_shown() -> None:
    assert "s3cret" not in told("passphrase", "s3cret")
