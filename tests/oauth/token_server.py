"""TokenServer: an OAuth 2 token endpoint on loopback, with TLS, that does what the test tells it to."""

from __future__ import annotations

import contextlib
import ssl
import threading
import time
import urllib.parse
from collections import deque
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self

from tests.certificates import KeyPair
from tests.oauth.token_answers import Manner, TokenAnswer
from tests.oauth.token_request import (
    CLIENT_CREDENTIALS,
    JWT_BEARER,
    JWT_CLIENT_ASSERTION,
    MisformedRequestError,
    TokenRequest,
)
from tests.oauth.tokens import unsecured_token

__all__ = ("TokenServer",)

PATIENCE: Final = 10.0  # seconds that the waiting method waits by default
BODY_SECONDS: Final = 2.0  # until a client has sent what it announced
DRIP_SECONDS: Final = 0.02  # between two bytes of an answer that has no end


class TokenServer:
    """Issues unsecured tokens to the clients it knows, for client credentials and for assertions.

    It insists on what RFC 6749, 7521 and 7523 say; what a client does against that is refused with
    ``invalid_request`` and stands in `violations`.

        with TokenServer(authority.server("tokens"), clients={"shop": "secret"}) as server:
            server.url, server.issued

    Args:
        key_pair: its certificate; None for plain HTTP.
        clients: secrets by client id.
        assertions: the assertions that it accepts, instead of a secret or as a grant.
        lifetime: how many seconds its tokens are valid.
        header_urlencode: ids and secrets are percent-encoded in the header (KIP-1139).
    """

    def __init__(
        self,
        key_pair: KeyPair | None = None,
        *,
        clients: Mapping[str, str] | None = None,
        assertions: Callable[[str], bool] = lambda _: False,
        lifetime: float = 3600,
        header_urlencode: bool = False,
    ) -> None:
        self.clients: Final = dict(clients or {})
        self.assertions = assertions
        self.lifetime = lifetime
        self.requests: Final[list[TokenRequest]] = []
        self.issued: Final[list[str]] = []
        self.violations: Final[list[str]] = []
        self.failed_handshakes = 0
        self.stopping: Final = threading.Event()
        self.changed: Final = threading.Condition()
        self._header_urlencode = header_urlencode
        self._script: deque[TokenAnswer] = deque()
        self._usual: TokenAnswer | None = None
        self._scheme = "http" if key_pair is None else "https"
        self._http = _HttpServer(self, None if key_pair is None else _context(key_pair))
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), name="token-server", daemon=True)

    # its life

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1."""
        return int(self._http.server_address[1])

    @property
    def url(self) -> str:
        """The address of the token endpoint."""
        return f"{self._scheme}://localhost:{self.port}/token"

    # what tests tell it

    def answer_next(self, *answers: TokenAnswer) -> None:
        """Give these answers to the next requests, before going on as usual."""
        self._script.extend(answers)

    def answer_always(self, answer: TokenAnswer | None) -> None:
        """Give this answer from now on; None to issue tokens again."""
        self._usual = answer

    def wait_for_requests(self, count: int, timeout: float = PATIENCE) -> list[TokenRequest]:
        """Return all requests once there are so many.

        Raises:
            TimeoutError: there are fewer after `timeout` seconds.
        """
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.requests) >= count, timeout):
                raise TimeoutError(f"{len(self.requests)} of {count} requests came within {timeout} s")
            return list(self.requests)

    # what its handlers ask

    def answer(self, request: TokenRequest) -> TokenAnswer:
        """Take note of a request and return what to say."""
        with self.changed:
            self.requests.append(request)
            self.changed.notify_all()
            if self._script:
                return self._script.popleft()
        if self._usual is not None:
            return self._usual
        try:
            return self._decide(request)
        except MisformedRequestError as error:
            self.violations.append(str(error))
            return TokenAnswer.refusal("invalid_request")

    def _decide(self, request: TokenRequest) -> TokenAnswer:
        if (request.method, request.path) != ("POST", "/token"):
            raise MisformedRequestError(f"{request.method} {request.path} instead of POST /token")
        form = request.form
        if request.grant_type == JWT_BEARER:
            return self._for_assertion(form.get("assertion", ""), subject="assertion", form=form)
        if request.grant_type != CLIENT_CREDENTIALS:
            return TokenAnswer.refusal("unsupported_grant_type")
        if "client_assertion" in form:
            if form.get("client_assertion_type") != JWT_CLIENT_ASSERTION:
                raise MisformedRequestError("a client assertion without its type")
            if request.credentials is not None:
                raise MisformedRequestError("a secret beside a client assertion")
            subject = form.get("client_id", "assertion")
            return self._for_assertion(form["client_assertion"], subject=subject, form=form)
        return self._for_secret(request, form)

    def _for_assertion(self, assertion: str, *, subject: str, form: Mapping[str, str]) -> TokenAnswer:
        if not self.assertions(assertion):
            return TokenAnswer.refusal("invalid_grant")
        return self._issue(subject, form)

    def _for_secret(self, request: TokenRequest, form: Mapping[str, str]) -> TokenAnswer:
        credentials = request.credentials
        if credentials is None:
            return TokenAnswer.refusal("invalid_client", status=401)
        if self._header_urlencode:
            credentials = (urllib.parse.unquote_plus(credentials[0]), urllib.parse.unquote_plus(credentials[1]))
        client_id, secret = credentials
        if self.clients.get(client_id) != secret:
            return TokenAnswer.refusal("invalid_client", status=401)
        return self._issue(client_id, form)

    def _issue(self, subject: str, form: Mapping[str, str]) -> TokenAnswer:
        claims = {"scope": form["scope"]} if "scope" in form else {}
        token = unsecured_token(subject, lifetime=self.lifetime, claims=claims)
        self.issued.append(token)
        return TokenAnswer.of(
            {"access_token": token, "token_type": "Bearer", "expires_in": int(self.lifetime), **claims}
        )


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, owner: TokenServer, context: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.owner = owner
        self._context = context

    def finish_request(self, request: Any, client_address: Any) -> None:
        # Here, on the connection's own thread, a client that never ends its handshake holds up nobody else.
        if self._context is not None:
            try:
                request = self._context.wrap_socket(request, server_side=True)
            except OSError:
                with self.owner.changed:
                    self.owner.failed_handshakes += 1
                    self.owner.changed.notify_all()
                return
        with contextlib.suppress(OSError):  # a client that went away
            super().finish_request(request, client_address)
        with contextlib.suppress(OSError):
            request.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _HttpServer

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        self.close_connection = True
        owner = self.server.owner
        body = self._body()
        if body is None:
            owner.violations.append("the body is not as long as announced")
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = owner.answer(TokenRequest(method=self.command, path=self.path, headers=headers, body=body))
        if answer.manner is Manner.NEVER:
            owner.stopping.wait()
        elif answer.manner is not Manner.CLOSED:
            self._send(answer)

    def _body(self) -> bytes | None:
        size = int(self.headers.get("Content-Length", "0"))
        self.connection.settimeout(BODY_SECONDS)
        try:
            body = self.rfile.read(size)
        except TimeoutError:
            return None
        return body if len(body) == size else None

    def _send(self, answer: TokenAnswer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.manner is not Manner.DRIPPING:
            self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if answer.manner is Manner.CUT:
            self.wfile.write(answer.body[: len(answer.body) // 2])
            return
        self.wfile.write(answer.body)
        while answer.manner is Manner.DRIPPING and not self.server.owner.stopping.is_set():
            self.wfile.write(b" ")
            time.sleep(DRIP_SECONDS)

    def log_message(self, *_: object) -> None:
        """Keep quiet: the test looks at `requests`."""


def _context(key_pair: KeyPair) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(key_pair.certfile, key_pair.keyfile)
    return context
