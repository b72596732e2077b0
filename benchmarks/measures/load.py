"""A closed-loop HTTP load: connections that send the next request when they have the answer to the last.

wrk sends it where it is installed. It is written in C and leaves the processors to the server and the broker, so that
the server is what limits the rate. Without it a generator in Python does the same; the report says which it was.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import uvloop

from benchmarks.errors import BenchmarkError
from benchmarks.measures import python_load
from benchmarks.servers.settings import UsageReport

__all__ = ("generator", "get_json", "send_requests")

TIMEOUT_SECONDS = 120
POST_SCRIPT = 'wrk.method = "POST"\nwrk.body = ""\n'
# Neither line is there if all went well.
TROUBLE = re.compile(r"^\s*(Non-2xx or 3xx responses|Socket errors): .*$", re.MULTILINE)
ANSWERED = re.compile(r"^\s*(\d+) requests in ", re.MULTILINE)


def generator() -> str:
    """Return what sends the load."""
    wrk = shutil.which("wrk")
    if wrk is None:
        return "a generator in Python (install wrk for one that takes less of the machine)"
    told = subprocess.run([wrk, "-v"], capture_output=True, text=True, check=False, timeout=30).stdout
    return told.partition(" [")[0].strip() or "wrk"


def send_requests(port: int, path: str, *, connections: int, seconds: int) -> int:
    """POST for so many seconds over connections that stay open; return how many requests were answered.

    wrk cuts off those under way at the end: up to one per connection is carried out and not counted.

    Raises:
        BenchmarkError: an answer was not 200, or a connection broke.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        return python_load.send_requests(port, path, connections=connections, seconds=seconds)
    with tempfile.TemporaryDirectory(prefix="dekaf-bench-") as folder:
        script = Path(folder) / "post.lua"
        script.write_text(POST_SCRIPT, encoding="utf-8")
        command = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), f"http://127.0.0.1:{port}{path}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + TIMEOUT_SECONDS)
    answered, trouble = ANSWERED.search(done.stdout), TROUBLE.search(done.stdout)
    if answered is None or trouble is not None:
        raise BenchmarkError(f"wrk: {trouble.group().strip() if trouble else done.stdout + done.stderr}")
    return int(answered.group(1))


def get_json(port: int, path: str) -> UsageReport:
    """GET a JSON document.

    Raises:
        BenchmarkError: the server did not answer so.
    """
    return uvloop.run(_get_json(port, path))


async def _get_json(port: int, path: str) -> UsageReport:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError as error:
        raise BenchmarkError(f"nobody listens on port {port}") from error
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), TIMEOUT_SECONDS)
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise BenchmarkError(f"the server answered {answer[:500].decode(errors='replace')}")
    report: UsageReport = json.loads(body)
    return report
