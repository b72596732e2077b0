"""The fake cluster answers those who authenticate as Apache Kafka does: the tests are the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from dekaf.testing import FakeCluster, SaslAccounts
from tests.kafka.sasl_answers import Dialler, SaslAnswers
from tests.kafka.sasl_probe import SaslProbe
from tests.kafka.users import PLAIN_USERS, SCRAM_USERS


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    accounts = SaslAccounts({**PLAIN_USERS, **SCRAM_USERS})
    clusters = {
        "PLAINTEXT": FakeCluster(),
        "SASL_PLAINTEXT": FakeCluster(sasl=accounts),
        "SHORT_PLAINTEXT": FakeCluster(sasl=accounts, session_lifetime_ms=2000),
        "PLAIN_ONLY": FakeCluster(sasl=SaslAccounts(PLAIN_USERS, mechanisms=["PLAIN"])),
    }
    with ExitStack() as running:
        yield {name: running.enter_context(cluster).broker(1).port for name, cluster in clusters.items()}


@pytest.fixture
def probe(ports: dict[str, int]) -> Dialler:
    return lambda listener: SaslProbe(ports[listener])


class TestSasl(SaslAnswers):
    """As of a real broker."""
