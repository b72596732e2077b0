"""What connections authenticate with is at hand before they are dialled, and asked for no more often than needed."""

from __future__ import annotations

import asyncio
import threading
import time
import traceback
from collections.abc import AsyncIterator, Callable
from time import monotonic

import pytest
import pytest_asyncio

from dekaf import CredentialsUnavailableError
from dekaf._network.login import Login
from dekaf._network.login_thread import LoginThread
from dekaf._security.mechanism import Mechanism
from dekaf._security.salted_password import SaltedPassword, SaltParameters
from dekaf._security.sasl_options import SaslOptions
from dekaf._security.secret import Secret
from dekaf._security.tokens import HeldToken
from dekaf.security import OAuthToken

MakeLogin = Callable[[SaslOptions], Login]


@pytest_asyncio.fixture
async def make_login() -> AsyncIterator[MakeLogin]:
    thread = LoginThread(asyncio.get_running_loop(), 10.0)
    yield lambda options: Login(options, thread)
    thread.stop()


def plain(password: object) -> SaslOptions:
    return SaslOptions(Mechanism.PLAIN, username="alice", password=password)  # type: ignore[arg-type]  # a test's own


def oauth(provider: object) -> SaslOptions:
    return SaslOptions(Mechanism.OAUTHBEARER, token_provider=provider)


class Provider:
    """Counts how often it was asked."""

    def __init__(self, life: float) -> None:
        self.calls = 0
        self.error: Exception | None = None
        self._life = life

    def token(self) -> OAuthToken:
        """Return another token each time."""
        self.calls += 1
        if self.error is not None:
            raise self.error
        return OAuthToken(f"token-{self.calls}", time.time() + self._life, principal="alice")


@pytest.mark.asyncio
async def test_password_is_there_at_once(make_login: MakeLogin) -> None:
    credentials = await make_login(plain(Secret(b"wonder"))).credentials()

    assert (credentials.username, credentials.password, credentials.principal) == ("alice", Secret(b"wonder"), "alice")


@pytest.mark.asyncio
async def test_callable_password_is_asked_for_each_connection(make_login: MakeLogin) -> None:
    passwords = iter(["first", "second"])
    login = make_login(plain(lambda: next(passwords)))

    assert (await login.credentials()).password == Secret(b"first")
    assert (await login.credentials()).password == Secret(b"second")


@pytest.mark.asyncio
async def test_callable_that_raises_is_named_and_what_it_raised_is_not_quoted(make_login: MakeLogin) -> None:
    def broken() -> str:
        raise LookupError("the vault says s3cret")

    with pytest.raises(CredentialsUnavailableError, match=r"^sasl_password raised LookupError\.$") as caught:
        await make_login(plain(broken)).credentials()

    assert isinstance(caught.value.__cause__, LookupError)


@pytest.mark.asyncio
@pytest.mark.parametrize("given", [None, 5, b"bytes"])
async def test_callable_that_returns_no_text_is_refused(make_login: MakeLogin, given: object) -> None:
    with pytest.raises(CredentialsUnavailableError, match=f"must return text, not {type(given).__name__}"):
        await make_login(plain(lambda: given)).credentials()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("given", "says"), [("", "without a character"), ("s3cret\x00", "U+0000"), ("s3cret\ud800", "cannot be encoded")]
)
async def test_callable_whose_text_cannot_be_sent_gave_no_credentials(
    make_login: MakeLogin, given: str, says: str
) -> None:
    with pytest.raises(CredentialsUnavailableError) as caught:
        await make_login(plain(lambda: given)).credentials()

    assert str(caught.value).startswith("sasl_password returned a text ")
    assert says in str(caught.value)
    frames = traceback.StackSummary.extract(traceback.walk_tb(caught.value.__traceback__), capture_locals=True)
    ours = [frame for frame in frames if "dekaf" in frame.filename and frame.filename != __file__]
    assert "s3cret" not in f"{caught.value} {[frame.locals for frame in ours]}"


@pytest.mark.asyncio
@pytest.mark.parametrize("ending", [SystemExit(3), StopIteration()])
async def test_callable_that_would_end_a_program_is_told_as_what_it_raised(
    make_login: MakeLogin, ending: BaseException
) -> None:
    def leaves() -> str:
        raise ending

    with pytest.raises(CredentialsUnavailableError, match=rf"^sasl_password raised {type(ending).__name__}\.$"):
        await make_login(plain(leaves)).credentials()


