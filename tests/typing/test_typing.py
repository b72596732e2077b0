"""mypy and pyright accept right programs, and refuse exactly the wrong lines."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypeAlias

import pytest

SAMPLES = Path(__file__).parent
ROOT = SAMPLES.parent.parent
NAMES = ("right_calls.py", "wrong_calls.py", "doubles.py", "orders.py")

# By file name: the lines that are refused, and why.
Refusals: TypeAlias = dict[str, dict[int, str]]


def run_mypy() -> Refusals:
    program = [sys.executable, "-m", "mypy", "--strict", "--output", "json"]
    refusals: Refusals = {}
    for line in run([*program, *sample_paths()]).splitlines():
        if not line.startswith("{"):
            pytest.fail(f"mypy did not work: {line}")
        found = json.loads(line)
        if found["severity"] == "error":
            note(refusals, found["file"], found["line"], found["message"])
    return refusals


def run_pyright() -> Refusals:
    pyright = Path(sys.executable).with_name("pyright")
    if not pyright.exists():
        do_without("pyright is not installed")
    if shutil.which("node") is None:
        do_without("pyright needs node")
    output = run([str(pyright), "--outputjson", "--pythonpath", sys.executable, *sample_paths()])
    try:
        diagnostics = json.loads(output)["generalDiagnostics"]
    except ValueError:
        do_without(f"pyright did not work: {output[:200]}")
    refusals: Refusals = {}
    for found in diagnostics:
        if found["severity"] == "error":
            note(refusals, found["file"], found["range"]["start"]["line"] + 1, found["message"])
    return refusals


def do_without(reason: str) -> NoReturn:
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(f"CI has to run every type checker: {reason}", pytrace=False)
    pytest.skip(reason)


def run(program: list[str]) -> str:
    return subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False).stdout


def sample_paths() -> list[str]:
    return [str((SAMPLES / name).relative_to(ROOT)) for name in NAMES]


def note(refusals: Refusals, path: str, line: int, message: str) -> None:
    refusals.setdefault(Path(path).name, {})[line] = message


@pytest.fixture(scope="module", params=[run_mypy, run_pyright], ids=["mypy", "pyright"])
def refusals(request: pytest.FixtureRequest) -> Refusals:
    """Check all samples at once: starting a type checker takes longer than running it."""
    check: Callable[[], Refusals] = request.param
    return check()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", ["right_calls.py", "doubles.py", "orders.py"])
def test_right_programs_are_accepted(name: str, refusals: Refusals) -> None:
    assert refusals.get(name, {}) == {}


@pytest.mark.timeout(300)
def test_exactly_the_wrong_lines_are_refused(refusals: Refusals) -> None:
    lines = (SAMPLES / "wrong_calls.py").read_text(encoding="utf-8").splitlines()
    wrong = {number: line.strip() for number, line in enumerate(lines, 1) if line.endswith("# error")}
    refused = refusals.get("wrong_calls.py", {})

    accepted = {number: line for number, line in wrong.items() if number not in refused}
    refused_by_mistake = {number: message for number, message in refused.items() if number not in wrong}

    assert len(wrong) > 100
    assert (accepted, refused_by_mistake) == ({}, {})
