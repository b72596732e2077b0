"""OidcTokens: a token provider like an application's own, over the options that begin with ``sasl_oauthbearer_``."""

from __future__ import annotations

import ssl
import time
from typing import Final, final

from dekaf._oidc.assertion import assertion_of, check_signing_package
from dekaf._oidc.token_answer import token_of_answer, token_of_file
from dekaf._oidc.token_endpoint import TokenEndpoint
from dekaf._oidc.token_request import token_request
from dekaf._security.oidc_options import OidcOptions, SignedAssertion, TokenSource
from dekaf._security.openssl_path import openssl_path
from dekaf._security.pem_files import files_of
from dekaf._security.pem_source import PemSource
from dekaf.errors import CredentialsUnavailableError, caused_error
from dekaf.security import OAuthToken

__all__ = ("OidcTokens",)


@final
class OidcTokens:
    """Blocks while it asks: called on the login thread.

    Args:
        options: Whom to ask, and as whom.
        cafile: ``ssl_cafile``: authorities to trust beside the system's.
        timeout: Seconds for one token.

    Raises:
        ConfigurationError: A package is missing.
    """

    def __init__(self, options: OidcOptions, cafile: PemSource | None, timeout: float) -> None:
        self._options: Final = options
        self._cafile: Final = cafile
        self._timeout: Final = timeout
        if isinstance(options.assertion, SignedAssertion):
            check_signing_package()

    def token(self) -> OAuthToken:
        """Return a new token.

        Raises:
            CredentialsUnavailableError: There is none to be had.
        """
        options = self._options
        if options.token_source is TokenSource.FILE:
            return self._read()
        assertion = None if options.assertion is None else assertion_of(options.assertion)
        endpoint = TokenEndpoint(options.token_endpoint_url, self._context(), self._timeout)
        body = endpoint.post(token_request(options, assertion))
        return token_of_answer(body, unix_time=time.time(), extensions=options.extensions, where=endpoint.where)

    def _read(self) -> OAuthToken:
        path = self._options.token_path
        where = f"sasl_oauthbearer_token_endpoint_url=file:{path}"
        try:
            with open(path, "rb") as file:
                data = file.read()
        except OSError as error:
            failure = CredentialsUnavailableError(f"{where} cannot be read: {error.strerror or error}.")
            raise caused_error(failure, error) from error
        return token_of_file(data, unix_time=time.time(), extensions=self._options.extensions, where=where)

    def _context(self) -> ssl.SSLContext | None:
        """Return a context made now: tokens live for minutes at least, and authorities may be replaced."""
        if not self._options.token_endpoint_url.lower().startswith("https:"):
            return None
        context = ssl.create_default_context()
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # as for brokers: private authorities seldom are strict
        if self._cafile is not None:
            for file in [self._cafile] if self._cafile.text else files_of(self._cafile):
                with openssl_path(file) as path:
                    context.load_verify_locations(cafile=path)
        return context
