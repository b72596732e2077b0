"""Folders of authorities, and the stamps that tell a file from its replacement."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dekaf._security.pem_files import files_of, stamps_of
from dekaf.errors import ConfigurationError
from tests.unit.security.certificates import source_of


def test_file_is_itself(tmp_path: Path) -> None:
    source = source_of("ssl_cafile", tmp_path / "ca.pem")

    assert files_of(source) == [source]


def test_every_pem_and_crt_of_a_folder_is_taken(tmp_path: Path) -> None:
    for name in ("b.pem", "a.crt", "C.PEM", "key.key", "readme.txt"):
        (tmp_path / name).touch()
    (tmp_path / "folder.pem").mkdir()

    files = files_of(source_of("ssl_cafile", tmp_path))

    assert [os.path.basename(file.path) for file in files] == ["C.PEM", "a.crt", "b.pem"]
    assert {file.option for file in files} == {"ssl_cafile"}


def test_folder_without_any_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.txt").touch()

    with pytest.raises(
        ConfigurationError, match=r"ssl_cafile='.*': is a folder without any file called \*.pem or \*.crt"
    ):
        files_of(source_of("ssl_cafile", tmp_path))


def test_stamps_stay_while_nothing_happens(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("a")
    sources = [source_of("ssl_cafile", tmp_path), source_of("ssl_certfile", tmp_path / "absent.pem")]

    assert stamps_of(sources) == stamps_of(sources)


def renamed_over(file: Path) -> None:
    new = file.with_suffix(".new")
    new.write_text("a")
    os.utime(new, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))  # as tools do that keep times
    new.replace(file)


def grown(file: Path) -> None:
    file.write_text("ab")


def touched(file: Path) -> None:
    os.utime(file, ns=(0, 0))


@pytest.mark.parametrize("change", [renamed_over, grown, touched, Path.unlink])
def test_stamps_differ_after_a_change(tmp_path: Path, change: Callable[[Path], None]) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("a")
    sources = [source_of("ssl_cafile", file)]
    before = stamps_of(sources)

    change(file)

    assert stamps_of(sources) != before


def test_link_that_leads_elsewhere_is_a_change(tmp_path: Path) -> None:
    """Kubernetes points the link `..data` to a new folder; the path of the file stays a link through it."""
    for version in ("1", "2"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "ca.pem").write_text("a")
    (tmp_path / "..data").symlink_to("1")
    (tmp_path / "ca.pem").symlink_to("..data/ca.pem")
    sources = [source_of("ssl_cafile", tmp_path / "ca.pem")]
    before = stamps_of(sources)

    (tmp_path / "..data.new").symlink_to("2")
    (tmp_path / "..data.new").replace(tmp_path / "..data")

    assert stamps_of(sources) != before


def test_new_file_in_a_folder_is_a_change(tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_text("a")
    sources = [source_of("ssl_cafile", tmp_path)]
    before = stamps_of(sources)

    (tmp_path / "b.pem").write_text("b")

    assert stamps_of(sources) != before


def test_file_of_a_folder_that_is_written_anew_is_a_change(tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_text("a")
    sources = [source_of("ssl_cafile", tmp_path)]
    before = stamps_of(sources)

    (tmp_path / "a.pem").write_text("ab")

    assert stamps_of(sources) != before
