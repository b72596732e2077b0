"""Authorities and pairs, made once: the keys take time."""

from __future__ import annotations

import pytest
import trustme

from tests.unit.security.certificates import Pair, client_pair


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def other_authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def authority_pem(authority: trustme.CA) -> str:
    return authority.cert_pem.bytes().decode()


@pytest.fixture(scope="session")
def server_pair(authority: trustme.CA) -> Pair:
    return Pair.of(authority.issue_cert("broker.example", "127.0.0.1"))


@pytest.fixture(scope="session")
def pair(authority: trustme.CA) -> Pair:
    return client_pair(authority)


@pytest.fixture(scope="session")
def other_pair(authority: trustme.CA) -> Pair:
    return client_pair(authority, "other")
