"""Names that certificates are for."""

from __future__ import annotations

import pytest

from dekaf._security.peer_name import peer_name


@pytest.mark.mistake("kafka-python #2472", "librdkafka #5253")
@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("broker.example", "broker.example"),
        ("broker.example.", "broker.example"),
        ("broker.example..", "broker.example."),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_one_trailing_dot_brackets_and_zones_are_removed(host: str, name: str) -> None:
    assert peer_name(host) == name
