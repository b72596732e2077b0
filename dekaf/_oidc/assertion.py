"""A JWT that proves who asks for a token: read from a file that others renew, or signed here."""

from __future__ import annotations

from dekaf._oidc.signed_assertion import signed_assertion
from dekaf._oidc.small_file import read_small_text
from dekaf._security.oidc_options import Assertion, AssertionFile
from dekaf._security.secret import Secret

__all__ = ("assertion_of",)


def assertion_of(assertion: Assertion) -> Secret:
    """Return the JWT for one request; files are read each time.

    Raises:
        ConfigurationError: It is to be signed, and the package that can is not installed.
        CredentialsUnavailableError: A file cannot be read, or the key cannot sign.
    """
    if isinstance(assertion, AssertionFile):
        return read_small_text(f"sasl_oauthbearer_assertion_file={assertion.path!r}", assertion.path)
    return signed_assertion(assertion)
