"""What OAUTHBEARER needs beside a broker: tokens, and a server that issues them."""

from __future__ import annotations

from tests.oauth.connect_proxy import ConnectProxy
from tests.oauth.token_answers import Manner, TokenAnswer
from tests.oauth.token_request import CLIENT_CREDENTIALS, JWT_BEARER, JWT_CLIENT_ASSERTION, TokenRequest
from tests.oauth.token_server import TokenServer
from tests.oauth.tokens import unsecured_token

__all__ = (
    "CLIENT_CREDENTIALS",
    "JWT_BEARER",
    "JWT_CLIENT_ASSERTION",
    "ConnectProxy",
    "Manner",
    "TokenAnswer",
    "TokenRequest",
    "TokenServer",
    "unsecured_token",
)
