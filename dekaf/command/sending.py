"""How commands send: as fast as the buffer takes it, and until all of it has an outcome."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final, NamedTuple, Never, final

from dekaf.errors import BufferExhaustedError
from dekaf.producer import Producer, ProducerConfig
from dekaf.types import DrainReport

__all__ = ("FAILED", "INTERRUPTED", "TERMINATED", "Ending", "for_sending", "sent", "until_space")

FAILED: Final = 1  # exit statuses
INTERRUPTED: Final = 130  # as a shell tells that SIGINT ended a command
TERMINATED: Final = 143  # the same of SIGTERM


def for_sending(config: ProducerConfig) -> ProducerConfig:
    """Return the configuration with which a full buffer, or a Kafka that is away, holds up the reading."""
    return config.with_options(buffer_full="block", unavailable_after_ms=None)


def until_space(fire: Callable[..., None], *message: Any, **rest: Any) -> None:
    """Fire one message, again and again while there is no space for it.

    What is in the buffer is delivered, or fails in the end, so that there will be space.

    Args:
        fire: A producer's.
        message: What it is called with.
        rest: The same, by name.
    """
    while True:
        try:
            fire(*message, **rest)
        except BufferExhaustedError:
            continue
        return


class Ending(NamedTuple):
    """How the sending ended.

    Args:
        report: What became of the messages.
        status: The exit status, as far as the reading decides it.
    """

    report: DrainReport
    status: int


def sent(
    producer: Producer[Any, Any], config: ProducerConfig, send: Callable[[], int], say: Callable[[str], None]
) -> Ending:
    """Send, then deliver what was accepted, and close; a Ctrl-C ends the sending, a second one the delivering.

    SIGTERM is as good as Ctrl-C, but for the exit status.

    Args:
        producer: It.
        config: Its configuration.
        send: Fires all messages; returns the exit status.
        say: Tells people something.
    """
    with _sigterm_interrupts():
        try:
            try:
                status = send()
            except KeyboardInterrupt as interruption:
                status = _status_after(interruption)
                say("interrupted: what was accepted is delivered, unless you interrupt again")
            return Ending(_drained(producer, config), status)
        except KeyboardInterrupt as interruption:
            return Ending(producer.close(0), _status_after(interruption))


@final
class _TerminatedError(KeyboardInterrupt):
    """SIGTERM, which ends sending as Ctrl-C does."""


@contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """Have SIGTERM deliver what was accepted, too, where it would just end the process."""
    is_ours = (
        threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    )
    if not is_ours:
        yield
        return

    def interrupt(_number: int, _frame: FrameType | None) -> Never:
        raise _TerminatedError

    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _status_after(interruption: KeyboardInterrupt) -> int:
    return TERMINATED if isinstance(interruption, _TerminatedError) else INTERRUPTED


def _drained(producer: Producer[Any, Any], config: ProducerConfig) -> DrainReport:
    """Deliver what was accepted, and close.

    A Kafka that is there has as long for it as messages live (`delivery_timeout_ms`), another one `close_timeout_ms`.
    """
    status = producer.status()
    is_there = status.connected_brokers > 0 or status.delivered_total > 0
    return producer.close(config.delivery_timeout_ms / 1000 if is_there else None)
