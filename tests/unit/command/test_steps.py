"""The steps of `dekaf check`: where one failed, and how that is told."""

from __future__ import annotations

import io

import pytest

from dekaf.command.steps import Place, Step, place_of, telling
from dekaf.errors import (
    AuthenticationError,
    BrokerConnectionError,
    ClusterAuthorizationError,
    CredentialsUnavailableError,
    DekafError,
    InvalidTopicError,
    TopicAuthorizationError,
    UnknownTopicOrPartitionError,
    caused_error,
)


def test_a_step_is_a_line_that_names_what_failed() -> None:
    assert str(Step("cluster", "3 brokers")) == "ok     cluster: 3 brokers"
    assert str(Step("cluster", "refused", failed_at=Place.SASL)) == "FAILED cluster: SASL: refused"


def test_what_is_no_terminal_gets_lines() -> None:
    stream = io.StringIO()
    with telling(stream) as tell:
        tell(Step("cluster", "3 brokers"))

    assert stream.getvalue() == "ok     cluster: 3 brokers\n"


@pytest.mark.parametrize(
    ("error", "place"),
    [
        (TopicAuthorizationError("no", topic="t"), Place.RIGHTS),
        (ClusterAuthorizationError("no"), Place.RIGHTS),
        (UnknownTopicOrPartitionError("no", topic="t"), Place.TOPIC),
        (InvalidTopicError("no", topic="t"), Place.TOPIC),
        (AuthenticationError("The broker at a:1 refused the password of 'shop'."), Place.SASL),
        (
            AuthenticationError("The broker at a:1 demands a certificate of its clients (X): set ssl_certfile"),
            Place.TLS,
        ),
        (CredentialsUnavailableError("the token endpoint's certificate is not trusted"), Place.SASL),
        (BrokerConnectionError("The broker at a:1 did not authenticate us within 10 s"), Place.SASL),
        (BrokerConnectionError("The listener at a:1 does not authenticate clients: set security_protocol"), Place.SASL),
        (BrokerConnectionError("The broker at a:1 did not complete the TLS handshake in time"), Place.TLS),
        (BrokerConnectionError("The broker at a:1 answers in TLS, and this connection is not"), Place.TLS),
        (BrokerConnectionError("The broker at a:1 refused to negotiate: UNSUPPORTED_VERSION."), Place.VERSIONS),
        (BrokerConnectionError("The broker does not offer PRODUCE, which this client needs."), Place.VERSIONS),
        (BrokerConnectionError("The broker at a:1 did not say which versions it speaks within 10 s"), Place.VERSIONS),
        (BrokerConnectionError("The broker at a:1 did not answer METADATA within 10 s"), Place.METADATA),
    ],
)
def test_where_a_question_failed_is_told_by_its_error_or_the_cause_of_that(error: DekafError, place: Place) -> None:
    assert place_of(error) is place
    assert place_of(caused_error(BrokerConnectionError("No broker of a:1 answered"), error)) is place
