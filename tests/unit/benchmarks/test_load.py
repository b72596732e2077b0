"""The HTTP load of the web rows: what it counts, and what it does not let pass."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.measures import load

# What wrk 4.1.0 prints, shortened.
WRK = """#!/bin/sh
echo "Running 1s test @ http://127.0.0.1:1/produce"
echo "  1 threads and 64 connections"
echo "  4821 requests in 1.00s, 668.42KB read"
{trouble}
echo "Requests/sec:   4809.53"
"""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    status = 200
    answered = 0

    def handle_error(self, *_: object) -> None:
        """Print nothing of connections that the load has ended."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        self.server.answered += 1
        self.send_response(self.server.status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def _no_wrk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")


def _install_wrk(folder: Path, monkeypatch: pytest.MonkeyPatch, *, trouble: str = "") -> None:
    wrk = folder / "wrk"
    wrk.write_text(WRK.format(trouble=f'echo "  {trouble}"' if trouble else ""), encoding="utf-8")
    wrk.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/bin:/usr/bin")


@pytest.mark.usefixtures("_no_wrk")
def test_without_wrk_every_request_is_answered_and_counted(server: _Server) -> None:
    answered = load.send_requests(server.server_port, "/", connections=1, seconds=1)

    assert answered == server.answered > 1
    assert "Python" in load.generator()


@pytest.mark.usefixtures("_no_wrk")
def test_without_wrk_an_answer_that_is_not_200_fails(server: _Server) -> None:
    server.status = 503

    with pytest.raises(BenchmarkError, match="503"):
        load.send_requests(server.server_port, "/", connections=2, seconds=1)


def test_wrk_says_how_many_were_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _install_wrk(tmp_path, monkeypatch)

    assert load.send_requests(1, "/produce", connections=64, seconds=1) == 4821


@pytest.mark.parametrize(
    "trouble", ["Non-2xx or 3xx responses: 3", "Socket errors: connect 0, read 2, write 0, timeout 0"]
)
def test_what_wrk_complains_of_fails(trouble: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _install_wrk(tmp_path, monkeypatch, trouble=trouble)

    with pytest.raises(BenchmarkError, match=trouble):
        load.send_requests(1, "/produce", connections=64, seconds=1)
