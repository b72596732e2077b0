"""Sequence numbers: continuous, wrapping, and honest about gaps."""

from __future__ import annotations

import random

import pytest

from dekaf.producer._buffer.sequences import (
    MAX_EPOCH,
    PartitionSequences,
    ProducerIdAndEpoch,
    SequenceState,
    next_sequence,
)

LAST = 2**31 - 1


def sequences_under(identity: ProducerIdAndEpoch, first: int = 0) -> PartitionSequences:
    sequences = PartitionSequences()
    sequences.adopt(identity)
    sequences.next = sequences.expected = first
    return sequences


def is_continuous(sequences: PartitionSequences) -> bool:
    return sequences.state is SequenceState.CONTINUOUS


ME = ProducerIdAndEpoch(1000, 0)
OTHER = ProducerIdAndEpoch(1000, 0)


@pytest.mark.mistake("kafkajs #1787", "kafkajs #1790")
def test_zero_follows_the_largest_sequence() -> None:
    assert next_sequence(LAST, 1) == 0
    assert next_sequence(LAST - 7, 5) == LAST - 2
    assert next_sequence(LAST - 2, 5) == 2


@pytest.mark.mistake("franz-go #226", "redpanda #4854")
def test_batch_may_straddle_the_wrap() -> None:
    sequences = sequences_under(ME, LAST - 7)

    assert [sequences.take(5) for _ in range(3)] == [LAST - 7, LAST - 2, 2]


def test_acknowledgements_move_what_the_broker_expects() -> None:
    sequences = sequences_under(ME, LAST - 7)
    for _ in range(3):
        base = sequences.take(5)
        sequences.acknowledge(ME, base, 5)

    assert sequences.expected == sequences.next == 7
    assert sequences.acknowledged


def test_acknowledgement_out_of_turn_does_not_move_back() -> None:
    sequences = sequences_under(ME)
    first, second = sequences.take(3), sequences.take(3)
    sequences.acknowledge(ME, second, 3)
    sequences.acknowledge(ME, first, 3)

    assert sequences.expected == 6


def test_expired_batch_is_vouched_for_by_a_later_one() -> None:
    """The broker takes nothing but the next number: what it took came after everything before."""
    sequences = sequences_under(ME)
    sequences.take(3)
    later = sequences.take(3)
    sequences.lose_sight(ME)
    assert not is_continuous(sequences)

    sequences.acknowledge(ME, later, 3)

    assert is_continuous(sequences)


def test_expired_batch_nobody_vouches_for_leaves_a_gap() -> None:
    sequences = sequences_under(ME)
    sequences.acknowledge(ME, sequences.take(3), 3)
    sequences.take(3)
    sequences.lose_sight(ME)

    sequences.resolve_when_idle()

    assert sequences.state is SequenceState.BROKEN


def test_expired_batch_acknowledged_late_leaves_no_gap() -> None:
    sequences = sequences_under(ME)
    base = sequences.take(3)
    sequences.lose_sight(ME)
    sequences.acknowledge(ME, base, 3)
    sequences.resolve_when_idle()

    assert sequences.state is SequenceState.CONTINUOUS


def test_gap_is_not_forgotten() -> None:
    sequences = sequences_under(ME)
    base = sequences.take(3)
    sequences.break_off(ME, 0)
    sequences.lose_sight(ME)
    sequences.acknowledge(ME, base, 3)
    sequences.resolve_when_idle()

    assert sequences.state is SequenceState.BROKEN


def test_new_identity_starts_at_zero() -> None:
    sequences = sequences_under(ME, 77)
    sequences.acknowledge(ME, sequences.take(3), 3)
    sequences.break_off(ME, 0)
    sequences.adopt(OTHER)

    assert (sequences.next, sequences.expected, sequences.acknowledged) == (0, 0, False)
    assert sequences.state is SequenceState.CONTINUOUS
    assert sequences.identity is OTHER


def test_news_about_an_earlier_identity_changes_nothing() -> None:
    sequences = sequences_under(ME)
    sequences.acknowledge(OTHER, 40, 3)
    sequences.break_off(OTHER, 0)
    sequences.lose_sight(OTHER)

    assert (sequences.expected, sequences.acknowledged) == (0, False)
    assert sequences.state is SequenceState.CONTINUOUS


def test_batches_without_numbers_change_nothing() -> None:
    """A producer that is not idempotent has no identity; its time-outs must not look like gaps."""
    sequences = PartitionSequences()
    sequences.acknowledge(None, -1, 3)
    sequences.lose_sight(None)
    sequences.break_off(None, 0)
    sequences.resolve_when_idle()

    assert sequences.state is SequenceState.CONTINUOUS
    assert not sequences.acknowledged


@pytest.mark.mistake("librdkafka #3720")
def test_epoch_ends_at_its_largest_value() -> None:
    last = ProducerIdAndEpoch(7, MAX_EPOCH - 1).bumped()

    assert last is not None
    assert (last.producer_id, last.epoch) == (7, MAX_EPOCH)
    assert last.bumped() is None


def test_sequences_are_continuous_whatever_the_batches() -> None:
    chance = random.Random(3)
    sequences = sequences_under(ME, LAST - 5_000)
    position = LAST - 5_000
    for _ in range(2_000):
        count = chance.randint(1, 9)
        assert sequences.take(count) == position % 2**31
        position += count


def test_what_lies_before_the_first_gap_keeps_its_number() -> None:
    sequences = sequences_under(ME)
    assert sequences.is_before_gap(7)

    sequences.break_off(ME, 5)
    sequences.break_off(ME, 3)
    sequences.break_off(ME, 4)

    assert sequences.is_before_gap(2)
    assert not sequences.is_before_gap(3)


def test_gap_under_a_new_identity_is_its_own() -> None:
    sequences = sequences_under(ME)
    sequences.break_off(ME, 3)
    sequences.adopt(OTHER)
    sequences.break_off(OTHER, 9)

    assert sequences.is_before_gap(8)


def test_batch_is_overtaken_once_a_later_one_is_acknowledged() -> None:
    sequences = sequences_under(ME)
    first, second = sequences.take(3), sequences.take(3)
    assert not sequences.is_overtaken(ME, first)

    sequences.acknowledge(ME, second, 3)

    assert sequences.is_overtaken(ME, first)
    assert not sequences.is_overtaken(ME, 6)
    assert not sequences.is_overtaken(OTHER, first)
    assert not sequences.is_overtaken(None, first)


def test_lost_log_is_remembered_until_numbers_begin_anew() -> None:
    sequences = sequences_under(ME)
    sequences.lose_log()
    assert sequences.has_lost_log

    sequences.adopt(OTHER)
    assert not sequences.has_lost_log
