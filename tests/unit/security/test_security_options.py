from __future__ import annotations

import pytest

from dekaf._security.mechanism import Mechanism
from dekaf._security.sasl_options import SaslOptions
from dekaf._security.secret import Secret
from dekaf._security.security_options import SecurityOptions, SecurityProtocol
from dekaf._security.tls_options import TlsOptions


@pytest.mark.parametrize(
    ("protocol", "tls", "sasl"),
    [
        (SecurityProtocol.PLAINTEXT, False, False),
        (SecurityProtocol.SSL, True, False),
        (SecurityProtocol.SASL_PLAINTEXT, False, True),
        (SecurityProtocol.SASL_SSL, True, True),
    ],
)
def test_a_protocol_is_with_or_without_tls_and_sasl(protocol: SecurityProtocol, tls: bool, sasl: bool) -> None:
    assert (protocol.uses_tls, protocol.uses_sasl) == (tls, sasl)


@pytest.mark.parametrize(
    ("mechanism", "tls", "expected"),
    [
        (Mechanism.PLAIN, None, True),
        (Mechanism.OAUTHBEARER, None, True),
        (Mechanism.SCRAM_SHA_256, None, False),
        (Mechanism.SCRAM_SHA_512, None, False),
        (Mechanism.PLAIN, TlsOptions(), False),
        (Mechanism.OAUTHBEARER, TlsOptions(), False),
    ],
)
def test_credentials_are_shown_where_nothing_hides_them(
    mechanism: Mechanism, tls: TlsOptions | None, expected: bool
) -> None:
    protocol = SecurityProtocol.SASL_PLAINTEXT if tls is None else SecurityProtocol.SASL_SSL

    options = SecurityOptions(protocol=protocol, tls=tls, sasl=SaslOptions(mechanism))

    assert options.shows_credentials is expected


def test_without_options_there_is_no_security() -> None:
    assert SecurityOptions() == SecurityOptions(protocol=SecurityProtocol.PLAINTEXT, tls=None, sasl=None)
    assert not SecurityOptions().shows_credentials


def test_the_repr_does_not_show_the_password() -> None:
    sasl = SaslOptions(Mechanism.PLAIN, username="alice", password=Secret(b"wonder"))

    shown = repr(SecurityOptions(protocol=SecurityProtocol.SASL_PLAINTEXT, sasl=sasl))

    assert "alice" in shown
    assert "wonder" not in shown
