"""Which known name was probably meant."""

from __future__ import annotations

import time

import pytest

from dekaf.nearest_name import nearest_name

OPTIONS = ("linger_ms", "batch_size", "acks")


@pytest.mark.parametrize(
    ("given", "meant"), [("lingr_ms", "linger_ms"), ("batchsize", "batch_size"), ("ack", "acks"), ("zookeeper", None)]
)
def test_the_name_that_looks_most_like_it(given: str, meant: str | None) -> None:
    assert nearest_name(given, OPTIONS) == meant


def test_a_pasted_document_costs_no_more_than_a_name() -> None:
    before = time.process_time()

    assert nearest_name("x" * 10_000_000, OPTIONS) is None

    assert time.process_time() - before < 0.5  # all of it would take minutes
