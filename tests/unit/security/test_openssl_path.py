"""Paths for OpenSSL."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from dekaf._security.openssl_path import openssl_path, temporary_file
from tests.unit.security.certificates import Pair, source_of


def test_file_is_read_where_it_is() -> None:
    with openssl_path(source_of("ssl_keyfile", "/etc/key.pem")) as path:
        assert path == "/etc/key.pem"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has files in memory")
def test_text_never_touches_a_disk_on_linux(pair: Pair) -> None:
    with openssl_path(source_of("ssl_keyfile", pair.key)) as path:
        assert path.startswith("/proc/self/fd/")
        assert "memfd:" in os.readlink(path)
        assert Path(path).read_text() == pair.key

    assert not os.path.exists(path)


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_temporary_file_is_for_its_owner_only(pair: Pair) -> None:
    with temporary_file(source_of("ssl_keyfile", pair.key)) as path:
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_temporary_file_is_gone_afterwards_whatever_happened(pair: Pair) -> None:
    lent: list[str] = []

    def fail() -> None:
        with temporary_file(source_of("ssl_keyfile", pair.key)) as path:
            lent.append(Path(path).read_text())
            lent.append(path)
            raise LookupError

    with pytest.raises(LookupError):
        fail()

    assert lent[0] == pair.key
    assert not os.path.exists(lent[1])
