"""The fuzzer finds what it is made to find, and says how to repeat it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fuzz.campaign import Finding, Tally, examine, explore
from tests.fuzz.slot import Progress, Slot
from tests.fuzz.targets import Seed, Target
from tests.fuzz.watch import ROOT, problem_of

WHOLE = Seed(3, bytes(range(32)))


def target_of(read: object) -> Target:
    assert callable(read)
    return Target(name="planted", about="", seeds=lambda: [WHOLE], read=read, refusals=(ValueError,))


def read_carelessly(_variant: int, data: bytes) -> bytes:
    """A reader with a bug: it trusts the byte that says where its value is."""
    if len(data) != len(WHOLE.data):
        raise ValueError("of another length")
    return bytes([data[data[4]]])


def test_careless_reader_is_found_out() -> None:
    finding = explore(target_of(read_carelessly), 5_000, seed=1)

    assert isinstance(finding, Finding)
    assert "IndexError" in finding.problem
    assert finding.data[4] >= len(WHOLE.data)
    assert finding.command == f"python -m tests.fuzz --reproduce planted:3:{finding.data.hex()}"


def test_finding_is_found_again() -> None:
    target = target_of(read_carelessly)
    finding = explore(target, 5_000, seed=1)
    assert isinstance(finding, Finding)

    again = examine(target, Seed(finding.variant, finding.data), Tally())

    assert again is not None
    assert again.problem.splitlines()[-1] == finding.problem.splitlines()[-1]


def test_same_seed_makes_the_same_inputs() -> None:
    def inputs(seed: int) -> list[bytes]:
        seen: list[bytes] = []
        explore(target_of(lambda _, data: seen.append(data)), 200, seed)
        return seen

    assert inputs(1) == inputs(1)
    assert inputs(1) != inputs(2)
    assert inputs(1)[0] == WHOLE.data


def test_refusals_are_counted_apart() -> None:
    def refuse_all_but_whole(_variant: int, data: bytes) -> None:
        if data != WHOLE.data:
            raise ValueError("damaged")

    tally = explore(target_of(refuse_all_but_whole), 300, seed=1)

    assert isinstance(tally, Tally)
    assert tally.runs == 300
    assert tally.refused > 250 > tally.values > 0


def test_slow_reader_is_found_out() -> None:
    def count_to_a_million(_variant: int, _data: bytes) -> int:
        return sum(1 for _ in range(1_000_000))

    finding = examine(target_of(count_to_a_million), WHOLE, Tally(), longest=0.001)

    assert finding is not None
    assert "32 bytes took" in finding.problem


@pytest.fixture
def slot(tmp_path: Path) -> Slot:
    return Slot.create(tmp_path / "slot")


def test_slot_keeps_what_is_read_and_how_far_it_came(slot: Slot, tmp_path: Path) -> None:
    slot.write(Progress(5, 7, 100, 200), -3, b"input")

    with Slot(tmp_path / "slot") as other:
        assert other.progress() == (5, 7, 100, 200)
        assert other.progress().runs == 12
        assert other.current() == (-3, b"input")


@pytest.mark.parametrize(
    ("program", "problem"),
    [
        ("pass", None),
        ("import sys; sys.stderr.write('IndexError: ...'); sys.exit(3)", "IndexError: ..."),
        ("import sys; sys.exit(7)", "ended its process with exit code 7"),
        ("import os; os.abort()", "killed its process: SIGABRT"),
    ],
)
def test_end_of_the_reading_process_is_understood(slot: Slot, program: str, problem: str | None) -> None:
    with _started(program) as process:
        found = problem_of(process, slot, 60, lambda: None)

    assert (found is None) is (problem is None)
    assert problem is None or (found is not None and problem in found)


def test_reader_that_never_comes_back_is_found_out(slot: Slot) -> None:
    told: list[float] = []
    with _started("import time; time.sleep(60)") as process:
        found = problem_of(process, slot, 0.6, lambda: told.append(time.monotonic()))
        process.kill()

    assert found == "The reader has not come back for 1 s."
    assert len(told) >= 2


def test_command_line_sums_up_what_it_did() -> None:
    run = _command("--runs", "300", "--seed", "5", "--target", "frames", "--target", "produce")

    assert run.returncode == 0, run.stdout + run.stderr
    assert "--seed 5" in run.stdout
    assert "300 inputs in" in run.stdout
    assert "no findings" in run.stdout


def test_command_line_repeats_one_input() -> None:
    assert "as a value" in _command("--reproduce", "frames:1:00000001ff").stdout
    assert "is refused" in _command("--reproduce", "frames:1:80000000").stdout


def _started(program: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True)


def _command(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.fuzz", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
