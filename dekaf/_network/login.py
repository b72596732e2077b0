"""Have at hand what connections authenticate with, before they are dialled; one per engine.

A password that does not change is at hand at once. A callable, or a token provider, is called on the login thread; a
token is shared by all connections until it is time for the next one. Every method runs on the I/O thread.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Any, Final, final

from dekaf._log_thread import DeferredLogger, facts
from dekaf._network.authentication import TellSalted
from dekaf._network.login_thread import LoginThread
from dekaf._network.provider_turn import provider_turn
from dekaf._security.credentials import Credentials
from dekaf._security.mechanism import Mechanism
from dekaf._security.salted_password import SaltedPassword, SaltedPasswords, SaltParameters
from dekaf._security.sasl_options import SaslOptions
from dekaf._security.secret import Secret, secret_text
from dekaf._security.tokens import HeldToken, receive_token
from dekaf.errors import ConfigurationError, CredentialsUnavailableError, DekafError, caused_error
from dekaf.security import OAuthToken

logger = DeferredLogger("dekaf.network.login")

PASSWORD: Final = "sasl_password"
PROVIDER: Final = "sasl_oauth_token_provider"
ENDPOINT: Final = "sasl_oauthbearer_token_endpoint_url"


@final
class Login:
    """The credentials of one engine."""

    def __init__(self, options: SaslOptions, thread: LoginThread, client_id: str | None = None) -> None:
        self._options: Final = options
        self._login_thread: Final = thread
        self._client_id: Final = client_id  # for the log
        self._token_option: Final = PROVIDER if options.oidc is None else ENDPOINT  # which errors name
        self._salted: Final = SaltedPasswords()
        self._held: HeldToken | None = None
        self._asking: asyncio.Task[OAuthToken] | None = None
        self._under_way: list[tuple[str, float]] = []  # options whose code is being called, and since when

    async def credentials(self, patience: float = 0.0) -> Credentials:
        """Return what the next authentication proves.

        Args:
            patience: For how many seconds to wait for a token that is due but would still do; a connection that
                authenticates anew with the one before it has little more time than it had.

        Raises:
            CredentialsUnavailableError: The application gave none; the cause tells what its code raised.
            ConfigurationError: What it gave cannot be sent.
        """
        options = self._options
        if options.mechanism is Mechanism.OAUTHBEARER:
            return Credentials(options.mechanism, token=await self._token(patience))
        return Credentials(options.mechanism, username=options.username, password=await self._password())

    def delay_error(self) -> CredentialsUnavailableError | None:
        """Return what connections wait for, if that is an application's code; None if none is being called."""
        if not self._under_way:
            return None
        option, since = self._under_way[0]
        return unreturned_error(option, since)

    def refused(self, credentials: Credentials) -> None:
        """Note that a broker did not accept these: a token is not kept for the whole of its life then."""
        held = self._held
        if held is not None and credentials.token is held.token:
            self._held = held.after_refusal(time.monotonic())

    def salt(self, parameters: SaltParameters, password: Secret, tell: TellSalted) -> None:
        """Tell the salted password: at once if it is kept, or when the login thread has made it."""
        kept = self._salted.find(parameters, password)
        if kept is not None:
            tell(kept, None)
            return
        task = asyncio.get_running_loop().create_task(self._salt(parameters, password, tell))
        task.add_done_callback(_check)

    async def _salt(self, parameters: SaltParameters, password: Secret, tell: TellSalted) -> None:
        try:
            salted = await self._login_thread.run(
                "Salting the password", lambda: self._salted.salt(parameters, password)
            )
        except DekafError as error:
            tell(None, error)
            return
        assert isinstance(salted, SaltedPassword)
        tell(salted, None)

    async def _password(self) -> Secret:
        password = self._options.password
        if isinstance(password, Secret):
            return password
        if password is None:
            return Secret(b"")
        return _password_of(await self._ask(PASSWORD, password, password))

    async def _token(self, patience: float) -> OAuthToken:
        """Return the token that is held, having asked for another one first if that one has expired, or was refused.

        One that is merely due is renewed beside: no new connection waits for it.
        """
        now = time.monotonic()
        held = self._held
        if held is None or held.is_spent(now):
            return await asyncio.shield(self._renewal())
        if held.is_due(now):
            renewal = self._renewal()
            if patience > 0:
                await asyncio.wait([renewal], timeout=patience)
                held = self._held or held
        return held.token

    def _renewal(self) -> asyncio.Task[OAuthToken]:
        """Return the one question to the provider that is under way, asking it if there is none."""
        if self._asking is None:
            self._asking = asyncio.get_running_loop().create_task(self._renew())
            self._asking.add_done_callback(_check)
        return self._asking

    async def _renew(self) -> OAuthToken:
        provider = self._options.token_provider
        try:
            token = _token_of(await self._ask(self._token_option, provider, _token_call(provider), self._receive_late))
        except DekafError as error:
            held = self._held
            if held is None:
                raise
            # The one before may still be accepted: its broker decides.
            logger.warning("%s The earlier token stays in use.", error, extra=facts(self._client_id, error=error))
            self._held = held.after_failure(time.monotonic())
            return held.token
        finally:
            self._asking = None
        self._receive(token)
        return token

    def _receive(self, token: OAuthToken) -> None:
        self._held = receive_token(token, now=time.monotonic(), unix_time=time.time(), spread=random.random())

    def _receive_late(self, given: object) -> None:
        if isinstance(given, OAuthToken) and (self._held is None or given.expires_at > self._held.token.expires_at):
            self._receive(given)

    async def _ask(
        self,
        option: str,
        owner: object,
        call: Callable[[], object],
        late: Callable[[object], None] | None = None,
    ) -> object:
        turn = provider_turn(owner)
        call_under_way = (option, time.monotonic())
        self._under_way.append(call_under_way)
        try:
            return await self._login_thread.run(option, call, turn=turn, late=late)
        except ConfigurationError as error:  # an OAuthToken that cannot be; our own texts quote no secret
            raise caused_error(CredentialsUnavailableError(f"{option}: {_sentence(error)}"), error) from error
        except DekafError:
            raise
        except Exception as error:
            # What it raised stays out of the text: it may quote a secret. The cause has it for who looks.
            failure = CredentialsUnavailableError(f"{option} raised {type(error).__name__}.")
            raise caused_error(failure, error) from error
        finally:
            self._under_way.remove(call_under_way)


