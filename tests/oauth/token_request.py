"""TokenRequest: what a client asked a token server for, and whether it did so as it should."""

from __future__ import annotations

import base64
import binascii
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ("CLIENT_CREDENTIALS", "JWT_BEARER", "JWT_CLIENT_ASSERTION", "MisformedRequestError", "TokenRequest")

CLIENT_CREDENTIALS = "client_credentials"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
JWT_CLIENT_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class MisformedRequestError(ValueError):
    """A client does not keep to RFC 6749; the text says how."""


@dataclass(frozen=True, kw_only=True)
class TokenRequest:
    """One request.

    Args:
        method: of HTTP.
        path: of the URL.
        headers: by name in small letters.
        body: as it came.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        """The fields of the body.

        Raises:
            MisformedRequestError: it is no form, or names a field twice.
        """
        if self.headers.get("content-type", "").split(";")[0] != "application/x-www-form-urlencoded":
            raise MisformedRequestError("the body is not said to be a form")
        try:
            pairs = urllib.parse.parse_qsl(self.body.decode("ascii"), strict_parsing=True, keep_blank_values=True)
        except ValueError as error:
            raise MisformedRequestError("the body is no form") from error
        if len(dict(pairs)) != len(pairs):
            raise MisformedRequestError("a field stands twice in the body")
        return dict(pairs)

    @property
    def grant_type(self) -> str:
        """What the client bases its wish on."""
        return self.form.get("grant_type", "")

    @property
    def credentials(self) -> tuple[str, str] | None:
        """The client's id and secret out of the Authorization header, as they stand there; None without one.

        Raises:
            MisformedRequestError: the header is not that of Basic authentication in the standard alphabet.
        """
        header = self.headers.get("authorization")
        if header is None:
            return None
        scheme, _, encoded = header.partition(" ")
        try:
            text = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise MisformedRequestError("the Authorization header is not base64 in the standard alphabet") from error
        if scheme != "Basic" or ":" not in text:
            raise MisformedRequestError("the Authorization header is not that of Basic authentication")
        client_id, _, secret = text.partition(":")
        return client_id, secret
