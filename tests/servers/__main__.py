"""Run every server to its end and write the table into docs/deployment.md: `nox -s servers`.

python -m tests.servers            all rows, and write
python -m tests.servers granian    only those with this in their line; write nothing
"""

from __future__ import annotations

import datetime as dt
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

from tests.servers.rows import ROWS
from tests.servers.run import ROOT, Outcome, Row, outcome_of

PAGE: Final = ROOT / "docs" / "deployment.md"
BEGIN: Final = "<!-- the table of servers begins: written by `nox -s servers` -->\n"
END: Final = "<!-- the table of servers ends -->\n"
PACKAGES: Final = ("Django", "FastAPI", "uvicorn", "gunicorn", "gevent", "hypercorn", "granian", "daphne", "pyuwsgi")
LOG_SHOWN: Final = 4000  # characters


def main() -> int:
    """Run the command line and return the exit code."""
    wanted = " ".join(sys.argv[1:])
    outcomes = [_run(row) for row in ROWS if wanted in f"{row.server} {row.application} {row.stop.value}"]
    if not wanted:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        PAGE.write_text(f"{before}{BEGIN}\n{table(outcomes)}\n{END}{after}", encoding="utf-8")
    return int(not all(outcome.is_as_expected for outcome in outcomes))


def _run(row: Row) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        outcome = outcome_of(row, Path(folder))
    sys.stdout.write(f"{line(outcome)}\n")
    if not outcome.is_as_expected:
        sys.stdout.write(f"{outcome.log[-LOG_SHOWN:]}\n")
    sys.stdout.flush()
    return outcome


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the table, dated."""
    python = ".".join(map(str, sys.version_info[:3]))
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    today = dt.datetime.now(dt.UTC).date().isoformat()
    head = (
        f"Run on {today}, on Linux with Python {python}, {versions}; messages that were answered for, and how many of "
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
