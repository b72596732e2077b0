"""What connections need before they are dialled: a TLS context, proof of who we are, or nothing."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from dekaf._network.security import BETWEEN_LOOKS, Security, SecuritySettings
from dekaf._security.mechanism import Mechanism
from dekaf._security.sasl_options import SaslOptions
from dekaf._security.secret import Secret
from dekaf._security.tls_contexts import TlsContexts
from dekaf._security.tls_options import TlsOptions
from dekaf.errors import AuthenticationError

pytestmark = pytest.mark.asyncio

MakeSecurity = Callable[..., Security]
ALICE = SaslOptions(Mechanism.PLAIN, username="alice", password=Secret(b"wonder"))


@pytest_asyncio.fixture
async def make() -> AsyncIterator[MakeSecurity]:
    made: list[Security] = []

    def make(*, tls: TlsContexts | None = None, sasl: SaslOptions | None = None) -> Security:
        made.append(Security(asyncio.get_running_loop(), SecuritySettings(tls, sasl), 10.0))
        return made[-1]

    yield make
    for security in made:
        security.stop()


async def test_plain_text_without_authentication_needs_nothing(make: MakeSecurity) -> None:
    security = make()

    assert await security.context() is None
    assert await security.identity() is None
    assert security.peer("localhost", "localhost:9092") is None


async def test_context_is_the_one_at_hand_while_there_are_no_files_to_look_at(make: MakeSecurity) -> None:
    contexts = TlsContexts(TlsOptions(context=ssl.create_default_context()))
    security = make(tls=contexts)

    assert await security.context() is contexts.current
    assert security._looked_at == -BETWEEN_LOOKS  # nobody looked


async def test_errors_of_a_handshake_know_with_whom_it_was(make: MakeSecurity) -> None:
    peer = make(tls=TlsContexts(TlsOptions())).peer("localhost", "localhost:9092")

    assert peer is not None
    assert peer.address == "localhost:9092"


async def test_identity_is_made_of_the_options(make: MakeSecurity) -> None:
    identity = await make(sasl=ALICE).identity()

    assert identity is not None
    assert identity.credentials.username == "alice"
    assert "wonder" not in repr(identity.credentials)


async def test_application_that_gives_no_password_is_an_error_with_its_cause(make: MakeSecurity) -> None:
    def fail() -> object:
        raise LookupError("the vault is sealed")

    security = make(sasl=SaslOptions(Mechanism.PLAIN, username="alice", password=fail))

    with pytest.raises(AuthenticationError) as caught:
        await security.identity()

    assert isinstance(caught.value.__cause__, LookupError)
