"""What each line of Kafka's brokers does differently, beside the versions that it advertises."""

from __future__ import annotations

from dekaf.testing.cluster_state import UnknownVersionAnswer
from dekaf.testing.partition_log import TopicSettings

__all__ = ("default_settings", "unknown_version_answer")


def default_settings(kafka: str) -> TopicSettings:
    """Return the settings that topics of a release have by default."""
    # Brokers refuse timestamps from the future since 4.0 (KIP-1030).
    return TopicSettings() if _release(kafka) >= (4, 0) else TopicSettings(timestamp_after_max_ms=None)


def unknown_version_answer(kafka: str) -> UnknownVersionAnswer:
    """Return what brokers of a release do about an ApiVersions request that is newer than they are."""
    # They say which versions they know since 2.4 (KIP-511).
    return UnknownVersionAnswer.WITH_ENTRY if _release(kafka) >= (2, 4) else UnknownVersionAnswer.WITHOUT_ENTRY


def _release(kafka: str) -> tuple[int, ...]:
    return tuple(int(part) for part in kafka.split("."))
