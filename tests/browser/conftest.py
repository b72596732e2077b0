"""What a visit needs: time, and the shops, with a Kafka that can be stopped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from example_project.tests.shop_run import OpenShop
from tests.browser.conditions import need
from tests.kafka import KafkaUnavailableError, kafka_jars, why_kafka_cannot_start


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give this folder's tests time: a browser, four servers and a Kafka that is stopped twice."""
    for item in items:
        if Path(__file__).parent in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[OpenShop]:
    """Keep the shops open, with an Apache Kafka of their own."""
    need(why_kafka_cannot_start())
    try:
        kafka_jars()  # now: the time to open is not for fetching
    except KafkaUnavailableError as error:
        need(str(error))
    with OpenShop(tmp_path / "shop.log") as shop:
        yield shop