@pytest.mark.asyncio
async def test_connections_share_a_token(make_login: MakeLogin) -> None:
    provider = Provider(3600)
    login = make_login(oauth(provider))

    several = await asyncio.gather(*(login.credentials() for _ in range(5)))

    assert provider.calls == 1
    assert {one.token.value for one in several if one.token is not None} == {"token-1"}


@pytest.mark.asyncio
async def test_provider_may_be_a_coroutine_function(make_login: MakeLogin) -> None:
    async def provider() -> OAuthToken:
        await asyncio.sleep(0)
        return OAuthToken("token", time.time() + 60)

    token = (await make_login(oauth(provider)).credentials()).token

    assert token is not None
    assert token.value == "token"


@pytest.mark.asyncio
async def test_expired_token_is_offered_and_not_asked_for_again_at_once(make_login: MakeLogin) -> None:
    """The broker's clock decides, and a provider that only has expired ones must not be stormed."""
    provider = Provider(-5)
    login = make_login(oauth(provider))

    for _ in range(3):
        assert (await login.credentials()).token is not None

    assert provider.calls == 1


@pytest.mark.asyncio
async def test_refused_token_is_not_offered_again_while_there_may_be_another(make_login: MakeLogin) -> None:
    provider = Provider(3600)
    login = make_login(oauth(provider))
    first = await login.credentials()
    assert login._held is not None
    login._held = HeldToken(login._held.token, received_at=monotonic() - 60, life=3600, renew_at=monotonic() + 60)

    login.refused(first)

    second = await login.credentials()
    assert second.token is not None
    assert second.token.value == "token-2"


@pytest.mark.asyncio
@pytest.mark.parametrize(("patience", "value"), [(0.0, "token-1"), (10.0, "token-2")])
async def test_who_authenticates_anew_waits_for_a_token_that_is_due(
    make_login: MakeLogin, patience: float, value: str
) -> None:
    provider = Provider(3600)
    login = make_login(oauth(provider))
    await login.credentials()
    assert login._held is not None
    login._held = HeldToken(login._held.token, received_at=monotonic() - 60, life=3600, renew_at=monotonic() - 1)

    renewed = await login.credentials(patience)

    assert renewed.token is not None
    assert renewed.token.value == value


@pytest.mark.asyncio
async def test_first_token_that_fails_is_told_and_asked_for_again(make_login: MakeLogin) -> None:
    provider = Provider(3600)
    provider.error = ValueError("no")
    login = make_login(oauth(provider))
    with pytest.raises(CredentialsUnavailableError, match="sasl_oauth_token_provider raised ValueError"):
        await login.credentials()
    provider.error = None

    assert (await login.credentials()).token is not None


@pytest.mark.asyncio
@pytest.mark.parametrize("given", ["a text", ("token", 1.0), None])
async def test_provider_that_returns_nonsense_is_refused(make_login: MakeLogin, given: object) -> None:
    with pytest.raises(CredentialsUnavailableError, match=r"must return a dekaf\.security\.OAuthToken"):
        await make_login(oauth(lambda: given)).credentials()


@pytest.mark.asyncio
async def test_password_is_salted_once_for_all_connections(make_login: MakeLogin) -> None:
    login = make_login(plain(Secret(b"wonder")))
    parameters = SaltParameters(Mechanism.SCRAM_SHA_256, b"salt", 4096)
    first: asyncio.Future[SaltedPassword | None] = asyncio.get_running_loop().create_future()
    login.salt(parameters, Secret(b"wonder"), lambda salted, _error: first.set_result(salted))
    salted = await asyncio.wait_for(first, 10)
    again: list[SaltedPassword | None] = []

    login.salt(parameters, Secret(b"wonder"), lambda salted, _error: again.append(salted))

    assert salted is not None
    assert again == [salted]  # told at once: no thread, and no PBKDF2


@pytest.mark.asyncio
async def test_what_connections_wait_for_is_told(make_login: MakeLogin) -> None:
    may_return = threading.Event()

    def password() -> str:
        may_return.wait(10)
        return "wonder"

    login = make_login(plain(password))
    assert login.delay_error() is None
    task = asyncio.get_running_loop().create_task(login.credentials())
    await asyncio.sleep(0)

    assert str(login.delay_error()).startswith("sasl_password has not returned for 0.")
    may_return.set()
    await task
    assert login.delay_error() is None
