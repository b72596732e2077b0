"""Where a call must not block."""

from __future__ import annotations

import asyncio
import threading

import pytest

from dekaf.errors import BlockingCallError
from dekaf.producer._core.blocking import forbid_blocking, forbid_in_callback, stalls_a_loop
from tests.unit.producer.core.conftest import MakeCore


def test_a_plain_thread_may_block(make_core: MakeCore) -> None:
    forbid_blocking(make_core(), "flush")


@pytest.mark.parametrize("is_allowed", [False, True])
def test_a_loop_is_stalled_unless_that_is_allowed(make_core: MakeCore, is_allowed: bool) -> None:
    core = make_core(allow_blocking_in_loop=is_allowed)

    async def scenario() -> None:
        assert stalls_a_loop(core) is not is_allowed
        forbid_in_callback(core, "close")  # this one asks for callbacks alone
        if is_allowed:
            forbid_blocking(core, "flush")
            return
        with pytest.raises(BlockingCallError, match=r"Producer\.flush\(\) would block the event loop"):
            forbid_blocking(core, "flush")

    asyncio.run(scenario())


def test_a_callback_would_wait_for_itself(make_core: MakeCore) -> None:
    core = make_core()
    errors: list[BlockingCallError] = []
    done = threading.Event()

    def callback() -> None:
        for forbid in (forbid_blocking, forbid_in_callback):
            with pytest.raises(BlockingCallError, match="from a callback") as caught:
                forbid(core, "flush")
            errors.append(caught.value)
        done.set()

    core.life.callbacks.run(callback)

    assert done.wait(10)
    assert len(errors) == 2
    core.life.callbacks.stop(10)
