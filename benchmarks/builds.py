"""The builds of dekaf to measure: wheels of this working tree, compiled and interpreted, unpacked."""

from __future__ import annotations

import enum
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.errors import BenchmarkError

__all__ = ("Build", "prepare_build")

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".cache" / "benchmarks" / "builds"
# Without the flag the compiler has to assume that somebody replaces functions of the library at run time, and so must
# not inline one room's into another's: a tenth more instructions per record.
COMPILE = {"HATCH_BUILD_HOOK_ENABLE_MYPYC": "1", "CFLAGS": "-fno-semantic-interposition"}


class Build(enum.Enum):
    """How dekaf was built; the names are what `dekaf.compiled` is checked against."""

    COMPILED = "compiled"
    INTERPRETED = "interpreted"


def prepare_build(build: Build, *, say: Callable[[str], None]) -> Path:
    """Return a folder that holds dekaf in this build, making it first unless the sources are unchanged.

    :raises BenchmarkError: pip could not build the wheel.
    """
    folder = CACHE / f"{build.value}-{_fingerprint()}"
    if folder.is_dir():
        return folder
    say(f"building dekaf, {build.value} (a compiled one takes some minutes) ...")
    for outdated in CACHE.glob(f"{build.value}-*"):
        shutil.rmtree(outdated, ignore_errors=True)
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    wheel = _build_wheel(build, partial / "wheel")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(partial)
    shutil.rmtree(partial / "wheel")
    shutil.rmtree(partial / "source")
    partial.rename(folder)  # complete or not at all
    return folder


def _build_wheel(build: Build, folder: Path) -> Path:
    # From a copy: the compiler's hook works in place, and would leave its libraries beside the sources.
    source = folder.parent / "source"
    shutil.copytree(ROOT / "dekaf", source / "dekaf", ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(source)]
    switch = COMPILE if build is Build.COMPILED else {}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HATCH_")}
    done = subprocess.run(command, env=environment | switch, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("dekaf-*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        raise BenchmarkError(f"dekaf could not be built {build.value}:\n{(done.stdout + done.stderr)[-3000:]}")
    return wheels[0]


def _fingerprint() -> str:
    """Return a digest of everything the wheels are made from, the Python version included."""
    digest = hashlib.sha256(sys.version.encode())
    for path in sorted([ROOT / "pyproject.toml", *(ROOT / "dekaf").rglob("*.py")]):
        digest.update(str(path.relative_to(ROOT)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
