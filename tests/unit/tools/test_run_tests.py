"""The sum under `make test`, which CI reads: nothing that went wrong is missing from it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.run_tests import NOX_REPORT, read_results, sum_up

PYTEST_REPORT = """<?xml version="1.0"?><testsuites><testsuite name="pytest" tests="10" failures="{failures}" errors="1"
skipped="2"/></testsuites>"""


def write_report(folder: Path, *sessions: tuple[str, str, str | None]) -> None:
    entries = [{"name": name, "result": result, "reason": reason, "duration": 1.5} for name, result, reason in sessions]
    (folder / NOX_REPORT).write_text(json.dumps({"result": 1, "sessions": entries}))


def lines_about(folder: Path, capsys: pytest.CaptureFixture[str], *, exit_code: int = 0) -> list[str]:
    sum_up(read_results(folder, exit_code))
    return capsys.readouterr().out.splitlines()


def test_tests_of_all_sessions_are_added_up_in_the_last_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_report(tmp_path, ("lint", "success", None), ("unit", "failed", None), ("python-3.13", "failed", None))
    for name, failures in (("unit", 1), ("python-3.13", 0)):
        (tmp_path / f"{name}.xml").write_text(PYTEST_REPORT.format(failures=failures))

    *sessions, last = lines_about(tmp_path, capsys)

    assert [line.split(" s  ")[1] for line in sessions] == [
        "ok",
        "FAILED (6 passed, 2 failed, 2 skipped)",
        "FAILED (7 passed, 1 failed, 2 skipped)",
    ]
    assert last == "13 passed, 3 failed, 4 skipped"


@pytest.mark.parametrize("result", ["failed", "aborted"])
def test_session_without_a_failed_test_that_did_not_end_well_counts_as_one(
    result: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_report(tmp_path, ("wheel", result, "dekaf could not be compiled"))

    line, last = lines_about(tmp_path, capsys)

    assert line.endswith("FAILED (dekaf could not be compiled)")
    assert last == "0 passed, 1 failed, 0 skipped"


def test_session_that_cannot_run_says_why_and_fails_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_report(tmp_path, ("python-3.14", "skipped", "Python interpreter 3.14 not found"))

    line, last = lines_about(tmp_path, capsys)

    assert line.endswith("skipped: Python interpreter 3.14 not found")
    assert last == "0 passed, 0 failed, 0 skipped"


def test_nox_without_a_report_counts_as_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lines_about(tmp_path, capsys, exit_code=3)[-1] == "0 passed, 1 failed, 0 skipped"
