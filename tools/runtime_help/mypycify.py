"""mypyc's `mypycify`, with docstrings and signatures in the C before it is compiled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from tools.runtime_help.c_code import UnexpectedCodeError, document
from tools.runtime_help.source import read_module


class Extension(Protocol):
    """What setuptools compiles."""

    sources: list[str]


def mypycify(paths: Sequence[str], **options: Any) -> list[Extension]:
    """Generate C as `mypyc.build.mypycify` does with the same arguments, and document it.

    Raises:
        UnexpectedCodeError: the C is not what this was written for.
    """
    from mypyc.build import mypycify as generate  # noqa: PLC0415 - only where dekaf is built is there a mypyc

    extensions: list[Extension] = generate(list(paths), **options)
    generated = {
        source for extension in extensions for source in extension.sources if Path(source).name.startswith("__native")
    }
    if len(generated) != 1:
        raise UnexpectedCodeError(f"mypyc generated {len(generated)} files instead of one: {sorted(generated)}")
    code = Path(generated.pop())
    modules = [
        read_module(module_name(path), Path(path).read_text(encoding="utf-8"))
        for path in paths
        if path.endswith(".py")  # the others are options of mypy
    ]
    code.write_text(document(code.read_text(encoding="utf-8"), modules), encoding="utf-8")
    return extensions


def module_name(path: str) -> str:
    """Return the name under which a file is imported, for a path from the root of the sources."""
    return ".".join(Path(path).with_suffix("").parts)
