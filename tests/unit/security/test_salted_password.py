"""Salted passwords, and the few that are kept."""

from __future__ import annotations

import base64

import pytest

from dekaf._security.mechanism import Mechanism
from dekaf._security.salted_password import SaltedPasswords, SaltParameters
from dekaf._security.secret import Secret

SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
PARAMETERS = SaltParameters(Mechanism.SCRAM_SHA_256, SALT, 4096)
AUTH_MESSAGE = (
    b"n=user,r=rOprNGfwEbeRWgbNEkqO,"
    b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
    b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
)


def test_proof_and_signature_are_those_of_rfc_7677() -> None:
    salted = SaltedPasswords().salt(PARAMETERS, Secret(b"pencil"))

    assert base64.b64encode(salted.client_proof(AUTH_MESSAGE)) == b"dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    assert base64.b64encode(salted.server_signature(AUTH_MESSAGE)) == b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def test_salting_again_costs_nothing() -> None:
    passwords = SaltedPasswords()

    salted = passwords.salt(PARAMETERS, Secret(b"pencil"))

    assert passwords.salt(PARAMETERS, Secret(b"pencil")) is salted
    assert passwords.find(PARAMETERS, Secret(b"pencil")) is salted


@pytest.mark.parametrize(
    ("parameters", "password"),
    [
        (PARAMETERS, b"pencils"),
        (PARAMETERS._replace(mechanism=Mechanism.SCRAM_SHA_512), b"pencil"),
        (PARAMETERS._replace(salt=b"salt"), b"pencil"),
        (PARAMETERS._replace(iterations=4097), b"pencil"),
    ],
    ids=["password", "mechanism", "salt", "iterations"],
)
def test_another_of_anything_is_another_one(parameters: SaltParameters, password: bytes) -> None:
    passwords = SaltedPasswords()
    salted = passwords.salt(PARAMETERS, Secret(b"pencil"))

    assert passwords.find(parameters, Secret(password)) is None
    assert passwords.salt(parameters, Secret(password)).client_proof(b"") != salted.client_proof(b"")


def test_only_the_last_few_are_kept() -> None:
    passwords = SaltedPasswords()
    for number in range(50):
        passwords.salt(PARAMETERS._replace(salt=bytes([number]), iterations=1), Secret(b"pencil"))

    kept = [
        number
        for number in range(50)
        if passwords.find(PARAMETERS._replace(salt=bytes([number]), iterations=1), Secret(b"pencil"))
    ]

    assert kept == list(range(42, 50))


def test_it_is_shown_nowhere() -> None:
    salted = SaltedPasswords().salt(PARAMETERS, Secret(b"pencil"))

    assert repr(salted) == "<salted password>"
    with pytest.raises(TypeError):
        vars(salted)
