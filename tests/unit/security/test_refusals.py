"""Refusals in words."""

from __future__ import annotations

from dekaf._security.mechanism import Mechanism
from dekaf._security.refusals import credentials_refused_error, mechanism_refused_error


def test_mechanism_that_is_off_comes_with_those_that_are_on() -> None:
    error = mechanism_refused_error("b:9092", Mechanism.SCRAM_SHA_512, ["PLAIN", "OAUTHBEARER"])

    assert str(error) == (
        "The broker at b:9092 does not offer SCRAM-SHA-512 on this listener; it offers PLAIN, OAUTHBEARER: set "
        "sasl_mechanism to one of them, or connect to another listener."
    )


def test_list_of_mechanisms_may_be_empty_or_endless() -> None:
    assert "offers none at all:" in str(mechanism_refused_error("b:9092", Mechanism.PLAIN, []))
    assert len(str(mechanism_refused_error("b:9092", Mechanism.PLAIN, ["x" * 1000] * 100_000))) < 600


def test_refused_password_names_user_mechanism_and_options() -> None:
    error = credentials_refused_error(
        "b:9092", Mechanism.PLAIN, username="alice", message="Authentication failed: Invalid username or password"
    )

    assert str(error) == (
        "The broker at b:9092 refused the password of user 'alice' (PLAIN): check sasl_username, sasl_password and "
        "sasl_mechanism. The broker said: Authentication failed: Invalid username or password."
    )


def test_refused_token_comes_with_what_the_broker_said_about_it() -> None:
    error = credentials_refused_error(
        "b:9092", Mechanism.OAUTHBEARER, message="failed\nagain", challenge='{"status":"invalid_token"}'
    )

    assert str(error) == (
        "The broker at b:9092 refused the token (OAUTHBEARER): check what the token provider returns and "
        'sasl_mechanism. The broker said: failed\\nagain; {"status":"invalid_token"}.'
    )


def test_words_that_kafka_says_twice_are_shown_once() -> None:
    error = credentials_refused_error("b:9092", Mechanism.OAUTHBEARER, message="{}", challenge="{}")

    assert str(error).endswith("The broker said: {}.")


def test_broker_that_says_nothing_is_not_quoted() -> None:
    assert str(credentials_refused_error("b:9092", Mechanism.SCRAM_SHA_256, username="u")).endswith("sasl_mechanism.")
