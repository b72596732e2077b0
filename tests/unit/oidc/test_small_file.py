"""Files that hold a token or an assertion, and what else may be found at their paths."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dekaf import CredentialsUnavailableError
from dekaf._oidc.small_file import read_small_file, read_small_text
from dekaf._security.secret import Secret
from tests.unit.security.tracebacks import everything_shown

SHOWN = "sasl_oauthbearer_assertion_file='x'"


@pytest.mark.parametrize("around", [b"%b", b"%b\n", b"%b\r\n", b"\xef\xbb\xbf%b\n", b"  %b \n\n"])
def test_what_editors_put_around_a_token_is_taken_off(tmp_path: Path, around: bytes) -> None:
    (tmp_path / "token").write_bytes(around % b"a.b.c")

    assert read_small_text(SHOWN, str(tmp_path / "token")) == Secret(b"a.b.c")


@pytest.mark.parametrize("data", [b"", b"\n", b"\xef\xbb\xbf\n"])
def test_empty_file_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "token").write_bytes(data)

    with pytest.raises(CredentialsUnavailableError, match=r"^sasl_oauthbearer_assertion_file='x': is empty\.$"):
        read_small_text(SHOWN, str(tmp_path / "token"))


@pytest.mark.parametrize("data", ["s3cret".encode("utf-16"), b"s3cret s3cret", b"s3cret\ns3cret", b"s3cret\xfc", b"\0"])
def test_what_is_not_one_visible_word_is_refused_and_not_shown(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "token").write_bytes(data)

    with pytest.raises(CredentialsUnavailableError, match="in one line of ASCII") as caught:
        read_small_text(SHOWN, str(tmp_path / "token"))

    assert "s3cret" not in everything_shown(caught.value)


def test_absent_file_is_told() -> None:
    with pytest.raises(CredentialsUnavailableError, match="cannot be read: No such file or directory") as caught:
        read_small_file(SHOWN, "/nowhere/at/all")

    assert isinstance(caught.value.__cause__, FileNotFoundError)


def test_path_that_no_system_has_is_told() -> None:
    with pytest.raises(CredentialsUnavailableError, match="there is no such path"):
        read_small_file(SHOWN, "a\0b")


def test_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(CredentialsUnavailableError, match=r"is a folder\.$"):
        read_small_file(SHOWN, str(tmp_path))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(CredentialsUnavailableError, match="is no file of at most 64 KiB"):
        read_small_file(SHOWN, str(tmp_path / "pipe"))


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="this system has no /dev/zero")
def test_device_without_end_is_refused() -> None:
    with pytest.raises(CredentialsUnavailableError, match="is no file of at most 64 KiB"):
        read_small_file(SHOWN, "/dev/zero")


def test_huge_file_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(1 << 40)  # sparse

    with pytest.raises(CredentialsUnavailableError, match="is no file of at most 64 KiB"):
        read_small_file(SHOWN, str(tmp_path / "huge"))


def test_largest_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 65536)

    assert read_small_file(SHOWN, str(tmp_path / "large")) == Secret(b"x" * 65536)


def test_link_is_followed(tmp_path: Path) -> None:
    """Kubernetes projects tokens so."""
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "token").write_text("a.b.c\n")
    (tmp_path / "token").symlink_to(tmp_path / "..data" / "token")

    assert read_small_text(SHOWN, str(tmp_path / "token")) == Secret(b"a.b.c")
