"""Have the mypyc hook of a compiled build put help into its C code, and the wheel hold stubs for editors.

Hatch runs this before every wheel is built; when the mypyc hook is not switched on there is nothing to do.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# A line of the program in which hatch-mypyc runs mypyc, and what takes its place.
ITS_IMPORT = "from mypyc.build import mypycify\n"
OUR_IMPORT = "import sys\nsys.path.insert(0, {root!r})\nfrom tools.runtime_help.mypycify import mypycify\n"


class RuntimeHelpHook(BuildHookInterface[Any]):
    """Completes the mypyc hook, which runs after it."""

    _stubs: TemporaryDirectory[str] | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Prepare the build.

        Raises:
            RuntimeError: the mypyc hook would have run already.
        """
        hooks = self.build_config.hook_config
        if "mypyc" not in hooks:
            return
        if list(hooks).index("mypyc") < list(hooks).index("custom"):
            raise RuntimeError("pyproject.toml has to name the hook `custom` before `mypyc`, which it completes")
        from hatch_mypyc import plugin, utils  # noqa: PLC0415 - a requirement of compiled builds only

        plugin.construct_setup_file = with_help(utils.construct_setup_file, self.root)
        self._stubs = TemporaryDirectory()  # outside the root, or hatch would take a stub instead of its source
        stubs = write_stubs(Path(self.root), hooks["mypyc"]["include"], Path(self._stubs.name))
        build_data["force_include"].update(stubs)

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Clean up after the build."""
        if self._stubs is not None:
            self._stubs.cleanup()


def with_help(construct: Callable[..., str], root: str) -> Callable[..., str]:
    """Return hatch-mypyc's function that writes the program, changed so that ours documents the C code."""

    def construct_setup_file(*arguments: Any, **options: Any) -> str:
        program = construct(*arguments, **options)
        if program.count(ITS_IMPORT) != 1:
            raise RuntimeError(f"hatch-mypyc runs mypyc in another way than dekaf's build knows:\n{program}")
        return program.replace(ITS_IMPORT, OUR_IMPORT.format(root=root))

    return construct_setup_file


def write_stubs(root: Path, patterns: Sequence[str], folder: Path) -> dict[str, str]:
    """Write a stub for each compiled module that users import: its very source, which editors then read.

    Returns:
        For each stub's path the one it has in the wheel.
    """
    stubs = {}
    for path in (path for pattern in patterns for path in root.glob(pattern.lstrip("/"))):
        name = path.relative_to(root).with_suffix(".pyi")
        if any(part.startswith("_") for part in name.parts):
            continue
        stub = folder / name
        stub.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, stub)
        stubs[str(stub)] = name.as_posix()
    return stubs
