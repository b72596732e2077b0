"""What hears of outcomes."""

from __future__ import annotations

import asyncio
import threading

from dekaf.producer._core.life import ProducerLife
from dekaf.producer._core.recipients import Recipients
from dekaf.producer.config import ProducerConfig
from dekaf.types import RecordMetadata


def life() -> ProducerLife:
    return ProducerLife(ProducerConfig(bootstrap_servers="127.0.0.1:1"), None)


def test_every_loop_has_one_mailbox() -> None:
    recipients = Recipients(life(), 20.0)
    loops = [asyncio.new_event_loop() for _ in range(2)]
    mailboxes = [recipients.mailbox(loop) for loop in loops]

    assert [recipients.mailbox(loop) for loop in (*loops, *loops)] == mailboxes * 2
    assert mailboxes[0] is not mailboxes[1]
    for loop in loops:
        loop.close()


def test_mailboxes_of_closed_loops_are_forgotten() -> None:
    mine = life()
    recipients = Recipients(mine, 20.0)
    for _ in range(3):
        loop = asyncio.new_event_loop()
        recipients.mailbox(loop)
        loop.close()

    assert list(mine.mailboxes) == [loop]


def test_handle_made_before_a_child_knows_what_it_is_calls_back_in_the_child() -> None:
    """The parent's callback thread does not run there."""
    parent, child = life(), life()
    recipients = Recipients(parent, 20.0)
    handle = recipients.new_delivery("t")
    called = threading.Event()
    handle.add_done_callback(lambda _: called.set())

    recipients.renew(child)
    handle.complete(RecordMetadata("t", 0, 1, 2), None)

    assert called.wait(10)
    assert parent.callbacks._worker is None
    child.callbacks.stop(10)
