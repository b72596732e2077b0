"""A path by which OpenSSL reads PEM text, since it takes keys from files only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from dekaf._security.pem_source import PemSource

__all__ = ("openssl_path", "temporary_file")


@contextmanager
def openssl_path(source: PemSource) -> Iterator[str]:
    """Lend a path to what the source holds.

    Text is put into memory that looks like a file where the system can do that (Linux), so that a key never touches a
    disk; elsewhere into a file that only its owner can read, which is gone afterwards.
    """
    if source.path:
        yield source.path
        return
    descriptor = _memory_file()
    if descriptor is None:
        with temporary_file(source) as path:
            yield path
        return
    try:
        _write(descriptor, source)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _memory_file() -> int | None:
    """Open a file in memory; None where there are none, or where they have no path (no /proc)."""
    if not hasattr(os, "memfd_create"):
        return None
    try:
        descriptor = os.memfd_create("dekaf")
    except OSError:
        return None
    if os.path.exists(f"/proc/self/fd/{descriptor}"):
        return descriptor
    os.close(descriptor)
    return None


@contextmanager
def temporary_file(source: PemSource) -> Iterator[str]:
    """Lend a file with the source's text that only its owner can read; it is gone afterwards."""
    import tempfile  # noqa: PLC0415 - only secrets given as text need one, and only without memfd

    descriptor, path = tempfile.mkstemp(prefix="dekaf-", suffix=".pem")
    try:
        try:
            _write(descriptor, source)
        finally:
            os.close(descriptor)  # Windows would not let OpenSSL open it
        yield path
    finally:
        os.unlink(path)


def _write(descriptor: int, source: PemSource) -> None:
    with open(descriptor, "wb", closefd=False) as file:
        file.write(source.text.reveal())
