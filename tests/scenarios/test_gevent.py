"""Greenlets: gevent has made them of an application's threads, and our own threads stay real ones."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dekaf.testing import ApiKey, FakeCluster

ROOT = Path(__file__).parents[2]
BEFORE_IMPORT, BEFORE_USE, AFTER_USE = "before import", "before use", "after use"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="gevent on Windows is another gevent")


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(topics={"orders": 2}) as cluster:
        yield cluster


def begun(
    story: str, cluster: FakeCluster, *, patched: str = BEFORE_IMPORT, loop: str = "uvloop"
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.scenarios.greenlet_stories", story, cluster.bootstrap_servers, patched, loop],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
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


def play(story: str, cluster: FakeCluster, *, patched: str = BEFORE_IMPORT, loop: str = "uvloop") -> None:
    ended(begun(story, cluster, patched=patched, loop=loop))


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
@pytest.mark.parametrize("patched", [BEFORE_IMPORT, BEFORE_USE, AFTER_USE])
def test_many_greenlets_produce_whenever_gevent_has_patched(cluster: FakeCluster, patched: str, loop: str) -> None:
    play("many_greenlets", cluster, patched=patched, loop=loop)

    expected = 500 + 500 + 200 + 100 + 1 + (patched == AFTER_USE)
    assert len(cluster.log("orders")) == expected


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
@pytest.mark.parametrize(
    "story",
    ["a_thread_of_the_pool", "callbacks", "forks", "a_loop_in_a_greenlet", "the_hub", "closing", "without_eventfds"],
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


@pytest.mark.parametrize("story", ["killed", "killed_in_line", "killed_while_it_closes"])
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_greenlets_that_are_killed_while_they_wait_break_nothing(cluster: FakeCluster, story: str, loop: str) -> None:
    held = cluster.on(ApiKey.PRODUCE).hold()
    process = begun(story, cluster, loop=loop)
    assert process.stdout is not None
    said = process.stdout.readline()

    held.release()

    ended(process)
    assert said == "waits\n"
