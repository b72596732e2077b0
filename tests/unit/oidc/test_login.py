"""A login whose tokens come from an endpoint: asked on its thread, in time, and no more often than needed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from dekaf import CredentialsUnavailableError
from dekaf._network.login import Login
from dekaf._network.login_thread import LoginThread
from dekaf._oidc.token_source import OidcTokens
from dekaf._security.mechanism import Mechanism
from dekaf._security.oidc_options import OidcOptions
from dekaf._security.pem_source import PemSource
from dekaf._security.sasl_options import SaslOptions
from dekaf._security.tokens import HeldToken
from dekaf.security import OAuthToken
from tests.certificates import Authority
from tests.oauth import Manner, TokenAnswer, TokenServer, unsecured_token
from tests.unit.oidc.clients import SECRET, shop
from tests.unit.security.tracebacks import everything_shown

MakeLogin = Callable[..., Login]


@pytest_asyncio.fixture
async def make_login(cafile: PemSource) -> AsyncIterator[MakeLogin]:
    threads: list[LoginThread] = []

    def make(options: OidcOptions, *, ca: PemSource = cafile, seconds: float = 10.0) -> Login:
        threads.append(LoginThread(asyncio.get_running_loop(), seconds))
        tokens = OidcTokens(options, ca, seconds)
        return Login(SaslOptions(Mechanism.OAUTHBEARER, token_provider=tokens, oidc=options), threads[-1])

    yield make
    for thread in threads:
        thread.stop()


async def token_of(login: Login) -> OAuthToken:
    token = (await login.credentials()).token
    assert token is not None
    return token


@pytest.mark.asyncio
async def test_connections_share_a_token_of_the_endpoint(server: TokenServer, make_login: MakeLogin) -> None:
    login = make_login(shop(server.url, extensions={"logicalCluster": "lkc-1"}))

    several = await asyncio.gather(*(token_of(login) for _ in range(5)))

    assert {token.value for token in several} == {server.issued[0]}
    assert several[0].extensions == {"logicalCluster": "lkc-1"}
    assert len(server.requests) == 1


@pytest.mark.asyncio
async def test_event_loop_goes_on_while_the_endpoint_thinks(server: TokenServer, make_login: MakeLogin) -> None:
    server.answer_always(TokenAnswer(manner=Manner.NEVER))
    asking = asyncio.ensure_future(token_of(make_login(shop(server.url), seconds=1.0)))

    turns = 0
    while not asking.done():
        await asyncio.wait({asking}, timeout=0.01)
        turns += 1

    assert turns > 3
    with pytest.raises(CredentialsUnavailableError, match=f"{server.url} did not answer in time"):
        await asking


@pytest.mark.asyncio
@pytest.mark.parametrize("manner", [Manner.NEVER, Manner.DRIPPING])
async def test_endpoint_that_never_ends_leaves_the_thread_free(
    server: TokenServer, make_login: MakeLogin, manner: Manner
) -> None:
    """What hangs is left behind once; an endpoint that hangs time and again must not be what hangs."""
    login = make_login(shop(server.url), seconds=1.0)
    server.answer_next(TokenAnswer(manner=manner), TokenAnswer(manner=manner), TokenAnswer(manner=manner))
    for _ in range(3):
        with pytest.raises(CredentialsUnavailableError, match="did not answer in time"):
            await login.credentials()

    assert (await token_of(login)).value == server.issued[0]


@pytest.mark.asyncio
async def test_wrong_authority_is_told(server: TokenServer, make_login: MakeLogin, other_authority: Authority) -> None:
    """librdkafka#3751, #4761, confluent-kafka-python#1702."""
    login = make_login(shop(server.url), ca=PemSource("ssl_cafile", path=str(other_authority.cafile)))

    with pytest.raises(CredentialsUnavailableError, match=f"^The token endpoint {server.url} shows.*ssl_cafile"):
        await login.credentials()


@pytest.mark.asyncio
async def test_refusal_is_told_with_the_words_of_the_endpoint(server: TokenServer, make_login: MakeLogin) -> None:
    del server.clients["shop"]

    with pytest.raises(
        CredentialsUnavailableError, match=r"\(HTTP 401\): check .*\. It says: invalid_client"
    ) as caught:
        await make_login(shop(server.url)).credentials()

    assert SECRET not in everything_shown(caught.value)


@pytest.mark.asyncio
async def test_login_succeeds_when_the_endpoint_is_mended(server: TokenServer, make_login: MakeLogin) -> None:
    login = make_login(shop(server.url))
    server.answer_next(TokenAnswer.refusal("invalid_client", status=401))
    with pytest.raises(CredentialsUnavailableError):
        await login.credentials()

    assert (await token_of(login)).value == server.issued[0]


@pytest.mark.asyncio
async def test_earlier_token_stays_while_the_endpoint_fails(
    server: TokenServer, make_login: MakeLogin, caplog: pytest.LogCaptureFixture
) -> None:
    """And nothing that is logged holds a secret."""
    caplog.set_level(logging.DEBUG)
    login = make_login(shop(server.url))
    first = await token_of(login)
    login._held = HeldToken(first, received_at=0.0, life=0.0, renew_at=0.0)  # as if it had expired long ago
    server.answer_always(TokenAnswer.refusal(f"{SECRET} is wrong", status=400))

    again = await token_of(login)

    assert again is first
    assert "The earlier token stays in use" in caplog.text
    assert SECRET not in caplog.text
    assert first.value not in caplog.text


@pytest.mark.asyncio
async def test_token_of_a_file(make_login: MakeLogin, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(unsecured_token("alice") + "\n")

    credentials = await make_login(OidcOptions(token_endpoint_url=path.as_uri())).credentials()

    assert credentials.principal == "alice"


@pytest.mark.asyncio
async def test_file_that_is_gone_is_told(make_login: MakeLogin, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("t")
    login = make_login(OidcOptions(token_endpoint_url=path.as_uri()))
    path.unlink()

    with pytest.raises(CredentialsUnavailableError, match=r"^sasl_oauthbearer_token_endpoint_url='file:///.*No such"):
        await login.credentials()
