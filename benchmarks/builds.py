"""The builds of dekaf to measure: wheels of this working tree, compiled and interpreted, unpacked."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.errors import BenchmarkError
from tools.build_wheel import ROOT, Build, BuildError, prepare_wheel

__all__ = ("ROOT", "Build", "prepare_build")

CACHE = ROOT / ".cache" / "benchmarks" / "builds"


def prepare_build(build: Build, *, say: Callable[[str], None]) -> Path:
    """Return a folder that holds dekaf in this build, making it first unless the sources are unchanged.

    Raises:
        BenchmarkError: the wheel could not be built.
    """
    try:
        wheel = prepare_wheel(build, say=say)
    except BuildError as error:
        raise BenchmarkError(str(error)) from error
    folder = CACHE / wheel.parent.name  # which has the sources' fingerprint in it
    if folder.is_dir():
        return folder
    for outdated in CACHE.glob(f"{build.value}-*"):
        shutil.rmtree(outdated, ignore_errors=True)
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(partial)
    partial.rename(folder)  # complete or not at all
    return folder
