"""SCRAM: the exchange of RFC 7677, and every way in which a broker can get it wrong."""

from __future__ import annotations

import base64

import pytest

from dekaf._security.exchange import Finished, SaltNeeded, Send
from dekaf._security.mechanism import Mechanism
from dekaf._security.salted_password import SaltedPasswords, SaltParameters
from dekaf._security.scram import ScramExchange, ScramState, escaped_name
from dekaf._security.secret import Secret
from dekaf.errors import AuthenticationError, ConfigurationError
from tests.unit.security.tracebacks import everything_shown

OUR_NONCE = "rOprNGfwEbeRWgbNEkqO"
NONCE = f"{OUR_NONCE}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
SALT = "W22ZaJ0SNY7soEsUEjb6gQ=="
SERVER_FIRST = f"r={NONCE},s={SALT},i=4096"
PASSWORD = Secret(b"pencil")

# By mechanism: the client's proof and the server's signature. SHA-256 is the example of RFC 7677, section 3.
VECTORS = {
    Mechanism.SCRAM_SHA_256: (
        "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    ),
    Mechanism.SCRAM_SHA_512: (
        "gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ==",
        "ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw==",
    ),
}
_, SIGNATURE = VECTORS[Mechanism.SCRAM_SHA_256]

passwords = SaltedPasswords()


def an_exchange(mechanism: Mechanism = Mechanism.SCRAM_SHA_256) -> ScramExchange:
    return ScramExchange("b:9092", mechanism, username="user", nonce=OUR_NONCE)


def greeted() -> ScramExchange:
    exchange = an_exchange()
    exchange.start()
    return exchange


def proved() -> ScramExchange:
    exchange = greeted()
    step = exchange.receive(SERVER_FIRST.encode())
    assert isinstance(step, SaltNeeded)
    exchange.resume(passwords.salt(step.parameters, PASSWORD))
    return exchange


@pytest.mark.mistake("librdkafka #4895")
@pytest.mark.parametrize("mechanism", VECTORS)
def test_whole_exchange_has_its_known_bytes(mechanism: Mechanism) -> None:
    proof, signature = VECTORS[mechanism]
    exchange = an_exchange(mechanism)

    first = exchange.start()
    step = exchange.receive(SERVER_FIRST.encode())
    assert step == SaltNeeded(SaltParameters(mechanism, base64.b64decode(SALT), 4096))
    last = exchange.resume(passwords.salt(step.parameters, PASSWORD))
    end = exchange.receive(f"v={signature}".encode())

    assert first.reveal() == f"n,,n=user,r={OUR_NONCE}".encode()
    assert last == Send(Secret(f"c=biws,r={NONCE},p={proof}".encode()))
    assert end == Finished()
    assert exchange.state is ScramState.FINISHED


@pytest.mark.parametrize(
    ("username", "escaped"),
    [("user", "user"), ("a=b", "a=3Db"), ("a,b", "a=2Cb"), ("=2C", "=3D2C"), ("ü", "ü")],
)
def test_equals_signs_and_commas_of_a_name_are_escaped(username: str, escaped: str) -> None:
    exchange = ScramExchange("b:9092", Mechanism.SCRAM_SHA_512, username=username, nonce="n")

    assert escaped_name(username) == escaped
    assert exchange.start().reveal() == f"n,,n={escaped},r=n".encode()


@pytest.mark.parametrize("username", ["", "u\x00", "u\udcff"])
def test_name_that_cannot_be_sent_is_refused(username: str) -> None:
    with pytest.raises(ConfigurationError, match="sasl_username"):
        ScramExchange("b:9092", Mechanism.SCRAM_SHA_512, username=username)


def test_other_mechanisms_are_not_scram() -> None:
    with pytest.raises(ValueError, match="not a SCRAM mechanism"):
        ScramExchange("b:9092", Mechanism.PLAIN, username="user")


def test_nonces_differ_and_are_long() -> None:
    firsts = [
        ScramExchange("b:9092", Mechanism.SCRAM_SHA_512, username="u").start().reveal().decode() for _ in range(100)
    ]

    nonces = {first.removeprefix("n,,n=u,r=") for first in firsts}
    assert len(nonces) == 100
    assert all(len(nonce) >= 22 and "," not in nonce and nonce.isascii() for nonce in nonces)


@pytest.mark.mistake("kafka-python #3026")
@pytest.mark.parametrize(
    ("message", "error"),
    [
        (f"r=someone-elses,s={SALT},i=4096", "did not continue our nonce"),
        (f"r={OUR_NONCE},s={SALT},i=4096", "did not continue our nonce"),
        (f"r={OUR_NONCE.lower()}xyz,s={SALT},i=4096", "did not continue our nonce"),
        (f"r={OUR_NONCE} x,s={SALT},i=4096", "nonce with characters"),
        (f"r={OUR_NONCE}ü,s={SALT},i=4096", "nonce with characters"),
        (f"r={NONCE},s=%%%,i=4096", "salt that is not base64"),
        (f"r={NONCE},s=AAA,i=4096", "salt that is not base64"),
        (f"r={NONCE},s=ü,i=4096", "salt that is not base64"),
        (f"r={NONCE},s=,i=4096", "salt that is not base64"),
        (f"r={NONCE},s={SALT},i=4095", "4095 iterations, where 4096 to 1000000"),
        (f"r={NONCE},s={SALT},i=1000001", "1000001 iterations, where 4096 to 1000000"),
        (f"r={NONCE},s={SALT},i=9999999999", "9999999999 iterations, where"),
        (f"r={NONCE},s={SALT},i=" + "9" * 5000, "is no number"),
        (f"r={NONCE},s={SALT},i=-4096", "is no number"),
        (f"r={NONCE},s={SALT},i=4_096", "is no number"),
        (f"r={NONCE},s={SALT},i=٤٠٩٦", "is no number"),
        (f"r={NONCE},s={SALT},i=", "is no number"),
        (f"r={NONCE},s={SALT}", "no valid first message"),
        (f"s={SALT},r={NONCE},i=4096", "no valid first message"),
        (f"v={SIGNATURE}", "no valid first message"),
        ("", "no valid first message"),
        (f"m=x,{SERVER_FIRST}", "extension"),
        (f"{SERVER_FIRST},m=x", "extension"),
        ("e=unknown-user", "refused: unknown-user"),
        ("r=" + "x" * 9000, "message of 9002 bytes"),
    ],
)
def test_first_message_of_a_broker_that_is_wrong_is_refused(message: str, error: str) -> None:
    exchange = greeted()

    with pytest.raises(AuthenticationError, match=f"SCRAM-SHA-256: the broker at b:9092 .*{error}") as caught:
        exchange.receive(message.encode())

    assert exchange.state is ScramState.FAILED
    assert len(str(caught.value)) < 600


def test_first_message_that_is_no_text_is_refused() -> None:
    with pytest.raises(AuthenticationError, match="not text"):
        greeted().receive(b"r=\xff")


@pytest.mark.parametrize("iterations", [4096, 1_000_000])
def test_bounds_of_the_iterations_are_accepted(iterations: int) -> None:
    step = greeted().receive(f"r={NONCE},s={SALT},i={iterations}".encode())

    assert isinstance(step, SaltNeeded)
    assert step.parameters.iterations == iterations


def test_extensions_that_need_not_be_understood_are_part_of_what_is_proved() -> None:
    plain, extended = greeted(), greeted()
    plain.receive(SERVER_FIRST.encode())
    step = extended.receive(f"{SERVER_FIRST},x=y".encode())
    assert isinstance(step, SaltNeeded)
    salted = passwords.salt(step.parameters, PASSWORD)

    assert plain.resume(salted) != extended.resume(salted)


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("", "did not prove that it knows the password"),
        ("v=", "proved to know another password"),
        ("v=%%%", "did not prove"),
        (f"v={SIGNATURE[:-4]}AAA=", "proved to know another password"),
        (f"v={VECTORS[Mechanism.SCRAM_SHA_512][1]}", "proved to know another password"),
        (f"x=y,v={SIGNATURE}", "did not prove"),
        (SERVER_FIRST, "did not prove"),
        ("e=invalid-proof", "refused: invalid-proof"),
        (f"m=x,v={SIGNATURE}", "extension"),
    ],
)
def test_broker_that_does_not_prove_itself_is_refused(message: str, error: str) -> None:
    exchange = proved()

    with pytest.raises(AuthenticationError, match=error):
        exchange.receive(message.encode())

    assert exchange.state is ScramState.FAILED


def test_signature_may_be_followed_by_extensions() -> None:
    assert proved().receive(f"v={SIGNATURE},x=y".encode()) == Finished()


def test_success_without_the_servers_first_message_is_refused() -> None:
    with pytest.raises(AuthenticationError, match="no valid first message"):
        greeted().receive(b"")


def test_messages_out_of_turn_are_refused() -> None:
    salted = passwords.salt(SaltParameters(Mechanism.SCRAM_SHA_256, b"salt", 4096), PASSWORD)
    finished = proved()
    finished.receive(f"v={SIGNATURE}".encode())

    for call in (
        lambda: an_exchange().receive(SERVER_FIRST.encode()),
        lambda: greeted().start(),
        lambda: greeted().resume(salted),
        lambda: finished.receive(f"v={SIGNATURE}".encode()),
        lambda: finished.resume(salted),
    ):
        with pytest.raises(AuthenticationError, match="out of turn"):
            call()


def test_no_error_shows_password_or_proof() -> None:
    exchange = proved()

    with pytest.raises(AuthenticationError) as caught:
        exchange.receive(b"v=AAAA")

    shown = everything_shown(caught.value)
    assert all(one not in shown for one in ("pencil", "dHzbZapW"))
