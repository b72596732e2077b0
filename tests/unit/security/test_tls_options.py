"""Options about TLS beside each other."""

from __future__ import annotations

import ssl

import pytest

from dekaf._security.secret import Secret
from dekaf._security.tls_options import TlsOptions
from tests.unit.security.certificates import source_of

A_PATH = source_of("ssl_certfile", "client.pem")
CLIENT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@pytest.mark.parametrize(
    "options",
    [
        TlsOptions(),
        TlsOptions(check_hostname=False),
        TlsOptions(certfile=A_PATH),
        TlsOptions(cafile=A_PATH, certfile=A_PATH, keyfile=A_PATH, key_password=Secret(b"p")),
        TlsOptions(certfile=A_PATH, key_password=lambda: "p"),
        TlsOptions(context=CLIENT),
        TlsOptions(context=ssl.create_default_context()),
    ],
)
def test_options_that_fit_have_no_fault(options: TlsOptions) -> None:
    assert options.faults() == []


def test_key_needs_its_certificate() -> None:
    assert TlsOptions(keyfile=A_PATH).faults() == [
        "ssl_keyfile: a key is of use only with its certificate: give ssl_certfile, too"
    ]


def test_password_needs_a_key() -> None:
    assert TlsOptions(key_password=Secret(b"marker")).faults() == [
        "ssl_key_password: there is no key to decrypt: give ssl_certfile and ssl_keyfile, too"
    ]


def test_context_excludes_all_others() -> None:
    faults = TlsOptions(
        context=CLIENT,
        cafile=A_PATH,
        certfile=A_PATH,
        keyfile=A_PATH,
        key_password=Secret(b"marker"),
        check_hostname=False,
    ).faults()

    assert [fault.partition(":")[0] for fault in faults] == [
        "ssl_cafile",
        "ssl_certfile",
        "ssl_keyfile",
        "ssl_key_password",
        "ssl_check_hostname",
    ]


@pytest.mark.parametrize(
    "context",
    [ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)],
)
def test_context_of_a_server_is_refused(context: ssl.SSLContext) -> None:
    (fault,) = TlsOptions(context=context).faults()

    assert fault.startswith("ssl_context: is a server's: make one with ssl.create_default_context()")


def test_no_repr_shows_a_secret() -> None:
    options = TlsOptions(
        certfile=source_of("ssl_certfile", "-----BEGIN marker"), keyfile=A_PATH, key_password=Secret(b"marker")
    )

    assert "marker" not in repr(options)
    with pytest.raises(TypeError):
        vars(options.key_password)
