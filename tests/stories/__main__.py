"""The command line of the stories: play many, or one again."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable
from typing import Final

import dekaf
from tests.stories.players import play_all
from tests.stories.story import Result

_DESCRIPTION: Final = """\
Play stories of whole producers beside a fake cluster: batches too large, leaders that move, brokers that stop, forget,
throttle or stand still, topics created anew, code of users that is slow. Afterwards nothing told as delivered may be
missing, nothing may be doubled, overtaken or flagged wrongly, and nothing may be left behind. A failure names its seed.
"""
PLAYED_BY_CI: Final = 300  # of which test_stories.py plays every one


def command(seed: int) -> str:
    """Return the command that plays the story of a seed again."""
    return f"python -m tests.stories --first {seed} --stories 1 --times 20"


def main() -> int:
    """Run the command line and return the exit code: 1 if a promise was broken."""
    arguments = _parser().parse_args()
    way = "compiled" if dekaf.compiled else "interpreted"
    first, count, times = arguments.first, arguments.stories, arguments.times
    _say(f"{count} stories from seed {first}, {times} time(s), in {arguments.jobs} process(es); dekaf is {way}")
    seeds = [seed for seed in range(first, first + count) for _ in range(times)]
    started = time.monotonic()
    results: list[Result] = []
    for result in play_all(seeds, arguments.jobs):
        results.append(result)
        if result.problems:
            _say(_failure(result))
            if arguments.until_failure:
                break
        elif len(results) % 500 == 0:
            _say(f"{len(results)} of {len(seeds)}, {time.monotonic() - started:.0f} s")
    _say(_summary(results, time.monotonic() - started))
    return int(any(result.problems for result in results))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.stories", description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stories", type=int, default=PLAYED_BY_CI, help="how many (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default: 0)")
    parser.add_argument("--times", type=int, default=1, help="play each so often: threads do not run alike twice")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: %(default)s)")
    parser.add_argument("--until-failure", action="store_true", help="stop at the first failure")
    return parser


def _failure(result: Result) -> str:
    problems = "\n".join(f"  {problem}" for problem in result.problems[:8])
    return f"seed {result.seed}: {len(result.problems)} problem(s)\n{problems}\n  again: {command(result.seed)}"


def _summary(results: Iterable[Result], seconds: float) -> str:
    played = list(results)
    sums = {
        name: sum(getattr(result, name) for result in played)
        for name in ("produced", "delivered", "failed", "in_doubt", "retried")
    }
    failures = sum(1 for result in played if result.problems)
    return (
        f"{len(played)} stories in {seconds:.0f} s: {sums['produced']:,} records, {sums['delivered']:,} delivered, "
        f"{sums['failed']:,} failed, {sums['in_doubt']:,} of them in doubt, {sums['retried']:,} produced again as "
        f"their errors allowed; {failures or 'no'} broken promise(s)"
    )


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
