"""Build a wheel of this working tree, compiled or interpreted, and print its path; unchanged code is built once.

    python tools/build_wheel.py compiled             into .cache/wheels, for tests and benchmarks
    python tools/build_wheel.py compiled --to dist   anew in any case, for you

The wheel is for the Python that runs this. A compiled one takes two to three minutes and needs a C compiler.
"""

from __future__ import annotations

import argparse
import enum
import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".cache" / "wheels"

# Without it the compiler has to assume that somebody replaces functions of the library at run time, and so must not
# inline one room's into another's: a tenth more instructions per record.
INLINING = "-fno-semantic-interposition"

# All that a wheel is made from, besides the package: the metadata shows the README, the licence is in it.
SOURCES = ("pyproject.toml", "README.md", "LICENSE")

# What puts docstrings into machine code.
RUNTIME_HELP = ROOT / "tools" / "runtime_help"


class Build(enum.Enum):
    """How dekaf is built; the values are what `dekaf.compiled` is compared with."""

    COMPILED = "compiled"
    INTERPRETED = "interpreted"


class BuildError(Exception):
    """The wheel could not be built; the text says why."""


class NoCompilerError(BuildError):
    """It could not even be tried: the machine has no C compiler for Python."""


def prepare_wheel(build: Build, *, say: Callable[[str], None]) -> Path:
    """Return a wheel of the present code, building it unless that was done before.

    Raises:
        BuildError: it could not be built.
    """
    folder = CACHE / f"{build.value}-{fingerprint()}"
    if finished := list(folder.glob("dekaf-*.whl")):
        return finished[0]
    for outdated in CACHE.glob(f"{build.value}-*"):
        shutil.rmtree(outdated, ignore_errors=True)
    partial = folder.with_suffix(".partial")
    build_wheel(build, partial, say=say)
    partial.rename(folder)  # complete or not at all
    return next(folder.glob("dekaf-*.whl"))


def build_wheel(build: Build, folder: Path, *, say: Callable[[str], None]) -> Path:
    """Build a wheel into a folder.

    Raises:
        BuildError: it could not be built.
    """
    if build is Build.COMPILED and (reason := why_not_compilable()):
        raise NoCompilerError(reason)
    say(f"building dekaf, {build.value}" + (": two to three minutes" if build is Build.COMPILED else ""))
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        source, wheels = Path(temporary) / "source", Path(temporary) / "wheels"
        copy_sources(source)
        run_pip(build, source, wheels)
        folder.mkdir(parents=True, exist_ok=True)
        (wheel,) = wheels.iterdir()
        say(f"built after {time.monotonic() - started:.0f} s")
        return Path(shutil.copy(wheel, folder))


def why_not_compilable() -> str | None:
    """Return what is missing for a compiled build, or None."""
    command = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    compiler = str(command).split()[0]
    if shutil.which(compiler) is None:
        return f"there is no C compiler: {compiler} is not on the PATH"
    header = Path(sysconfig.get_path("include")) / "Python.h"
    if not header.exists():
        return f"Python's C headers are not installed: there is no {header}"
    return None


def copy_sources(folder: Path) -> None:
    """Copy what a wheel is made from: the compiler works in place, and hides pyproject.toml meanwhile."""
    for source in (ROOT / "dekaf", RUNTIME_HELP):
        unwanted = shutil.ignore_patterns("__pycache__", "*.so")
        shutil.copytree(source, folder / source.relative_to(ROOT), ignore=unwanted)
    for name in SOURCES:
        shutil.copy(ROOT / name, folder)


def run_pip(build: Build, source: Path, folder: Path) -> None:
    """Have pip build a wheel in an environment of its own.

    Raises:
        BuildError: it could not; the end of its output is in the text.
    """
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-deps"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HATCH_")}
    if build is Build.COMPILED:
        environment["HATCH_BUILD_HOOK_ENABLE_MYPYC"] = "1"
        environment["CFLAGS"] = f"{environment.get('CFLAGS', '')} {INLINING}".strip()
    done = subprocess.run(
        [*pip, "--wheel-dir", str(folder), str(source)], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise BuildError(f"dekaf could not be built {build.value}:\n{(done.stdout + done.stderr)[-3000:]}")


def fingerprint() -> str:
    """Return a digest of the code and what the build makes of it, this Python included; not of settings of linters."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    relevant = [sys.version, settings["build-system"], settings["project"], settings["tool"]["hatch"]]
    digest = hashlib.sha256(json.dumps(relevant, sort_keys=True).encode())
    files = [*(ROOT / "dekaf").rglob("*"), *RUNTIME_HELP.rglob("*")]
    for path in sorted(path for path in files if path.suffix in {".py", ".pyi", ".c"}):
        digest.update(f"{path.relative_to(ROOT)}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def say(text: str) -> None:
    """Report progress on stderr: stdout is for the path."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main() -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Build, choices=list(Build), metavar="compiled|interpreted")
    parser.add_argument("--to", type=Path, metavar="FOLDER", help="build it into this folder")
    arguments = parser.parse_args()
    try:
        if arguments.to is None:
            wheel = prepare_wheel(arguments.build, say=say)
        else:
            wheel = build_wheel(arguments.build, arguments.to, say=say)
    except BuildError as error:
        say(str(error))
        return 1
    sys.stdout.write(f"{wheel}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
