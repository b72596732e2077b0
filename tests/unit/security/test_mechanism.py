"""Mechanisms."""

from __future__ import annotations

import pytest

from dekaf._security.mechanism import Mechanism


@pytest.mark.parametrize(
    ("name", "shows_credentials"),
    [("PLAIN", True), ("SCRAM-SHA-256", False), ("SCRAM-SHA-512", False), ("OAUTHBEARER", True)],
)
def test_mechanisms_that_send_what_an_eavesdropper_could_use_are_told_from_the_others(
    name: str, shows_credentials: bool
) -> None:
    assert Mechanism(name).shows_credentials is shows_credentials
