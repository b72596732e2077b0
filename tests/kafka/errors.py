"""What can go wrong around a test cluster."""

from __future__ import annotations

import unittest

__all__ = ("BrokersNotOursError", "KafkaUnavailableError")


class KafkaUnavailableError(RuntimeError):
    """Kafka could not be fetched or started; the text says what is missing or shows the broker's last lines."""


class BrokersNotOursError(unittest.SkipTest):
    """A broker process was asked for, but the cluster was started by somebody else.

    It is a `SkipTest` so that a test which kills or restarts a broker is skipped, with this reason, when the suite
    runs against the cluster named in `DEKAF_TEST_BOOTSTRAP_SERVERS`.
    """