def unreturned_error(option: str, since: float) -> CredentialsUnavailableError:
    """Return the error for connections that wait for an application's code, called at `since`."""
    return CredentialsUnavailableError(f"{option} has not returned for {time.monotonic() - since:.1f} s.")


def _token_call(provider: object) -> Callable[[], object]:
    """Return what gives a token: the provider's method of that name, or the provider itself."""
    method: Any = getattr(provider, "token", None)
    call: Any = method if callable(method) else provider
    return call  # type: ignore[no-any-return]  # the configuration has checked that it is one of the two


# What an application gave is deleted before an error is raised about it: a traceback may show local variables.


def _password_of(given: object) -> Secret:
    if isinstance(given, Secret):
        return given
    kind = type(given).__name__
    fault = f"{PASSWORD} must return text, not {kind}."
    if isinstance(given, str):
        fault = _text_fault(given)
        if not fault:
            return secret_text(PASSWORD, given)
    del given
    raise CredentialsUnavailableError(fault)


def _text_fault(given: str) -> str:
    """Return what is wrong with the password that a callable returned; empty if nothing is."""
    if not given:
        return f"{PASSWORD} returned a text without a character."
    if "\x00" in given:  # PLAIN separates by it: RFC 4616
        return f"{PASSWORD} returned a text with a character that no password can have, U+0000."
    try:
        given.encode()
    except UnicodeEncodeError:
        return f"{PASSWORD} returned a text that cannot be encoded: it has half of a surrogate pair."
    return ""


def _token_of(given: object) -> OAuthToken:
    if isinstance(given, OAuthToken):
        return given
    kind = type(given).__name__
    del given
    raise CredentialsUnavailableError(f"{PROVIDER} must return a dekaf.security.OAuthToken, not {kind}.")


def _sentence(error: Exception) -> str:
    return f"{str(error).rstrip('.')}."


def _check(task: asyncio.Task[Any]) -> None:
    """Take note of a task's failure, which those who await it hear of: asyncio would log it as never looked at."""
    if not task.cancelled():
        task.exception()
