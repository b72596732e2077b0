"""mypyc's `mypycify`, with docstrings, signatures and a correction in the C before it is compiled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from tools.runtime_help import throw
from tools.runtime_help.c_code import UnexpectedCodeError, document
from tools.runtime_help.source import read_module


class Extension(Protocol):
    """What setuptools compiles."""

    sources: list[str]


def mypycify(paths: Sequence[str], **options: Any) -> list[Extension]:
    """Generate C as `mypyc.build.mypycify` does with the same arguments, document and correct it.

    Raises:
        UnexpectedCodeError: the C is not what this was written for.
    """
    # Only where dekaf is built is there a mypyc.
    from mypyc.build import include_dir  # noqa: PLC0415
    from mypyc.build import mypycify as generate  # noqa: PLC0415

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
    documented = document(code.read_text(encoding="utf-8"), modules)
    code.write_text(throw.include_corrected(documented), encoding="utf-8")
    runtime = Path(include_dir(), throw.RUNTIME_FILE).read_text(encoding="utf-8")
    code.with_name(throw.RUNTIME_FILE).write_text(throw.correct_runtime(runtime), encoding="utf-8")
    return extensions


def module_name(path: str) -> str:
    """Return the name under which a file is imported, for a path from the root of the sources."""
    return ".".join(Path(path).with_suffix("").parts)
