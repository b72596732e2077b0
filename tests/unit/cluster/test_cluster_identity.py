"""Whether it is still the same cluster that answers: each case."""

from __future__ import annotations

import pytest

from dekaf._cluster.cluster_identity import ClusterNews, judge_cluster


@pytest.mark.parametrize("is_bootstrap", [True, False])
@pytest.mark.parametrize("has_brokers", [True, False])
@pytest.mark.parametrize(("known", "told"), [(None, None), (None, "a"), ("a", None), ("a", "a")])
def test_nothing_is_new_without_two_ids_that_differ(
    known: str | None, told: str | None, is_bootstrap: bool, has_brokers: bool
) -> None:
    assert judge_cluster(known, told, is_bootstrap=is_bootstrap, has_brokers=has_brokers) is ClusterNews.SAME


@pytest.mark.parametrize(
    ("is_bootstrap", "has_brokers", "news"),
    [
        (False, True, ClusterNews.STRANGER),
        (False, False, ClusterNews.STRANGER),
        (True, True, ClusterNews.STRANGER),  # a server that was configured wrongly, or has moved: brokers outvote it
        (True, False, ClusterNews.REPLACED),
    ],
)
def test_another_id_counts_only_from_a_bootstrap_server_with_no_broker_left(
    is_bootstrap: bool, has_brokers: bool, news: ClusterNews
) -> None:
    assert judge_cluster("a", "b", is_bootstrap=is_bootstrap, has_brokers=has_brokers) is news
