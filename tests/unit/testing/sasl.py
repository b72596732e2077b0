"""What the tests of the fake cluster's authentication share; its accounts are those of the fixture `sasl_cluster`."""

from __future__ import annotations

from typing import Final

from dekaf.testing import FakeCluster
from tests.kafka.sasl_probe import SaslProbe
from tests.kafka.users import MECHANISMS

__all__ = ("ALICE", "SCRAM", "probe")

ALICE: Final = b"\0alice\0wonder"  # as PLAIN says it
SCRAM: Final = [one for one in MECHANISMS if one.startswith("SCRAM")]


def probe(cluster: FakeCluster) -> SaslProbe:
    """Return a connection that has not authenticated yet."""
    return SaslProbe(cluster.broker(1).port)
