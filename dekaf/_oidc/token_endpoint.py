"""TokenEndpoint: posts to a token endpoint, and again after a passing fault; blocks, within a time limit."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, final

from dekaf._oidc.endpoint_trust import EndpointTrust
from dekaf._oidc.endpoint_url import EndpointUrl
from dekaf._oidc.http_fault import HttpFault, fault_in, fault_of
from dekaf._oidc.http_post import HttpAnswer, post
from dekaf._oidc.proxy import proxy_for
from dekaf._oidc.timed_socket import Deadline
from dekaf._oidc.token_request import TokenRequest
from dekaf._security.secret import Secret
from dekaf._threads.primitives import sleep

__all__ = ("TokenEndpoint",)

_FIRST_PAUSE: Final = 0.1  # seconds, doubled each time (KIP-768: sasl.login.retry.backoff.ms)


@final
class TokenEndpoint:
    """One URL, asked by one thread at a time.

    Args:
        url: Where to post to.
        trust: Whose certificates to accept.
        seconds: How long it may take in all, repetitions included.
        clock: Monotonic, in seconds.
        sleep: How to wait between them.
    """

    def __init__(
        self,
        url: EndpointUrl,
        trust: EndpointTrust,
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = sleep,
    ) -> None:
        self._url: Final = url
        self._trust: Final = trust
        self._seconds: Final = seconds
        self._clock: Final = clock
        self._sleep: Final = sleep

    @property
    def where(self) -> str:
        """How errors call it."""
        return f"The token endpoint {self._url.shown}"

    def ask(self, request: TokenRequest) -> Secret:
        """Return the body of the answer to a request.

        Raises:
            CredentialsUnavailableError: The endpoint cannot be reached, or refuses.
        """
        deadline = Deadline(self._seconds, self._clock)
        pause = _FIRST_PAUSE
        earlier: HttpFault | None = None
        while True:
            outcome = self._attempt(request, deadline)
            fault = outcome if isinstance(outcome, HttpFault) else fault_in(outcome, self.where, request)
            if fault is None:
                assert isinstance(outcome, HttpAnswer)
                return outcome.body
            if fault.is_timeout and earlier is not None:
                fault = earlier  # which tells more
            wait = max(pause, fault.retry_after)
            if not fault.passes or wait >= deadline.seconds_left():
                raise fault.error
            self._sleep(wait)
            pause *= 2.0
            earlier = fault

    def _attempt(self, request: TokenRequest, deadline: Deadline) -> HttpAnswer | HttpFault:
        proxy = proxy_for(self._url)
        context = self._trust.context() if self._url.is_secure else None
        try:
            return post(self._url, request, context=context, proxy=proxy, deadline=deadline)
        except Exception as error:  # also what should not happen: its traceback would show the request
            return fault_of(error, self.where, proxy)
