"""Fixtures of the tests that run whole producers against a fake cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, cast

import pytest

from tests.concurrency.faces import Face, LoopFace, MakeFace, ThreadFace


@pytest.fixture(params=[ThreadFace, LoopFace], ids=["threads", "coroutines"])
def make_face(request: pytest.FixtureRequest) -> Iterator[MakeFace]:
    """Make producers of either face; they are closed when the test ends."""
    kind = cast("Callable[..., Face]", request.param)
    with ExitStack() as faces:

        def make(servers: str, **options: Any) -> Face:
            return faces.enter_context(kind(servers, **options))

        yield make
