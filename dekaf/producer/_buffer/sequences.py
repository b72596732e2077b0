"""Producer id, epoch, and the sequence numbers of each partition: the rules by which nothing is written twice.

Pure state, owned by the I/O thread. Sequences count records, are given when a batch is first drained, and stay with the
batch over every retry. Sources: KIP-98 (idempotent producer), KIP-360 (epoch bump by the client).
"""

from __future__ import annotations

from enum import Enum
from typing import Final, final

from mypy_extensions import i64

NO_SEQUENCE: Final = -1
SEQUENCE_MASK: Final = 0x7FFF_FFFF  # after 2147483647 comes 0
MAX_EPOCH: Final = 32767
BEFORE_ALL: Final = -1  # the send order of a gap that leaves no number of the partition usable


@final
class ProducerIdAndEpoch:
    """Who the broker thinks we are; compared by identity, replaced as a whole."""

    def __init__(self, producer_id: i64, epoch: i64) -> None:
        self.producer_id: Final = producer_id
        self.epoch: Final = epoch

    def bumped(self) -> ProducerIdAndEpoch | None:
        """Return the same producer id with the next epoch, or None if the epochs are used up (KIP-360)."""
        return ProducerIdAndEpoch(self.producer_id, self.epoch + 1) if self.epoch < MAX_EPOCH else None


class SequenceState(Enum):
    """What the broker's next expected sequence of a partition is to us."""

    CONTINUOUS = "continuous"  # known: the one after the last batch we numbered
    UNRESOLVED = "unresolved"  # a batch expired on its way: later answers will tell whether it was written
    BROKEN = "broken"  # there is a gap: everything still unwritten must be numbered anew under another epoch


def next_sequence(sequence: i64, count: i64) -> i64:
    """Return the sequence `count` records after `sequence`."""
    return (sequence + count) & SEQUENCE_MASK


@final
class PartitionSequences:
    """The sequence numbers of one partition under one producer id and epoch."""

    def __init__(self) -> None:
        self.identity: ProducerIdAndEpoch | None = None
        self.state = SequenceState.CONTINUOUS
        self.next: i64 = 0  # what the next batch gets
        self.expected: i64 = 0  # what the broker expects next, as far as it has told us
        self.acknowledged = False  # the broker holds state for us under this identity
        self.has_lost_log = False  # the topic was created anew since numbers of this identity were given
        self.gap_at: i64 = BEFORE_ALL  # while BROKEN: the send order of the first batch that its number does not fit

    def adopt(self, identity: ProducerIdAndEpoch) -> None:
        """Start from zero under a new identity. Only when nothing numbered under the old one is left."""
        self.identity = identity
        self.state = SequenceState.CONTINUOUS
        self.next = 0
        self.expected = 0
        self.acknowledged = False
        self.has_lost_log = False

    def take(self, count: i64) -> i64:
        """Return the base sequence of a batch of `count` records, and move on."""
        base = self.next
        self.next = next_sequence(base, count)
        return base

    def acknowledge(self, identity: ProducerIdAndEpoch | None, base: i64, count: i64) -> None:
        """Note that the broker has a batch."""
        if identity is None or identity is not self.identity:  # None: a batch without a number, of no interest here
            return
        self.acknowledged = True
        end = next_sequence(base, count)
        # While a leader moves, the old and the new one may answer in the wrong order: never go back.
        if ((end - self.expected) & SEQUENCE_MASK) <= SEQUENCE_MASK // 2:
            self.expected = end
        if self.expected == self.next and self.state is SequenceState.UNRESOLVED:
            self.state = SequenceState.CONTINUOUS  # a later batch was accepted, so the expired one had been written

    def break_off(self, identity: ProducerIdAndEpoch | None, send_order: i64) -> None:
        """Note that the batch with that send order will never be written: whatever follows it has the wrong number."""
        if identity is None or identity is not self.identity:
            return
        if self.state is not SequenceState.BROKEN or send_order < self.gap_at:
            self.gap_at = send_order
        self.state = SequenceState.BROKEN

    def lose_log(self) -> None:
        """Note that the log is gone, and what the broker knew of us with it: begin at zero under another epoch.

        Under the same one, a batch still under way with an old number might be taken for one with the same new number.
        """
        self.acknowledged = False
        if self.identity is not None:
            self.has_lost_log = True
            self.state = SequenceState.BROKEN
            self.gap_at = BEFORE_ALL

    def is_before_gap(self, send_order: i64) -> bool:
        """Return whether a numbered batch may be repeated under its number: the broker expects it, or has it."""
        return self.state is not SequenceState.BROKEN or send_order < self.gap_at

    def is_overtaken(self, identity: ProducerIdAndEpoch | None, base: i64) -> bool:
        """Return whether the broker has accepted a later number: it had lost what it knew of us (KAFKA-15591)."""
        if identity is None or identity is not self.identity:
            return False
        return 0 < ((self.expected - base) & SEQUENCE_MASK) <= SEQUENCE_MASK // 2

    def lose_sight(self, identity: ProducerIdAndEpoch | None) -> None:
        """Note that a numbered batch was given up without knowing whether the broker wrote it."""
        if identity is not None and identity is self.identity and self.state is SequenceState.CONTINUOUS:
            self.state = SequenceState.UNRESOLVED

    def resolve_when_idle(self) -> None:
        """With nothing numbered left on its way: an expired batch that no later answer vouched for leaves a gap."""
        if self.state is SequenceState.UNRESOLVED:
            self.state = SequenceState.CONTINUOUS if self.expected == self.next else SequenceState.BROKEN
