"""The environment's secure options, for the servers as they are, and for the reader in its own words."""

from __future__ import annotations

import pytest

from example_project.demo.failure import DemoError
from example_project.demo.security import options_for_confluent, security_variables, what_dekaf_says

LOGIN = {
    "DEKAF_BOOTSTRAP_SERVERS": "broker.example:9093",
    "DEKAF_LINGER_MS": "20",
    "DEKAF_SECURITY_PROTOCOL": "SASL_SSL",
    "DEKAF_SSL_CAFILE": "/etc/kafka/ca.pem",
    "DEKAF_SSL_CERTFILE": "",
    "DEKAF_SASL_MECHANISM": "SCRAM-SHA-512",
    "DEKAF_SASL_USERNAME": "shop",
    "DEKAF_SASL_PASSWORD": "wonderland",
}


def test_only_what_is_given_about_security_is_handed_on() -> None:
    assert sorted(security_variables(LOGIN)) == [
        "DEKAF_SASL_MECHANISM",
        "DEKAF_SASL_PASSWORD",
        "DEKAF_SASL_USERNAME",
        "DEKAF_SECURITY_PROTOCOL",
        "DEKAF_SSL_CAFILE",
    ]


def test_the_reader_gets_the_same_under_its_own_names() -> None:
    assert options_for_confluent(LOGIN) == {
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": "/etc/kafka/ca.pem",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "shop",
        "sasl.password": "wonderland",
    }


def test_pem_text_has_another_name_there() -> None:
    text = "-----BEGIN CERTIFICATE-----\\nabc\\n-----END CERTIFICATE-----"

    assert options_for_confluent({"DEKAF_SSL_CAFILE": text}) == {"ssl.ca.pem": text.replace("\\n", "\n")}


def test_what_the_reader_cannot_do_is_named() -> None:
    with pytest.raises(DemoError, match="DEKAF_SASL_OAUTH_TOKEN_PROVIDER"):
        options_for_confluent({"DEKAF_SASL_OAUTH_TOKEN_PROVIDER": "shop.tokens.token"})


def test_a_mistake_is_told_in_dekafs_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEKAF_SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("DEKAF_SASL_MECHANISMS", "PLAIN")

    said = what_dekaf_says("127.0.0.1:1", 1)

    assert "sasl_mechanisms: no such option; write sasl_mechanism" in said.lower()
