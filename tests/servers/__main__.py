"""Run every server to its end and write the tables into the documentation: `nox -s servers`.

python -m tests.servers            all rows, and write
python -m tests.servers granian    only those with this in their line; write nothing
python -m tests.servers --limits   only how long they wait for a drain, and write
"""

from __future__ import annotations

import datetime as dt
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

from tests.servers.patience import LIMITS, Patience, patience_of_all
from tests.servers.rows import ROWS
from tests.servers.run import ROOT, Outcome, Row, outcome_of

PAGE: Final = ROOT / "docs" / "deployment.md"
BEGIN: Final = "<!-- the table of servers begins: written by `nox -s servers` -->\n"
END: Final = "<!-- the table of servers ends -->\n"
LIMITS_PAGE: Final = ROOT / "docs" / "django-in-production.md"
LIMITS_BEGIN: Final = "<!-- the table of limits begins: written by `nox -s servers` -->\n"
LIMITS_END: Final = "<!-- the table of limits ends -->\n"
PACKAGES: Final = ("Django", "FastAPI", "uvicorn", "gunicorn", "gevent", "hypercorn", "granian", "daphne", "pyuwsgi")
LOG_SHOWN: Final = 4000  # characters


def main() -> int:
    """Run the command line and return the exit code."""
    wanted = " ".join(sys.argv[1:])
    if wanted == "--limits":
        return _measure_limits()
    outcomes = [_run(row) for row in ROWS if wanted in f"{row.server} {row.application} {row.stop.value}"]
    if not wanted:
        _write(PAGE, BEGIN, table(outcomes), END)
    failed = not all(outcome.is_as_expected for outcome in outcomes)
    return int(failed) | (0 if wanted else _measure_limits())


def _write(page: Path, begin: str, content: str, end: str) -> None:
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    after = rest.partition(end)[2]
    page.write_text(f"{before}{begin}\n{content}\n{end}{after}", encoding="utf-8")


def _measure_limits() -> int:
    with tempfile.TemporaryDirectory() as folder:
        measured = patience_of_all(LIMITS, Path(folder))
    for patience in measured:
        sys.stdout.write(f"{limit_line(patience)}\n")
        if not patience.is_as_expected:
            sys.stdout.write(f"{patience.seconds} s\n{patience.log[-LOG_SHOWN:]}\n")
    _write(LIMITS_PAGE, LIMITS_BEGIN, limits_table(measured), LIMITS_END)
    return int(not all(patience.is_as_expected for patience in measured))


def _run(row: Row) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        outcome = outcome_of(row, Path(folder))
    sys.stdout.write(f"{line(outcome)}\n")
    if not outcome.is_as_expected:
        sys.stdout.write(f"{outcome.log[-LOG_SHOWN:]}\n")
    sys.stdout.flush()
    return outcome


def _tried() -> str:
    python = ".".join(map(str, sys.version_info[:3]))
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    today = dt.datetime.now(dt.UTC).date().isoformat()
    return f"Run on {today}, on Linux with Python {python}, {versions}"


def limits_table(measured: Sequence[Patience]) -> str:
    """Return the table of limits, dated."""
    head = f"{_tried()}.\n\n| server | a drain may take | bounded by |\n|---|---|---|\n"
    return head + "".join(f"{limit_line(patience)}\n" for patience in measured)


def limit_line(patience: Patience) -> str:
    """Return a line of the table of limits."""
    seconds = f"{patience.seconds:.0f} s" if patience.was_cut_off or patience.limit.seconds else "as long as it takes"
    return f"| {patience.limit.server} | {seconds} | {patience.limit.bound} |"


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the table, dated."""
    head = (
        f"{_tried()}; messages that were answered for, and how many of "
        "them reached the (fake) brokers.\n\n"
        "| server | application | stop | answered | delivered |\n|---|---|---|---|---|\n"
    )
    return head + "".join(f"{line(outcome)}\n" for outcome in outcomes)


def line(outcome: Outcome) -> str:
    """Return a line of the table."""
    row = outcome.row
    delivered = f"**{outcome.delivered}**" if outcome.delivered < outcome.answered else str(outcome.delivered)
    return f"| {row.server} | {row.application} | {row.stop.value} | {outcome.answered} | {delivered} |"


if __name__ == "__main__":
    sys.exit(main())
