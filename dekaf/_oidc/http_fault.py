"""What is wrong with an answer of a token endpoint, or went wrong on the way to it, in words; pure."""

from __future__ import annotations

import socket
import ssl
from typing import Final, final

from dekaf._oidc.endpoint_url import OPTION, shown_url
from dekaf._oidc.http_post import MOST_BYTES, HttpAnswer
from dekaf._oidc.proxy import Proxy, ProxyRefusedError
from dekaf._oidc.token_answer import refused_error
from dekaf._oidc.token_request import TokenRequest
from dekaf._security.broker_text import bounded_text
from dekaf.errors import CredentialsUnavailableError, caused_error

__all__ = ("HttpFault", "fault_in", "fault_of")

# OpenSSL's verification results: https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/
_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10
_UNKNOWN_AUTHORITY: Final = frozenset({2, 18, 19, 20, 21})
_WRONG_HOST: Final = frozenset({62, 64})  # a name, an address


# HTTP status: not with another attempt, although they are above 500; and so, although they are below.
_LASTING: Final = frozenset({501, 505})
_PASSING: Final = frozenset({408, 425, 429})


@final
class HttpFault:
    """A fault.

    Args:
        error: What to raise about it.
        passes: Whether the next attempt may succeed.
        is_timeout: Whether there was no time left.
        retry_after: How long the endpoint wants to be left alone, in seconds.
    """

    def __init__(
        self,
        error: CredentialsUnavailableError,
        *,
        passes: bool,
        is_timeout: bool = False,
        retry_after: float = 0.0,
    ) -> None:
        self.error: Final = error
        self.passes: Final = passes
        self.is_timeout: Final = is_timeout
        self.retry_after: Final = retry_after


def fault_in(answer: HttpAnswer, where: str, request: TokenRequest) -> HttpFault | None:
    """Return what is wrong with an answer, as far as HTTP tells; None if it should hold a token.

    Args:
        answer: The answer.
        where: The endpoint.
        request: What was asked, whose secrets are taken out of the endpoint's words.
    """
    status = answer.status
    if 200 <= status < 300:
        if len(answer.body.reveal()) <= MOST_BYTES:
            return None
        made = CredentialsUnavailableError(f"{where} answered with more than {MOST_BYTES // 1024} KiB.")
        return HttpFault(made, passes=False)
    if 300 <= status < 400:
        return HttpFault(_redirect_error(answer, where, request), passes=False)
    return HttpFault(
        refused_error(status, answer.body, where, request.masked),
        passes=status in _PASSING or (status >= 500 and status not in _LASTING),
        retry_after=_seconds(answer.retry_after),
    )


def fault_of(error: Exception, where: str, proxy: Proxy | None) -> HttpFault:
    """Return what an exception means.

    Args:
        error: Of a `post`. It is the cause afterwards if it is an OSError, without its traceback, which knows the
            request; others are not, because they may hold parts of the answer.
        where: The endpoint.
        proxy: The proxy on the way; None without one.
    """
    via = "" if proxy is None else f" through the proxy {proxy.shown} (HTTPS_PROXY)"
    if isinstance(error, TimeoutError):
        made = CredentialsUnavailableError(f"{where} did not answer in time{via}; request_timeout_ms limits it.")
        return HttpFault(made, passes=True, is_timeout=True)
    made = CredentialsUnavailableError(f"{where} {_what_happened(error, via)}")
    if isinstance(error, OSError):
        caused_error(made, _bare_error(error))
    return HttpFault(made, passes=_passes(error))


def _redirect_error(answer: HttpAnswer, where: str, request: TokenRequest) -> CredentialsUnavailableError:
    location = bounded_text(request.masked(shown_url(answer.location)))
    to = f" to {location}" if location else ""
    return CredentialsUnavailableError(
        f"{where} redirects{to} (HTTP {answer.status}), and redirects are not followed, for they could take a secret "
        f"elsewhere: give the final URL in {OPTION}."
    )


def _seconds(retry_after: str) -> float:
    """Return what the header says, if that is a number of seconds; as a date it is left out of account."""
    return float(retry_after) if retry_after.isdecimal() and len(retry_after) < 10 else 0.0


def _passes(error: Exception) -> bool:
    if isinstance(error, ProxyRefusedError):
        return error.status >= 500
    # Certificates and versions stay as they are; a connection that was cut off may come about the next time.
    return not isinstance(error, ssl.SSLError) or isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError))


def _what_happened(error: Exception, via: str) -> str:
    if isinstance(error, ProxyRefusedError):
        return f"cannot be reached{via}, which answers: {error}."
    if isinstance(error, ssl.SSLCertVerificationError):
        return _fault_of_certificate(error)
    if isinstance(error, ssl.SSLError) and not isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return f"cannot be spoken to in TLS{via} ({_reason_of(error)}): check scheme, host and port of its URL."
    if isinstance(error, socket.gaierror):
        name = "its name" if not via else "the proxy's name"
        return f"cannot be reached{via}: {name} cannot be resolved ({error.strerror})."
    if isinstance(error, OSError):
        return f"cannot be reached{via}: {error.strerror or type(error).__name__}."
    return f"broke off, or does not speak HTTP{via} ({type(error).__name__})."


def _fault_of_certificate(error: ssl.SSLCertVerificationError) -> str:
    code = error.verify_code
    if code in _UNKNOWN_AUTHORITY:
        return (
            f"shows a certificate of an authority that is not trusted here ({error.verify_message}): add the "
            "authority's certificate to ssl_cafile, or to the system's."
        )
    if code in _WRONG_HOST:
        return "shows a certificate for another host: use the name that it is for in the endpoint's URL."
    if code == _EXPIRED:
        return "shows a certificate that has expired: it needs a new one."
    if code == _NOT_YET_VALID:
        return "shows a certificate that is not valid yet: check the clocks of this machine and of its own."
    return f"shows a certificate that is refused ({bounded_text(error.verify_message)}): it needs another one."


def _bare_error(error: OSError) -> OSError:
    """Return an error without the frames that it went through, and what came before it."""
    error.__context__ = None
    error.__cause__ = None
    return error.with_traceback(None)


def _reason_of(error: ssl.SSLError) -> str:
    # Not as an attribute: typeshed says text, machine code believes it, and of an error that this Python has no name
    # for it is None.
    reason = getattr(error, "reason", None)
    return reason if isinstance(reason, str) else type(error).__name__
