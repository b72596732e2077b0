"""The command line: measure what is named, or report again on what was measured before."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import machine, plots, results
from benchmarks.broker import broker, warm_up
from benchmarks.builds import ROOT, Build, prepare_build
from benchmarks.errors import BenchmarkError
from benchmarks.measures.interface import Bench
from benchmarks.results import Results
from benchmarks.runner import run_row
from benchmarks.samples import Sample
from benchmarks.selection import Selection, names_of, select
from benchmarks.tables import report, row_table
from tests.kafka import KafkaUnavailableError

QUICK_SCALE = 0.2
QUICK_ROUNDS = 2
FULL_ROUNDS = 5


def main() -> int:
    """Run the command line and return the exit code."""
    arguments = _parser().parse_args()
    try:
        selection = select(arguments.names or ["rows", "steps"])
        if arguments.report is None:
            folder = arguments.results or _new_folder()
            measure(selection, arguments, folder)
        else:
            folder = arguments.report
        write_report(folder)
    except (BenchmarkError, KafkaUnavailableError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; `--report FOLDER` reports the rows that were finished\n")
        return 130
    return 0


def measure(selection: Selection, arguments: argparse.Namespace, folder: Path) -> None:
    """Measure, print each row's table when it is done, and keep the samples."""
    scale = QUICK_SCALE if arguments.quick else 1.0
    rounds = arguments.rounds or (QUICK_ROUNDS if arguments.quick else FULL_ROUNDS)
    builds = _builds(selection, arguments)
    facts, settings = machine.describe(), {"rounds": str(rounds), "scale": f"{scale:g}"}
    rows = selection.all_rows
    samples: list[Sample] = []
    is_secure = any(row.needs_security for row in rows)
    with broker(arguments.bootstrap_servers, is_secure=is_secure) as cluster:
        bench = Bench(cluster=cluster, builds=builds, scale=scale)
        if any(row.needs_broker for row in rows):
            warm_up(bench, is_secure=is_secure, say=say)
        for number, row in enumerate(rows, start=1):
            say(f"\n[{number}/{len(rows)}] {row.name}: {row.title}")
            samples += run_row(row, bench, rounds=rounds, say=say)
            results.save(Results(machine=facts, settings=settings, samples=samples), folder)
            print(f"\n{row_table(row, samples)}", flush=True)


def write_report(folder: Path) -> None:
    """Write the report and the plots of a results folder."""
    found = results.load(folder)
    everything = select(["all"])
    (folder / "report.md").write_text(report(found, everything), encoding="utf-8")
    drawn = plots.draw(found, everything, folder)
    say(f"report: {folder / 'report.md'}" + (f", and {len(drawn)} plots beside it" if drawn else ""))
    if not drawn:
        say("no plots: matplotlib is not installed (pip install --group bench)")


def say(text: str) -> None:
    """Tell the progress; the tables alone go to stdout."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"default: rows and steps. Groups: all; {names_of()}")
    parser.add_argument("--rounds", type=int, help=f"default: {FULL_ROUNDS}, with --quick {QUICK_ROUNDS}")
    parser.add_argument("--quick", action="store_true", help="short runs: they prove the harness, not the clients")
    parser.add_argument("--results", type=Path, help="folder for the raw data; default: a new one")
    parser.add_argument("--report", type=Path, metavar="RESULTS", help="measure nothing; write a folder's report again")
    parser.add_argument("--compiled", type=Path, help="folder with a compiled dekaf, instead of building one")
    parser.add_argument("--interpreted", type=Path, help="folder with an interpreted dekaf, instead of building one")
    parser.add_argument("--bootstrap-servers", help="a broker of yours, instead of one started for the run")
    return parser


def _new_folder() -> Path:
    return ROOT / "benchmarks" / "results" / datetime.now(UTC).strftime("%Y%m%d-%H%M%S")


def _builds(selection: Selection, arguments: argparse.Namespace) -> dict[Build, Path]:
    given: dict[Build, Path | None] = {
        Build.COMPILED: arguments.compiled,
        Build.INTERPRETED: arguments.interpreted,
    }
    needed = {measure.build for row in selection.all_rows for measure in row.contenders.values()}
    return {build: (given[build] or prepare_build(build, say=say)).resolve() for build in Build if build in needed}


if __name__ == "__main__":
    sys.exit(main())
