"""What a test in a browser needs: the browser, a Kafka that can be stopped, and the shops."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from example_project.tests.shop_run import OpenShop
from tests.kafka import KafkaUnavailableError, kafka_jars, why_kafka_cannot_start

IS_CI = os.environ.get("CI", "").lower() in {"1", "true"}

if IS_CI:
    import playwright  # noqa: F401 # CI has to run these tests: what is missing is an error
else:
    pytest.importorskip("playwright", reason="Playwright is not installed: `nox -s browser` has an environment with it")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give this folder's tests time: a browser, two servers and a Kafka that is stopped twice."""
    for item in items:
        if Path(__file__).parent in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(600))


def need(reason: str | None) -> None:
    """Skip a test for a reason, if there is one; in CI it fails."""
    if reason is None:
        return
    if IS_CI:
        pytest.fail(f"CI has to run the browser's test: {reason}", pytrace=False)
    pytest.skip(reason)


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
