"""Who asks for tokens in these tests."""

from __future__ import annotations

from typing import Any, Final

from dekaf._security.oidc_options import OidcOptions
from dekaf._security.secret import Secret

__all__ = ("SECRET", "shop")

SECRET: Final = "a+b/ü%:c d"  # everything that is easily spoilt


def shop(url: str, **others: Any) -> OidcOptions:
    """Return options of a client that the token server knows."""
    given: dict[str, Any] = {"client_id": "shop", "client_secret": Secret(SECRET.encode()), **others}
    return OidcOptions(token_endpoint_url=url, **given)
