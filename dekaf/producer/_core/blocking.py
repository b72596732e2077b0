"""Where a call must not block: in an event loop, in gevent's hub, in a callback, or in what interrupts dekaf."""

from __future__ import annotations

from dekaf._network.io_thread import has_running_loop
from dekaf._threads.greenlets import is_in_hub
from dekaf.errors import BlockingCallError
from dekaf.producer._core.core import ProducerCore


def stalls_a_loop(core: ProducerCore) -> bool:
    """Return whether a blocking call would keep an event loop waiting that this thread runs, or gevent's hub."""
    return (has_running_loop() and not core.config.allow_blocking_in_loop) or is_in_hub()


def forbid_blocking(core: ProducerCore, call: str) -> None:
    """Refuse a blocking call that would stall an event loop, or wait for itself.

    Args:
        core: Of the producer that is called.
        call: The method's name, for the error.

    Raises:
        BlockingCallError: It must not be made here; the text says what to do instead.
    """
    forbid_in_callback(core, call)
    if not stalls_a_loop(core):
        return
    if is_in_hub():
        raise BlockingCallError(
            f"Producer.{call}() was called in gevent's hub, by a callback of its loop, where nothing can wait: spawn a "
            f"greenlet, gevent.spawn(producer.{call}, ...); fire(), submit() and status() are fine there."
        )
    raise BlockingCallError(
        f"Producer.{call}() would block the event loop of this thread. Await AsyncProducer.{call}() instead: "
        "producer.as_async() shares this producer; Django has get_async_producer(), FastAPI ProducerDep. Or run it "
        "through asyncio.to_thread(). In a notebook, set allow_blocking_in_loop=True."
    )


def forbid_in_callback(core: ProducerCore, call: str) -> None:
    """Refuse a call that would wait for itself: in a callback, or in what has interrupted the core.

    Args:
        core: Of the producer that is called.
        call: The method's name, for the error.

    Raises:
        BlockingCallError: It must not be made here; the text says what is allowed instead.
    """
    if core.has_interrupted_itself():
        raise BlockingCallError(
            f"Producer.{call}() was called from a signal handler, or a finalizer, that interrupted the producer at "
            "work, and would wait for itself; close() and status() are fine there."
        )
    if core.life.callbacks.is_current():
        raise BlockingCallError(
            f"Producer.{call}() was called from a callback (on_delivery, or a listener's hook) and would wait for "
            "itself; fire(), submit() and status() are fine there."
        )
