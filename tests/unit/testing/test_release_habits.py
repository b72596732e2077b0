"""What lines of Kafka's brokers do differently."""

from __future__ import annotations

import pytest

from dekaf.testing import UnknownVersionAnswer
from dekaf.testing.release_habits import default_settings, unknown_version_answer


@pytest.mark.parametrize(("kafka", "refuses"), [("2.1", False), ("3.9", False), ("4.0", True), ("4.10", True)])
def test_timestamps_from_the_future_are_refused_since_4_0(kafka: str, refuses: bool) -> None:
    assert (default_settings(kafka).timestamp_after_max_ms is not None) is refuses


@pytest.mark.parametrize(("kafka", "says"), [("2.1", False), ("2.3", False), ("2.4", True), ("2.10", True)])
def test_brokers_say_which_versions_they_know_since_2_4(kafka: str, says: bool) -> None:
    expected = UnknownVersionAnswer.WITH_ENTRY if says else UnknownVersionAnswer.WITHOUT_ENTRY

    assert unknown_version_answer(kafka) is expected
