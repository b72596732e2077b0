"""Fixtures of the tests that run whole producers against a fake cluster."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, cast

import pytest

from tests.scenarios.faces import Face, LoopFace, LoopThread, MakeFace, ThreadFace, eventually, threads_of_producers


@pytest.fixture(autouse=True)
def no_threads_are_left() -> Iterator[None]:
    """Check that every producer's threads end with it."""
    yield
    gc.collect()
    eventually(lambda: not threads_of_producers(), 5)


@pytest.fixture(params=[ThreadFace, LoopFace], ids=["threads", "coroutines"])
def make_face(request: pytest.FixtureRequest) -> Iterator[MakeFace]:
    """Make producers of either face; they are closed when the test ends."""
    kind = cast("Callable[..., Face]", request.param)
    with ExitStack() as faces:

        def make(servers: str, **options: Any) -> Face:
            return faces.enter_context(kind(servers, **options))

        yield make


@pytest.fixture
def loop_thread() -> Iterator[LoopThread]:
    """Run an event loop on a thread of its own."""
    thread = LoopThread()
    yield thread
    thread.stop()
