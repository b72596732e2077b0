"""Every mistake in the catalogue has a test, and every test that cites a report has its place in the catalogue."""

from __future__ import annotations

import functools
import re
from collections import Counter

import pytest

from tests.mistakes.catalogue import MISTAKES, Mistake, marked_tests

REPORTS = [report for mistake in MISTAKES for report in mistake.reports]
PUBLIC = re.compile(r"(KAFKA-\d+|[A-Za-z/._ -]+ (#|PR )\d+)")


@functools.cache
def cited() -> frozenset[str]:
    return frozenset(report for report, _ in marked_tests())


@pytest.mark.parametrize("mistake", MISTAKES, ids=[mistake.about for mistake in MISTAKES])
def test_every_report_of_a_mistake_is_cited_by_a_test(mistake: Mistake) -> None:
    assert set(mistake.reports) <= cited()


def test_every_citation_is_in_the_catalogue() -> None:
    assert sorted(cited() - set(REPORTS)) == []


def test_every_report_stands_once() -> None:
    assert [report for report, count in Counter(REPORTS).items() if count > 1] == []


def test_nearly_all_reports_are_public_issues() -> None:
    """The few others were found in code or change logs."""
    assert [report for report in REPORTS if not PUBLIC.fullmatch(report)] == [
        "Apache Kafka's Java client",
        "franz-go: offsets of a batch without a base offset",
        "draining from the first partition on",
        "pykafka: keys hashed over the partitions with a leader",
        "librdkafka: only the first certificate of ssl.ca.pem was loaded",
        "librdkafka: the end of TLS without a goodbye taken for a permanent error",
        "Dekaf/.NET: sessions under 10 s",
        "franz-go: sessions shorter than the least pause left to end",
    ]
