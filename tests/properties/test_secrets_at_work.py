"""No secret is shown while connections are made: not in logs at DEBUG, errors, their chains, reprs, nor in variables.

Whole producers, with a secret of each kind, meet brokers that let them in, refuse, cheat, stall and hang up.
"""

from __future__ import annotations

import base64
import logging
import pickle
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from dekaf import DekafError, Producer
from dekaf.security import OAuthToken
from dekaf.testing import ALWAYS, ApiKey, FakeCluster, SaslAccounts, SaslFault
from tests.certificates import Authority, KeyPair
from tests.unit.security.tracebacks import everything_shown

USER: Final = "alice"
PASSWORD: Final = "mArK-the-password-7f3a91"
KEY_PASSWORD: Final = "mArK-of-the-key-55c0de"
TOKEN: Final = "mArKhEaDeR.mArKpAyLoAd.mArKsIgNaTuRe"
TOPIC: Final = "t"

Trouble = Callable[[FakeCluster, str], object]

TROUBLES: Final[dict[str, Trouble]] = {
    "none": lambda _cluster, _told: None,
    "refused": lambda cluster, _told: cluster.on(ApiKey.SASL_AUTHENTICATE).fail(58, times=ALWAYS),
    "refused in the handshake": lambda cluster, _told: cluster.on(ApiKey.SASL_HANDSHAKE).fail(33, times=ALWAYS),
    "garbage of the mechanism": lambda cluster, _told: cluster.on(ApiKey.SASL_AUTHENTICATE).spoil(
        SaslFault.GARBAGE, times=ALWAYS
    ),
    "garbage of the wire": lambda cluster, _told: cluster.on(ApiKey.SASL_AUTHENTICATE).garbage(times=ALWAYS),
    "cut short": lambda cluster, _told: cluster.on(ApiKey.SASL_AUTHENTICATE).truncate(times=ALWAYS),
    "hung up": lambda cluster, _told: cluster.on(ApiKey.SASL_AUTHENTICATE).close_before_append(times=ALWAYS),
    "reset": lambda cluster, _told: cluster.on(ApiKey.SASL_AUTHENTICATE).reset(times=ALWAYS),
    "stalled": lambda cluster, _told: cluster.on(ApiKey.SASL_AUTHENTICATE).never_answer(times=ALWAYS),
    "repeated": lambda cluster, told: cluster.on(ApiKey.SASL_AUTHENTICATE).rewrite(repeating(told), times=ALWAYS),
    "repeated as a challenge": lambda cluster, told: cluster.on(ApiKey.SASL_AUTHENTICATE).rewrite(
        challenging(told), times=ALWAYS
    ),
    "gone": lambda cluster, _told: cluster.stop_broker(1),
}


def repeating(told: str) -> Callable[[bytes], bytes]:
    """Have the broker quote what it was told, as its error."""

    def rewrite(answer: bytes) -> bytes:
        message = f"Not this: {told}".encode()
        return framed(answer[4:8] + b"\0" + b"\0\x3a" + bytes([len(message) + 1]) + message + b"\1" + bytes(9))

    return rewrite


def challenging(told: str) -> Callable[[bytes], bytes]:
    """Have the broker quote what it was told, within the mechanism."""

    def rewrite(answer: bytes) -> bytes:
        message = f"Not this: {told}".encode()
        return framed(answer[4:8] + b"\0" + b"\0\0\0" + bytes([len(message) + 1]) + message + bytes(9))

    return rewrite


def framed(answer: bytes) -> bytes:
    return len(answer).to_bytes(4, "big") + answer


def token() -> OAuthToken:
    return OAuthToken(TOKEN, time.time() + 3600, principal=USER)


def failing_password() -> str:
    raise LookupError("the vault is closed")  # what an application raises is the cause, in its own words


def failing_token() -> OAuthToken:
    raise LookupError("the endpoint is down")


def lying_token() -> Any:
    return TOKEN


def lying_password() -> Any:
    return PASSWORD.encode()


def broken_password() -> str:
    return f"{PASSWORD}\ud800"


OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "PLAIN": {"sasl_mechanism": "PLAIN", "sasl_username": USER, "sasl_password": PASSWORD},
    "SCRAM": {"sasl_mechanism": "SCRAM-SHA-256", "sasl_username": USER, "sasl_password": lambda: PASSWORD},
    "a password that cannot be had": {
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_username": USER,
        "sasl_password": failing_password,
    },
    "a password that is bytes": {
        "sasl_mechanism": "SCRAM-SHA-256",
        "sasl_username": USER,
        "sasl_password": lying_password,
    },
    "a password that is not UTF-8": {
        "sasl_mechanism": "PLAIN",
        "sasl_username": USER,
        "sasl_password": broken_password,
    },
    "a token": {"sasl_mechanism": "OAUTHBEARER", "sasl_oauth_token_provider": token},
    "a token that cannot be had": {"sasl_mechanism": "OAUTHBEARER", "sasl_oauth_token_provider": failing_token},
    "a token that is a text": {"sasl_mechanism": "OAUTHBEARER", "sasl_oauth_token_provider": lying_token},
}


def markers(pair: KeyPair) -> Iterator[str]:
    """Yield whatever shows a secret: itself, what SASL makes of it, and both in base64; and each line of a key."""
    for secret in (PASSWORD, KEY_PASSWORD, TOKEN, f"\0{USER}\0{PASSWORD}", f"n,,\1auth=Bearer {TOKEN}\1\1"):
        yield secret
        for lead in range(3):  # base64 of the same bytes differs with where they begin
            encoded = base64.b64encode(b"\0" * lead + secret.encode())
            yield encoded.decode()[4:-4]
    yield from TOKEN.split(".")
    yield from pair.keyfile.read_text(encoding="ascii").splitlines()[1:-1]


@pytest.fixture(scope="module")
def pair(authority: Authority) -> KeyPair:
    return authority.client("at-work")


@pytest.fixture(scope="module")
def material(authority: Authority, pair: KeyPair) -> dict[str, Any]:
    """TLS options with a key as text, and its password."""
    return {
        "security_protocol": "SASL_SSL",
        "ssl_cafile": authority.cafile.read_text(encoding="ascii"),
        "ssl_certfile": pair.certfile.read_text(encoding="ascii"),
        "ssl_keyfile": pair.encrypted_keyfile(KEY_PASSWORD).read_text(encoding="ascii"),
        "ssl_key_password": lambda: KEY_PASSWORD,
    }


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("kind", OPTIONS)
def test_no_secret_is_shown_by_a_producer_at_work(
    kind: str,
    trouble: str,
    authority: Authority,
    pair: KeyPair,
    material: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    server = authority.server()
    accounts = SaslAccounts({USER: PASSWORD}, accept_token=lambda _token: None)
    cluster = FakeCluster(
        topics={TOPIC: 1}, sasl=accounts, tls=(server.certfile, server.keyfile), host="localhost", nodes=2
    )
    shown: list[str] = []
    with cluster:
        # A broker can repeat what it was told, which of SCRAM is nothing that is secret.
        TROUBLES[trouble](cluster, {"PLAIN": PASSWORD, "a token": TOKEN}.get(kind, "that"))
        options = {
            "bootstrap_servers": cluster.bootstrap_servers,
            "produce_timeout_ms": 250,
            "request_timeout_ms": 150,
            "socket_connection_setup_timeout_ms": 150,
            "close_timeout_ms": 0,
            "reconnect_backoff_ms": 10,
            **material,
            **OPTIONS[kind],
        }
        with Producer(**options) as producer:
            try:
                producer.produce(TOPIC, None, b"v")
            except DekafError as error:
                shown += [everything_shown(error), repr(pickle.loads(pickle.dumps(error)))]
            status = producer.status()
            shown += [repr(producer), repr(status), repr(status.as_dict()), repr(producer._core.config)]
            shown += [repr(vars(producer)) if hasattr(producer, "__dict__") else ""]
            try:
                producer.check(0.05)
            except DekafError as error:
                shown.append(everything_shown(error))
    for record in caplog.records:
        shown.append(f"{record.getMessage()} {record.args!r}")
        if record.exc_info and record.exc_info[1] is not None:
            shown.append(everything_shown(record.exc_info[1]))

    leaks = [(mark, text) for mark in markers(pair) for text in shown if mark and mark in text]
    assert leaks == []
    assert shown
