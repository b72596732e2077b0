"""What OAUTHBEARER needs beside a broker: tokens, and a server that issues them."""

from __future__ import annotations

from tests.oauth.tokens import unsecured_token

__all__ = ("unsecured_token",)
