"""How a connection is protected, told to people: what TLS agreed on, who authenticated, and when again."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import pytest

from dekaf._network.connection_security import security_of
from dekaf._security.credentials import Credentials
from dekaf._security.mechanism import Mechanism
from dekaf._security.secret import Secret
from dekaf.reports import ConnectionSecurity
from dekaf.security import OAuthToken

ALICE = Credentials(Mechanism.PLAIN, username="alice", password=Secret(b"wonder"))


class Tls:
    """What OpenSSL tells of a connection."""

    def __init__(self, certificate: dict[str, Any] | None, cipher: tuple[str, str, int] | None) -> None:
        self.certificate = certificate
        self.agreed = cipher

    def version(self) -> str:
        return "TLSv1.3"

    def cipher(self) -> tuple[str, str, int] | None:
        return self.agreed

    def getpeercert(self) -> dict[str, Any] | None:
        return self.certificate


class Transport:
    def __init__(self, tls: Tls | None = None) -> None:
        self.tls = tls

    def get_extra_info(self, name: str) -> Tls | None:
        return self.tls if name == "ssl_object" else None


def test_plain_connection_has_nothing_but_its_broker() -> None:
    assert security_of(Transport(), "b:9092", credentials=None, reauthenticates_at=None) == ConnectionSecurity(
        broker="b:9092"
    )


def test_what_tls_agreed_on_is_told() -> None:
    tls = Tls({"notAfter": "Jun  7 08:09:10 2031 GMT"}, ("TLS_AES_256_GCM_SHA384", "TLSv1.3", 256))

    secured = security_of(Transport(tls), "b:9093", credentials=None, reauthenticates_at=None)

    assert (secured.tls_version, secured.cipher) == ("TLSv1.3", "TLS_AES_256_GCM_SHA384")
    assert secured.certificate_expires == datetime(2031, 6, 7, 8, 9, 10, tzinfo=UTC)


@pytest.mark.parametrize("certificate", [None, {}, {"notAfter": "tomorrow"}])
def test_certificate_that_was_not_verified_has_no_known_end(certificate: dict[str, Any] | None) -> None:
    """A context of the user's own may verify nothing; Python gives an empty certificate then."""
    secured = security_of(Transport(Tls(certificate, None)), "b:9093", credentials=None, reauthenticates_at=None)

    assert (secured.tls_version, secured.cipher, secured.certificate_expires) == ("TLSv1.3", None, None)


def test_who_authenticated_is_told_and_when_it_is_due_again() -> None:
    before = datetime.now(UTC)

    secured = security_of(Transport(), "b:9092", credentials=ALICE, reauthenticates_at=monotonic() + 60)

    assert (secured.mechanism, secured.principal) == ("PLAIN", "alice")
    assert secured.reauthenticates_at is not None
    assert timedelta(seconds=59) < secured.reauthenticates_at - before < timedelta(seconds=70)
    assert "wonder" not in repr(secured)


@pytest.mark.parametrize("seconds", [1e12, 9.3e15])
def test_session_that_ends_after_the_calendar_has_no_end(seconds: float) -> None:
    """The most that fits into an answer are 292 million years."""
    secured = security_of(Transport(), "b:9092", credentials=ALICE, reauthenticates_at=monotonic() + seconds)

    assert secured.reauthenticates_at is None


@pytest.mark.parametrize(("principal", "shown"), [("", None), ("alice", "alice")])
def test_principal_of_a_token_is_the_one_its_provider_named(principal: str, shown: str | None) -> None:
    token = OAuthToken("aaa.bbb.ccc", 4_000_000_000.0, principal=principal)
    credentials = Credentials(Mechanism.OAUTHBEARER, token=token)

    secured = security_of(Transport(), "b:9092", credentials=credentials, reauthenticates_at=None)

    assert (secured.mechanism, secured.principal) == ("OAUTHBEARER", shown)
    assert "aaa" not in repr(secured)


def test_certificates_of_openssl_have_such_dates() -> None:
    """The form that is read here is the one of Python's own documentation."""
    assert ssl.cert_time_to_seconds("Jan  5 09:34:43 2018 GMT") == 1_515_144_883
