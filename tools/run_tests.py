"""Run sessions of nox and sum up their tests; the last line reads `N passed, N failed, N skipped`.

    python -m tools.run_tests                  everything
    python -m tools.run_tests lint types unit  these sessions

Run by the Python of `.venv`. A session that cannot run says why; one that fails does not keep the next from running.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

ROOT = Path(__file__).parents[1]
REPORTS = ROOT / ".cache" / "test-reports"  # of pytest, one for each session; and nox's own:
NOX_REPORT = "nox.json"
SIDE_BY_SIDE = "2"  # the compiler, and tests that mostly wait, leave a processor to others


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of a session."""

    session: str
    seconds: float = 0
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    reason: str = ""

    @property
    def verdict(self) -> str:
        """What the summary says."""
        named = (("passed", self.passed), ("failed", self.failed), ("skipped", self.skipped))
        counts = ", ".join(f"{count} {name}" for name, count in named if count) or "ok"
        if self.failed:
            return f"FAILED ({self.reason or counts})"
        return f"skipped: {self.reason}" if self.reason else counts


def main() -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sessions", nargs="*", metavar="session", help="see `nox --list`; all by default")
    sessions: list[str] = parser.parse_args().sessions
    shutil.rmtree(REPORTS, ignore_errors=True)
    REPORTS.mkdir(parents=True)
    try:
        exit_code = run_nox(sessions)
    except KeyboardInterrupt:
        return 130
    results = read_results(REPORTS, exit_code)
    sum_up(results)
    return int(exit_code != 0 or any(result.failed for result in results))


def run_nox(sessions: Sequence[str]) -> int:
    """Run the sessions and return the exit code."""
    chosen = ("--sessions", *sessions) if sessions else ()
    options = ("--parallel", SIDE_BY_SIDE, "--report", str(REPORTS / NOX_REPORT))
    with subprocess.Popen((sys.executable, "-m", "nox", *options, *chosen), cwd=ROOT) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.wait()  # Ctrl-C reached it as well: let it end what it has started
            raise


def read_results(reports: Path, exit_code: int) -> list[Result]:
    """Return what nox reports of each session; no report at all counts as one failure."""
    try:
        report = json.loads((reports / NOX_REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return [Result(session="nox", failed=1, reason=f"it ended with {exit_code}")]
    return [result_of(session, reports) for session in report["sessions"]]


def result_of(reported: dict[str, Any], reports: Path) -> Result:
    """Count a session's tests. A session that did not end well without one that failed counts as one failure."""
    name: str = reported["name"]
    passed, failed, skipped = count_tests(reports / f"{name}.xml")
    if reported["result"] in {"failed", "aborted"}:
        failed = max(failed, 1)
    return Result(
        session=name,
        seconds=reported["duration"],
        passed=passed,
        failed=failed,
        skipped=skipped,
        reason=reported["reason"] or "",
    )


def count_tests(report: Path) -> tuple[int, int, int]:
    """Return how many tests passed, failed and were skipped according to a JUnit report, if there is one."""
    try:
        suites = list(ElementTree.parse(report).iter("testsuite"))
    except (OSError, ElementTree.ParseError):
        return 0, 0, 0
    tests, failures, errors, skipped = (
        sum(int(suite.get(name, "0")) for suite in suites) for name in ("tests", "failures", "errors", "skipped")
    )
    return max(tests - failures - errors - skipped, 0), failures + errors, skipped


def sum_up(results: Sequence[Result]) -> None:
    """Print one line per session, and the sum in the words of pytest's closing line."""
    lines = [f"{result.session:<20} {result.seconds:4.0f} s  {result.verdict}" for result in results]
    passed = sum(result.passed for result in results)
    failed = sum(result.failed for result in results)
    skipped = sum(result.skipped for result in results)
    sys.stdout.write("\n".join((*lines, f"{passed} passed, {failed} failed, {skipped} skipped", "")))


if __name__ == "__main__":
    sys.exit(main())
