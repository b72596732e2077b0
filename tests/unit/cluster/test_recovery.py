"""When the client goes back to the bootstrap servers for lack of metadata."""

from __future__ import annotations

import math

from dekaf._cluster.recovery import MetadataRecovery

NOW = 1_000.0
TRIGGER = 300.0


def test_time_counts_from_the_first_of_a_series_of_vain_attempts() -> None:
    recovery = MetadataRecovery(TRIGGER)

    recovery.sought(NOW)
    recovery.sought(NOW + 200.0)

    assert recovery.due_at() == NOW + TRIGGER


def test_usable_answer_ends_the_series() -> None:
    recovery = MetadataRecovery(TRIGGER)
    recovery.sought(NOW)

    recovery.found()

    assert recovery.due_at() == math.inf


def test_bootstrap_servers_have_their_time_before_the_next_beginning() -> None:
    recovery = MetadataRecovery(TRIGGER)
    recovery.sought(NOW)

    recovery.begun_again(NOW + TRIGGER)

    assert recovery.due_at() == NOW + 2 * TRIGGER


def test_without_a_trigger_there_is_none() -> None:
    recovery = MetadataRecovery(math.inf)

    recovery.sought(NOW)

    assert recovery.due_at() == math.inf
