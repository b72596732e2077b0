"""The files that sources of PEM consist of, and stamps by which a change to them is noticed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final, TypeAlias

from dekaf._security.pem_source import PemSource, source_error
from dekaf.errors import ConfigurationError

__all__ = ("Stamps", "files_of", "stamps_of")

# By file: device, inode, size, and when content or inode changed; nothing but the name of a file that is not there.
Stamps: TypeAlias = tuple[tuple[str, tuple[int, ...]], ...]

_SUFFIXES: Final = (".pem", ".crt")


def files_of(source: PemSource) -> list[PemSource]:
    """Return the file that a path leads to, or every ``*.pem`` and ``*.crt`` of a folder; this asks the file system.

    Raises:
        ConfigurationError: it is a folder that cannot be read, or holds none of these.
    """
    if not os.path.isdir(source.path):
        return [source]
    names = _names_in(source)
    found = [os.path.join(source.path, name) for name in names if name.lower().endswith(_SUFFIXES)]
    files = [PemSource(source.option, path=path) for path in found if not os.path.isdir(path)]
    if not files:
        raise ConfigurationError(f"{source.shown()}: is a folder without any file called *.pem or *.crt")
    return files


def stamps_of(sources: Sequence[PemSource]) -> Stamps:
    """Return what tells these files from those that replace them; this asks the file system.

    Links are followed: Kubernetes replaces mounted secrets by pointing a link elsewhere.
    """
    stamps: list[tuple[str, tuple[int, ...]]] = []
    for source in sources:
        stamps.append((source.path, _stamp(source.path)))
        try:
            files = files_of(source)
        except ConfigurationError:  # an empty or unreadable folder, whose own stamp stands for it
            continue
        stamps += [(file.path, _stamp(file.path)) for file in files if file is not source]
    return tuple(stamps)


def _names_in(folder: PemSource) -> list[str]:
    try:
        return sorted(os.listdir(folder.path))
    except OSError as error:
        fault = source_error(folder, error)
    raise fault


def _stamp(path: str) -> tuple[int, ...]:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return ()
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
