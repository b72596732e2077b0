"""Three brokers harmed in every way there is while both faces produce: every record is where it was told to be.

The long form is `make chaos`; `DEKAF_CHAOS_SECONDS` makes this one longer.
"""

from __future__ import annotations

import os

import pytest

from tests.chaos.campaign import harm, proxied_cluster
from tests.kafka import why_kafka_cannot_start

SECONDS = float(os.environ.get("DEKAF_CHAOS_SECONDS", "20"))


@pytest.mark.timeout(240 + 2 * SECONDS)
def test_no_record_is_lost_doubled_or_reordered_while_brokers_and_lines_break() -> None:
    if reason := why_kafka_cannot_start():
        pytest.skip(reason)
    with proxied_cluster() as site:
        result = harm(site, SECONDS, seed=1, each_kind=True)

    assert result.is_kept, result
    assert result.failed == 0, result  # each had 90 s
    assert result.delivered == result.produced > 1_000
