"""What the page shows of a producer is what the producer says."""

from __future__ import annotations

import json

import pytest

from dekaf import Producer
from dekaf.metrics import Histogram
from example_project.page.vitals import quantile, vitals_of


def test_a_producer_without_work_is_ready_and_its_numbers_are_json() -> None:
    with Producer(backend="memory") as producer:
        producer.produce("shop-orders", b"ada", b"espresso")
        vitals = json.loads(json.dumps(vitals_of(producer)))

    assert (vitals["health"], vitals["is_ready"], vitals["reasons"]) == ("up", True, [])
    assert (vitals["delivered"], vitals["failed"], vitals["buffer_records"]) == (1, 0, 0)


@pytest.mark.parametrize(
    ("counts", "half", "most"),
    [
        pytest.param((0, 0, 0), None, None, id="none"),
        pytest.param((99, 1, 0), 0.01, 0.01, id="nearly all in the first"),
        pytest.param((50, 50, 0), 0.01, 0.1, id="half and half"),
        pytest.param((60, 0, 40), 0.01, None, id="the rest beyond all bounds"),
    ],
)
def test_a_quantile_is_a_bound(counts: tuple[int, ...], half: float | None, most: float | None) -> None:
    histogram = Histogram(bounds=(0.01, 0.1), counts=counts, sum=0.0)

    assert quantile(histogram, 0.5) == half
    assert quantile(histogram, 0.99) == most
