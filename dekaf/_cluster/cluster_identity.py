"""Whether it is still the same cluster that answers: addresses are reused, and clusters are replaced."""

from __future__ import annotations

from enum import Enum


class ClusterNews(Enum):
    """What the cluster id in an answer comes to."""

    SAME = "same"  # or there is nothing to compare
    STRANGER = "stranger"  # somebody else answers here: leave, and ask the bootstrap servers who is right
    REPLACED = "replaced"  # the cluster we are to write to is another one now


def judge_cluster(known: str | None, told: str | None, *, is_bootstrap: bool, has_brokers: bool) -> ClusterNews:
    """Return what the cluster id in an answer means.

    Args:
        known: The cluster's id, as last heard of; None if it has none, or nothing was heard of it.
        told: The id in the answer.
        is_bootstrap: A server answers whose address was configured, and not one that a broker told.
        has_brokers: Brokers of the cluster known are connected.
    """
    if known is None or told is None or known == told:
        return ClusterNews.SAME
    return ClusterNews.REPLACED if is_bootstrap and not has_brokers else ClusterNews.STRANGER
