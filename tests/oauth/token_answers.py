"""What a token server says instead of issuing a token."""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ("Manner", "TokenAnswer")


class Manner(enum.Enum):
    """How an answer is given."""

    WHOLE = "at once"
    NEVER = "not at all; the connection stays open until the server stops"
    CLOSED = "not at all; the connection is closed"
    CUT = "half of the body, then the connection is closed"
    DRIPPING = "byte after byte, without end"


@dataclass(frozen=True, kw_only=True)
class TokenAnswer:
    """An answer, word by word.

    Args:
        status: of HTTP.
        headers: beside the length.
        body: the content.
        manner: how it comes.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    body: bytes = b""
    manner: Manner = Manner.WHOLE

    @classmethod
    def of(cls, content: object, *, status: int = 200) -> TokenAnswer:
        """Return an answer in JSON."""
        return cls(status=status, body=json.dumps(content).encode())

    @classmethod
    def refusal(cls, error: str, *, status: int = 400) -> TokenAnswer:
        """Return an answer that refuses (RFC 6749, 5.2), for instance with ``invalid_client``."""
        return cls.of({"error": error, "error_description": f"the test server says {error}"}, status=status)

    @classmethod
    def redirection(cls, to: str, *, status: int = 302) -> TokenAnswer:
        """Return an answer that sends the client elsewhere."""
        return cls(status=status, headers={"Location": to})

    @classmethod
    def oversized(cls, size: int) -> TokenAnswer:
        """Return a token in a body of at least so many bytes."""
        return cls.of({"access_token": "x" * size, "token_type": "Bearer", "expires_in": 3600})
