"""The command line of the fuzzer."""

from __future__ import annotations

import argparse
import functools
import secrets
import sys
from typing import Final

import dekaf
from tests.fuzz.campaign import Tally, examine
from tests.fuzz.slot import Progress
from tests.fuzz.targets import TARGETS, Seed
from tests.fuzz.watch import Report, watch

_MIB: Final = 1024 * 1024
_DESCRIPTION: Final = """\
Feed damaged bytes to everything that reads what others send. A reader may return a value or raise the error meant
for it, soon and in little memory; anything else is a finding, and is printed with a command that repeats it.
"""


def main() -> int:
    """Run the command line and return the exit code: 1 if there was a finding."""
    arguments = _parser().parse_args()
    if arguments.reproduce is not None:
        return _reproduce(arguments.reproduce)
    targets: list[str] = arguments.target or list(TARGETS)
    seed: int = secrets.randbelow(2**32) if arguments.seed is None else arguments.seed
    way = "compiled" if dekaf.compiled else "interpreted"
    _say(f"{arguments.runs:,} inputs for {', '.join(targets)}; dekaf is {way}; --seed {seed}")
    share, rest = divmod(arguments.runs, len(targets))
    reports: list[Report] = []
    for number, target in enumerate(targets):
        runs = share + (1 if number < rest else 0)
        report = watch(target, runs, seed, functools.partial(_progress, runs))
        reports.append(report)
        _say(f"{_CLEAR}{_line(report)}")
        if report.finding is not None:
            _say(f"\nA finding in {target}:\n{report.finding}")
    return _sum_up(reports)


def _parser() -> argparse.ArgumentParser:
    targets = "\n".join(f"  {target.name:<17} {target.about}" for target in TARGETS.values())
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz",
        description=_DESCRIPTION,
        epilog=f"targets:\n{targets}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--runs", type=int, default=100_000, help="inputs, over all targets (default: 100000)")
    parser.add_argument("--seed", type=int, help="repeat an earlier run (default: a new one, which is printed)")
    parser.add_argument(
        "--target", action="append", choices=list(TARGETS), metavar="TARGET", help="only this target; may be repeated"
    )
    parser.add_argument("--reproduce", metavar="TARGET:VARIANT:HEX", help="feed one input again, as a finding names it")
    return parser


def _reproduce(text: str) -> int:
    name, variant, data = text.split(":")
    tally = Tally()
    finding = examine(TARGETS[name], Seed(int(variant), bytes.fromhex(data)), tally)
    if finding is None:
        _say("It is read as a value." if tally.values else "It is refused, as it should be.")
        return 0
    _say(finding.problem)
    return 1


def _line(report: Report) -> str:
    progress = report.progress
    growth = (progress.memory_peak - progress.memory_before) / _MIB
    return (
        f"{report.target:<17} {progress.runs:>9,} read  {progress.values:>9,} values  {progress.refused:>9,} refused  "
        f"{report.seconds:6.1f} s  peak {progress.memory_peak / _MIB:.0f} MiB (+{growth:.0f})"
    )


def _sum_up(reports: list[Report]) -> int:
    findings = sum(1 for report in reports if report.finding is not None)
    runs = sum(report.progress.runs for report in reports)
    seconds = sum(report.seconds for report in reports)
    peak = max(report.progress.memory_peak for report in reports) / _MIB
    _say(f"{runs:,} inputs in {seconds:.0f} s, peak memory {peak:.0f} MiB, {findings or 'no'} findings")
    return int(findings > 0)


_CLEAR: Final = "\r\x1b[K" if sys.stdout.isatty() else ""


def _progress(runs: int, name: str, progress: Progress) -> None:
    if sys.stdout.isatty():
        percent = 100 * progress.runs // max(runs, 1)
        sys.stdout.write(f"{_CLEAR}{name:<17} {progress.runs:>9,} of {runs:,} ({percent} %)")
        sys.stdout.flush()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
