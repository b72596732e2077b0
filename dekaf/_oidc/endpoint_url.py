"""The URL of a token endpoint, in the pieces that HTTP needs; pure."""

from __future__ import annotations

import ipaddress
import string
from typing import Final, final
from urllib.parse import SplitResult, quote, urlsplit

from dekaf.errors import ConfigurationError

__all__ = ("EndpointUrl", "shown_url")

OPTION: Final = "sasl_oauthbearer_token_endpoint_url"

_HTTP_PORT: Final = 80
_HTTPS_PORT: Final = 443


@final
class EndpointUrl:
    """Where to post to.

    Args:
        url: ``sasl_oauthbearer_token_endpoint_url``; ``https:``, or ``http:`` on loopback, where no other machine
            can listen.

    Raises:
        ConfigurationError: It is something else, or holds a user and a password.
    """

    def __init__(self, url: str) -> None:
        self.shown: Final = shown_url(url)  # in errors
        parts = _split(url)
        host = "" if parts is None else _ascii_host(parts)
        if parts is None or not host or parts.scheme not in {"http", "https"}:
            raise ConfigurationError(f"{OPTION}: is no URL: write https://…, or file:///… for a file with the token")
        if "@" in parts.netloc:
            raise ConfigurationError(f"{OPTION}: must not hold user and password: they are options of their own")
        self.host: Final = host
        self.is_secure: Final = parts.scheme == "https"
        self.is_loopback: Final = _is_loopback(host)
        if not self.is_secure and not self.is_loopback:
            raise ConfigurationError(
                f"{OPTION}: must begin with https://: over http:// every machine on the way could read the secret"
            )
        default = _HTTPS_PORT if self.is_secure else _HTTP_PORT
        self.port: Final = default if parts.port is None else parts.port
        # What HTTP's first line and the header Host say. Characters beyond ASCII are encoded, encoded ones are left.
        path = quote(parts.path or "/", safe=string.punctuation)
        self.target: Final = f"{path}?{quote(parts.query, safe=string.punctuation)}" if parts.query else path
        bracketed = f"[{host}]" if ":" in host else host
        self.authority: Final = bracketed if self.port == default else f"{bracketed}:{self.port}"

    def __repr__(self) -> str:
        return f"<EndpointUrl {self.shown}>"


def shown_url(url: str) -> str:
    """Return a URL without what may be secret in it: user, password, query and fragment; empty if it is none."""
    parts = _split(url)
    if parts is None:
        return ""
    origin = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{origin}{parts.path}" if origin else parts.path


def _split(url: str) -> SplitResult | None:
    if not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 # a wrong one raises
    except ValueError:  # its text quotes what may be a password
        return None
    return parts


def _ascii_host(parts: SplitResult) -> str:
    """Return the host as it stands in requests and certificates; empty if there is none, or none that is possible."""
    try:
        return (parts.hostname or "").encode("idna").decode("ascii")
    except UnicodeError:
        return ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
