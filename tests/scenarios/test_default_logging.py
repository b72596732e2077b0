"""Where an application configures no logging, what was lost is on stderr all the same."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dekaf.testing import ALWAYS, ApiKey, ErrorCode, FakeCluster
from tests.broker.web_servers import Kind, Server
from tests.scenarios.faces import eventually

LOST = "1 record(s) for topic orders were not delivered"
URLS = """
from django.http import HttpRequest, HttpResponse
from django.urls import path

from dekaf.contrib.django import get_producer


def fire(request: HttpRequest) -> HttpResponse:
    get_producer().fire("orders", "42", "paid")
    return HttpResponse()


urlpatterns = [path("fire", fire)]
"""


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(topics={"orders": 1}) as cluster:
        cluster.on(ApiKey.PRODUCE).fail(ErrorCode.INVALID_RECORD, times=ALWAYS)
        yield cluster


def fire(command: tuple[str, ...], log: Path, **environment: str) -> str:
    """Have an application lose a message, and return what its server wrote to stderr and stdout."""
    server = Server(Kind(command, (), 0), environment, log)
    try:
        server.wait_until_it_answers()
        assert server.get("/fire") == 200
        eventually(lambda: LOST in server.log())
        return server.log()
    finally:
        server.kill()


def test_a_lost_fire_is_seen_under_plain_uvicorn(cluster: FakeCluster, tmp_path: Path) -> None:
    command = ("uvicorn", "tests.scenarios.default_logging_apps:fastapi")

    fire(command, tmp_path / "log", DEKAF_BOOTSTRAP_SERVERS=cluster.bootstrap_servers)


@pytest.mark.parametrize("debug", ["True", "False"])
def test_a_lost_fire_is_seen_with_the_settings_of_startproject(
    cluster: FakeCluster, tmp_path: Path, debug: str
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    subprocess.run([sys.executable, "-m", "django", "startproject", "lossy", str(project)], check=True)
    (project / "lossy" / "urls.py").write_text(URLS, encoding="utf-8")
    settings = project / "lossy" / "settings.py"
    settings.write_text(
        settings.read_text(encoding="utf-8")
        + f'\nDEBUG = {debug}\nALLOWED_HOSTS = ["*"]\nINSTALLED_APPS += ["dekaf.contrib.django"]\n'
        + f'DEKAF = {{"bootstrap_servers": "{cluster.bootstrap_servers}"}}\n',
        encoding="utf-8",
    )

    fire(("gunicorn", "lossy.wsgi", "--chdir", str(project)), tmp_path / "log")
