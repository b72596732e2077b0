"""Greenlets: gevent has made them of an application's threads, and our own threads stay real ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dekaf.testing import ApiKey, FakeCluster
from tests.certificates import Authority
from tests.oauth import TokenServer
from tests.scenarios.secured import secured_cluster, secured_options

ROOT = Path(__file__).parents[2]
BEFORE_IMPORT, BEFORE_USE, AFTER_USE = "before import", "before use", "after use"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="gevent on Windows is another gevent")


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(topics={"orders": 2}) as cluster:
        yield cluster


def begun(
    story: str, cluster: FakeCluster, *, patched: str = BEFORE_IMPORT, loop: str = "uvloop", **options: object
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.scenarios.greenlet_stories", story, cluster.bootstrap_servers, patched, loop],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "STORY_OPTIONS": json.dumps(options)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> None:
    """Wait until a story is told; nothing went wrong meanwhile that only stderr shows."""
    try:
        written, faults = process.communicate(timeout=45)
    finally:
        process.kill()
    assert written.endswith("told\n"), faults
    assert process.returncode == 0, faults
    # Each thread that was there before it, anybody's, goes by another ident since, and complains of that as it ends.
    assert "Traceback" not in faults or "del _active[get_ident()]" in faults, faults


def play(
    story: str, cluster: FakeCluster, *, patched: str = BEFORE_IMPORT, loop: str = "uvloop", **options: object
) -> None:
    ended(begun(story, cluster, patched=patched, loop=loop, **options))


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
@pytest.mark.parametrize("patched", [BEFORE_IMPORT, BEFORE_USE, AFTER_USE])
def test_many_greenlets_produce_whenever_gevent_has_patched(cluster: FakeCluster, patched: str, loop: str) -> None:
    play("many_greenlets", cluster, patched=patched, loop=loop)

    expected = 500 + 500 + 200 + 100 + 1 + (patched == AFTER_USE)
    assert len(cluster.log("orders")) == expected


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
@pytest.mark.parametrize(
    "story",
    [
        "a_thread_of_the_pool",
        "callbacks",
        "forks",
        "a_loop_in_a_greenlet",
        "the_hub",
        "closing",
        "without_eventfds",
        "logging_of_all",
    ],
)
def test_greenlets_use_a_producer_as_threads_do(cluster: FakeCluster, story: str, loop: str) -> None:
    play(story, cluster, loop=loop)


@pytest.mark.parametrize("story", ["frozen_calls", "frozen_room"])
@pytest.mark.parametrize("patched", [BEFORE_IMPORT, BEFORE_USE])
def test_brokers_that_do_not_answer_hold_up_no_other_greenlet(cluster: FakeCluster, story: str, patched: str) -> None:
    cluster.on(ApiKey.PRODUCE).hold()

    play(story, cluster, patched=patched)


def test_callbacks_that_take_long_hold_up_no_other_greenlet(cluster: FakeCluster) -> None:
    play("frozen_callbacks", cluster)


@pytest.mark.parametrize(
    "story", ["killed", "killed_in_line", "killed_while_it_closes", "forks_with_greenlets", "frozen_thousand"]
)
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_whatever_happens_while_greenlets_wait_breaks_nothing(cluster: FakeCluster, story: str, loop: str) -> None:
    held = cluster.on(ApiKey.PRODUCE).hold()
    process = begun(story, cluster, loop=loop)
    assert process.stdout is not None
    said = process.stdout.readline()

    held.release()

    ended(process)
    assert said == "waits\n"


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
@pytest.mark.parametrize("patched", [BEFORE_IMPORT, BEFORE_USE])
@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "OAUTHBEARER"])
def test_secure_connections_are_made_as_by_threads(
    authority: Authority, mechanism: str, patched: str, loop: str
) -> None:
    server = authority.server()
    with (
        secured_cluster(authority, topics={"orders": 2}) as cluster,
        TokenServer(server, clients={"alice": "the secret of alice"}) as tokens,
    ):
        options = secured_options(mechanism, authority)
        if options.pop("sasl_oauth_token_provider", None) is not None:
            options |= {
                "sasl_oauthbearer_token_endpoint_url": tokens.url,
                "sasl_oauthbearer_client_credentials_client_id": "alice",
                "sasl_oauthbearer_client_credentials_client_secret": "the secret of alice",
            }
        play("closing", cluster, patched=patched, loop=loop, **options)

        assert len(cluster.log("orders")) == 1_001
        assert (len(tokens.requests) > 0) is (mechanism == "OAUTHBEARER")
