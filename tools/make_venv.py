"""Make a virtual environment with dekaf (editable) and the packages for one purpose; do nothing when it is up to date.

    python tools/make_venv.py .venv dev
    python tools/make_venv.py .venv-compiled test --wheel .cache/wheels/.../dekaf-....whl   dekaf from a wheel instead

Run by the interpreter that the environment shall have. Standard library only: nothing is installed yet.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]

# From small to large: an environment made for a later purpose serves the earlier ones too.
GROUPS_BY_PURPOSE = {"demo": ("peers", "servers"), "test": ("test",), "dev": ("dev",), "bench": ("dev", "bench")}
PURPOSES = list(GROUPS_BY_PURPOSE)
PYTHON_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


def main() -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="relative to the repository")
    parser.add_argument("purpose", choices=PURPOSES)
    parser.add_argument("--wheel", type=Path, help="of dekaf; its folder's name stands for what is in it")
    arguments = parser.parse_args()
    folder: Path = ROOT / arguments.folder
    wheel: Path | None = arguments.wheel and arguments.wheel.resolve()
    if is_up_to_date(folder, arguments.purpose, wheel):
        return 0
    try:
        create(folder)
        install(folder, arguments.purpose, wheel)
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"{folder.name}: this command failed: {' '.join(map(str, error.cmd))}\n")
        return 1
    stamp = {"purpose": arguments.purpose, "fingerprint": fingerprint(), "wheel": wheel and str(wheel)}
    stamp_path(folder).write_text(json.dumps(stamp))
    return 0


def is_up_to_date(folder: Path, purpose: str, wheel: Path | None) -> bool:
    """Tell whether the environment was made from the same requirements, for this purpose or a larger one."""
    try:
        stamp = json.loads(stamp_path(folder).read_text())
        covers = PURPOSES.index(stamp["purpose"]) >= PURPOSES.index(purpose)
        has_dekaf = stamp.get("wheel") == (wheel and str(wheel))
        return covers and has_dekaf and stamp["fingerprint"] == fingerprint()
    except (OSError, ValueError, KeyError):
        return False


def create(folder: Path) -> None:
    """Make an empty environment, unless one with this Python version is there."""
    if has_this_python(folder):
        return
    say(f"{folder.name}: creating with Python {PYTHON_VERSION} ({sys.executable})")
    run([sys.executable, "-m", "venv", "--clear", folder])


def has_this_python(folder: Path) -> bool:
    """Run the environment's interpreter: after an upgrade of the system's Python its link may lead nowhere."""
    try:
        code = "import sys, pip; print('%d.%d' % sys.version_info[:2])"
        answer = subprocess.run([interpreter(folder), "-c", code], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return answer.stdout.strip() == PYTHON_VERSION


def install(folder: Path, purpose: str, wheel: Path | None) -> None:
    """Install dekaf, in editable mode unless there is a wheel, with all extras and the purpose's dependency groups."""
    started = time.monotonic()
    say(f"{folder.name}: installing the packages to {purpose} (a minute or two the first time)")
    pip: list[str | Path] = [interpreter(folder), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "--upgrade", "pip>=25.1"])  # the first with --group
    groups = [option for group in GROUPS_BY_PURPOSE[purpose] for option in ("--group", group)]
    dekaf = ["--editable", ".[all]"] if wheel is None else [f"dekaf[all] @ {wheel.as_uri()}"]
    if wheel is not None:  # pip would keep another wheel of this version
        run([interpreter(folder), "-m", "pip", "uninstall", "--quiet", "--yes", "dekaf"])
    run([*pip, *dekaf, *groups])
    say(f"{folder.name}: ready after {time.monotonic() - started:.0f} s")


def fingerprint() -> str:
    """Return a digest of what the environment depends on: the Python version and the requirements."""
    requirements = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    relevant = [
        PYTHON_VERSION,
        *(requirements.get(table) for table in ("build-system", "project", "dependency-groups")),
    ]
    return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()


def stamp_path(folder: Path) -> Path:
    """Return the file that remembers what was installed."""
    return folder / ".dekaf-packages.json"


def interpreter(folder: Path) -> Path:
    """Return the environment's Python."""
    return folder / "bin" / "python"


def run(command: list[str | Path]) -> None:
    """Run a command in the repository, its output being ours."""
    subprocess.run(command, cwd=ROOT, check=True)


def say(text: str) -> None:
    """Print a line of progress at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
