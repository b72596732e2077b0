"""Everything in this folder needs a real Kafka."""

from __future__ import annotations

from pathlib import Path

import pytest

# A test may be the first one and start the cluster, or restart a broker: Kafka takes up to 9 s to let a killed one in.
BROKER_TEST_SECONDS = 180


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark this folder's tests `broker` and give them time."""
    folder = Path(__file__).parent
    for item in items:
        if folder in item.path.parents:
            item.add_marker(pytest.mark.broker)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(BROKER_TEST_SECONDS))
