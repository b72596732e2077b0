"""OidcTokens: a token provider like an application's own, over the options that begin with ``sasl_oauthbearer_``."""

from __future__ import annotations

import os
import time
from typing import Final, final

from dekaf._oidc.assertion import assertion_of
from dekaf._oidc.endpoint_trust import EndpointTrust
from dekaf._oidc.endpoint_url import OPTION, EndpointUrl
from dekaf._oidc.small_file import read_small_file, read_small_text
from dekaf._oidc.token_answer import token_of_answer, token_of_text
from dekaf._oidc.token_endpoint import TokenEndpoint
from dekaf._oidc.token_request import token_request
from dekaf._security.oidc_options import AssertionFile, OidcOptions, TokenSource
from dekaf._security.pem_source import PemSource
from dekaf.errors import ConfigurationError, CredentialsUnavailableError
from dekaf.security import OAuthToken

__all__ = ("OidcTokens",)

# Of the time that a login may take: what is wrong with an endpoint is told before the login gives up on us.
_SHARE: Final = 0.8


@final
class OidcTokens:
    """Blocks while it asks: called on the login thread.

    Args:
        options: Whom to ask, and as whom.
        cafile: ``ssl_cafile``: authorities to trust beside the system's.
        login_seconds: How long a login waits for a token.

    Raises:
        ConfigurationError: A file or a package is missing, a key cannot sign, or the URL cannot be used.
    """

    def __init__(self, options: OidcOptions, cafile: PemSource | None, login_seconds: float) -> None:
        self._options: Final = options
        self._shown_file: Final = f"{OPTION}={options.token_endpoint_url!r}"
        self._endpoint: TokenEndpoint | None = None
        if options.token_source is not TokenSource.FILE:
            url = EndpointUrl(options.token_endpoint_url)
            self._endpoint = TokenEndpoint(url, EndpointTrust(cafile), login_seconds * _SHARE)
        self._examine()

    def __repr__(self) -> str:
        return f"<OidcTokens {self._options.token_source.value}>"

    def token(self) -> OAuthToken:
        """Return a new token.

        Raises:
            CredentialsUnavailableError: There is none to be had.
        """
        options = self._options
        endpoint = self._endpoint
        if endpoint is None:
            text = read_small_text(self._shown_file, options.token_path)
            return token_of_text(
                text, unix_time=time.time(), extensions=options.extensions, where=f"The file of {self._shown_file}"
            )
        assertion = None if options.assertion is None else assertion_of(options.assertion)
        body = endpoint.ask(token_request(options, assertion))
        return token_of_answer(body, unix_time=time.time(), extensions=options.extensions, where=endpoint.where)

    def _examine(self) -> None:
        """Look at the files that options name. Those that others renew may still be empty."""
        options = self._options
        try:
            if self._endpoint is None:
                if not os.path.isabs(options.token_path):
                    raise ConfigurationError(f"{self._shown_file}: must have an absolute path, as in file:///run/token")
                read_small_file(self._shown_file, options.token_path)
            elif isinstance(options.assertion, AssertionFile):
                read_small_file(f"sasl_oauthbearer_assertion_file={options.assertion.path!r}", options.assertion.path)
            elif options.assertion is not None:
                assertion_of(options.assertion)
        except CredentialsUnavailableError as error:
            fault = str(error).removesuffix(".")
        else:
            return
        raise ConfigurationError(fault)
