"""Certificates made in the run, in files: authorities, servers', clients', and those that something is wrong with."""

from __future__ import annotations

from tests.certificates.authority import Authority
from tests.certificates.bare_authority import BareAuthority
from tests.certificates.key_pair import KEYSTORE_PASSWORD, KeyPair

__all__ = ("KEYSTORE_PASSWORD", "Authority", "BareAuthority", "KeyPair")
