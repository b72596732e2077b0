"""Everything in this folder needs a real Kafka."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.broker.web_servers import Kind, Server, StartServer

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


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """Start servers that answer, and end them."""
    numbers = itertools.count()
    with ExitStack() as servers:

        def start(kind: Kind, **environment: str) -> Server:
            server = Server(kind, environment, tmp_path / f"server-{next(numbers)}.log")
            servers.callback(server.kill)
            server.wait_until_it_answers()
            return server

        yield start
