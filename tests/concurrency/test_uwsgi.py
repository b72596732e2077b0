"""uWSGI, which forks its workers without a word to Python unless it is asked to."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from dekaf.testing import FakeCluster
from tests.kafka.ports import free_ports

UWSGI = Path(sys.executable).with_name("uwsgi")
TOPIC = "orders"
BEFORE = 2_000  # records under way when the workers are forked
REQUESTS = 20
PATIENCE = 30.0  # seconds

pytestmark = pytest.mark.skipif(
    sys.version_info >= (3, 12) or sys.platform != "linux", reason="uWSGI is compiled for one Python, on Linux"
)

APP = """
import os
from dekaf import Producer

producer = Producer(bootstrap_servers=os.environ["SERVERS"])
for number in range(int(os.environ["BEFORE"])):
    producer.fire("orders", b"key", b"before the fork")

def application(environ, start_response):
    producer.produce("orders", b"key", b"produced")
    producer.fire("orders", b"key", b"fired")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"written"]
"""


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(topics={TOPIC: 1}) as cluster:
        yield cluster


@contextlib.contextmanager
def uwsgi(
    cluster: FakeCluster, folder: Path, *options: str, before: int
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the application; yield the process, and its address."""
    (folder / "app.py").write_text(APP)
    address = f"127.0.0.1:{free_ports(1)[0]}"
    served = ["--http-socket", address, "--master", "--processes", "2", "--die-on-term", "--need-app"]
    python = ["--virtualenv", sys.prefix, "--wsgi-file", "app.py"]
    process = subprocess.Popen(
        [str(UWSGI), *served, *python, *options],
        cwd=folder,
        env={"SERVERS": cluster.bootstrap_servers, "BEFORE": str(before), "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # a group of its own: workers that hang do not end with their master
    )
    try:
        yield process, f"http://{address}/"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def answer(address: str) -> bytes:
    """Return what the application answers, once it listens."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(address, timeout=PATIENCE) as response:
        body: bytes = response.read()
    return body


def wait_until_it_listens(process: subprocess.Popen[str]) -> None:
    """Read the server's log up to the line that says so."""
    assert process.stdout is not None
    for line in process.stdout:
        if "spawned uWSGI worker 2" in line:
            return
    raise AssertionError("it ended")


@pytest.mark.timeout(120)
def test_use_before_the_fork_ends_the_start_with_a_remedy(cluster: FakeCluster, tmp_path: Path) -> None:
    with uwsgi(cluster, tmp_path, before=1) as (process, _):
        log, _ = process.communicate(timeout=PATIENCE)

    assert process.returncode != 0
    assert "py-call-uwsgi-fork-hooks = true" in log
    assert cluster.log(TOPIC) == []


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("options", "before"),
    [((), 0), (("--py-call-uwsgi-fork-hooks",), BEFORE), (("--py-call-uwsgi-fork-hooks", "--enable-threads"), BEFORE)],
    ids=["made before the fork", "used before it", "with threads"],
)
def test_workers_answer_and_nothing_is_lost(
    cluster: FakeCluster, tmp_path: Path, options: tuple[str, ...], before: int
) -> None:
    with uwsgi(cluster, tmp_path, *options, before=before) as (process, address):
        wait_until_it_listens(process)
        answers = [answer(address) for _ in range(REQUESTS)]
        process.terminate()
        process.communicate(timeout=PATIENCE)

    assert answers == [b"written"] * REQUESTS
    values = [record.value for record in cluster.log(TOPIC)]
    assert values.count(b"before the fork") == before
    assert values.count(b"produced") == values.count(b"fired") == REQUESTS
