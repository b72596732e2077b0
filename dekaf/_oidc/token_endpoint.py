"""Post to a token endpoint over HTTPS, and again after a passing fault; blocks, within a time limit.

Python's own HTTP client: one request per token's life is no reason for a dependency. It honours HTTPS_PROXY, HTTP_PROXY
and NO_PROXY. Redirects are not followed: they would take a secret elsewhere.
"""

from __future__ import annotations

import http.client
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, Final, final

from mypy_extensions import mypyc_attr

from dekaf._oidc.token_answer import refused_error
from dekaf._oidc.token_request import TokenRequest
from dekaf._version import __version__
from dekaf.errors import CredentialsUnavailableError, caused_error

__all__ = ("TokenEndpoint",)

_MOST_BYTES: Final = 64 * 1024  # of an answer; a token takes some kilobytes
_FIRST_PAUSE: Final = 0.1  # seconds, doubled each time (KIP-768: sasl.login.retry.backoff.ms)
_PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})  # HTTP status; others will not change by themselves


@mypyc_attr(native_class=False)
class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Let the answer stand as what it is: an error."""
        return


@final
class TokenEndpoint:
    """One URL.

    Args:
        url: Where to post to.
        context: For TLS; None for a URL without it.
        timeout: Seconds in all, repetitions included.
        sleep: How to wait between them.
    """

    def __init__(
        self,
        url: str,
        context: ssl.SSLContext | None,
        timeout: float,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url: Final = url
        self._timeout: Final = timeout
        self._sleep: Final = sleep
        handlers: list[urllib.request.BaseHandler] = [_NoRedirects()]
        if context is not None:
            handlers.append(urllib.request.HTTPSHandler(context=context))
        self._opener: Final = urllib.request.build_opener(*handlers)

    @property
    def where(self) -> str:
        """How errors call it."""
        return f"The token endpoint {self._url}"

    def post(self, request: TokenRequest) -> bytes:
        """Return the body of the answer.

        Raises:
            CredentialsUnavailableError: It cannot be reached, or refuses.
        """
        deadline = time.monotonic() + self._timeout
        pause = _FIRST_PAUSE
        while True:
            try:
                return self._post_once(request, deadline - time.monotonic())
            except _PassingError as error:
                failure = error.failure
            if time.monotonic() + pause >= deadline:
                raise failure
            self._sleep(pause)
            pause *= 2.0

    def _post_once(self, request: TokenRequest, timeout: float) -> bytes:
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
            "User-Agent": f"dekaf-python/{__version__}",
        }
        post = urllib.request.Request(self._url, request.body.reveal(), headers, method="POST")
        if request.authorization is not None:
            post.add_unredirected_header("Authorization", request.authorization.reveal_text())
        try:
            with self._opener.open(post, timeout=max(0.001, timeout)) as answer:
                return self._body_of(answer)
        except urllib.error.HTTPError as error:
            with error:
                refusal = refused_error(error.code, self._body_of(error), self.where)
            passing = error.code in _PASSING
        except (OSError, http.client.HTTPException) as error:
            refusal = caused_error(self._unreachable_error(error), error)
            passing = not _is_certificate_fault(error)
        if passing:
            raise _PassingError(refusal)
        raise refusal

    def _body_of(self, answer: Any) -> bytes:
        body: bytes = answer.read(_MOST_BYTES + 1)
        if len(body) > _MOST_BYTES:
            raise CredentialsUnavailableError(f"{self.where} answered with more than {_MOST_BYTES} bytes.")
        return body

    def _unreachable_error(self, error: Exception) -> CredentialsUnavailableError:
        reason: object = error.reason if isinstance(error, urllib.error.URLError) else error
        if _is_certificate_fault(error):
            return CredentialsUnavailableError(
                f"{self.where} shows a certificate that is not trusted here ({reason}): add its authority to "
                "ssl_cafile."
            )
        return CredentialsUnavailableError(f"{self.where} cannot be reached: {reason}.")


@mypyc_attr(native_class=False)
class _PassingError(Exception):
    """A fault that may be over with the next attempt."""

    def __init__(self, failure: CredentialsUnavailableError) -> None:
        super().__init__()
        self.failure = failure


def _is_certificate_fault(error: Exception) -> bool:
    reason: object = error.reason if isinstance(error, urllib.error.URLError) else error
    return isinstance(reason, ssl.SSLCertVerificationError)
