"""CRC-32C against its published check values."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dekaf._wire.crc32c import crc32c


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"123456789", 0xE3069283),
        (b"", 0),
        (bytes(32), 0x8A9136AA),  # RFC 3720, B.4
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_checksum_has_its_published_value(data: bytes, expected: int) -> None:
    assert crc32c(data) == expected


def test_checksum_of_parts_equals_that_of_the_whole() -> None:
    assert crc32c(b"6789", crc32c(b"12345")) == crc32c(b"123456789")


def outcome_of(program: str) -> str:
    """Return what a fresh process prints."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_loading_it_does_not_load_the_command_line_of_the_package() -> None:
    program = """
import sys
from dekaf._wire.crc32c import crc32c
before = set(sys.modules)
crc32c(b"")
print(sorted({"argparse", "importlib.metadata", "crc32c._cli"} & (set(sys.modules) - before)))
"""

    assert outcome_of(program) == "[]"


@pytest.mark.parametrize("first", ["import crc32c as package; ours(b'')", "ours(b''); import crc32c as package"])
def test_the_package_and_we_share_the_machine_code(first: str) -> None:
    program = f"""
from dekaf._wire import crc32c as module
ours = module.crc32c
{first}
print(package.crc32c is module._PACKAGE.crc32c, package.crc32c(b"123456789") == ours(b"123456789"))
"""

    assert outcome_of(program) == "True True"


def test_without_machine_code_of_that_name_the_package_is_imported() -> None:
    program = """
import sys
from importlib.machinery import PathFinder
find = PathFinder.find_spec
PathFinder.find_spec = lambda name, path=None, target=None: None if name == "crc32c._crc32c" else find(name, path)
from dekaf._wire.crc32c import _machine_code
print(_machine_code())
PathFinder.find_spec = find
from dekaf._wire.crc32c import crc32c
print(crc32c(b"123456789") == 0xE3069283)
"""

    assert outcome_of(program).split() == ["None", "True"]
