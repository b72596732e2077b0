"""Archives of loaded classes, with which Java's short programs start in half the time (JEP 350).

The first run of a program writes its archive beside the jars in the cache; later runs, of this and of other test runs,
map it. Java checks by itself that jars and runtime are the same, and goes on without the archive when they are not.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ("class_archive_option",)


@contextlib.contextmanager
def class_archive_option(jars: Path, main_class: str) -> Iterator[str]:
    """Yield the option of `java` that reads a program's archive, or writes it in the length of the block.

    Args:
        jars: the folder of a Kafka version.
        main_class: the program.
    """
    archive = jars.with_name(f"{jars.name}-{main_class.rpartition('.')[2]}.jsa")
    if archive.exists():
        yield f"-XX:SharedArchiveFile={archive}"
        return
    written = archive.with_suffix(f".{os.getpid()}.partial")  # two test runs may be at it
    yield f"-XX:ArchiveClassesAtExit={written}"
    with contextlib.suppress(FileNotFoundError):  # the program was killed, or cannot write here
        written.rename(archive)
