"""The processes that play stories side by side."""

from __future__ import annotations

import logging
import multiprocessing
import traceback
from collections.abc import Iterator

from tests.stories.story import Result, play

__all__ = ("play_all", "play_safely")


def play_all(seeds: list[int], jobs: int) -> Iterator[Result]:
    """Play the stories of these seeds in so many processes; results come as they are ready."""
    if jobs <= 1:
        _be_quiet()
        yield from map(play_safely, seeds)
        return
    # Fresh processes: this one may have threads, which no fork copies.
    with multiprocessing.get_context("spawn").Pool(jobs, initializer=_be_quiet) as pool:
        yield from pool.imap_unordered(play_safely, seeds)


def _be_quiet() -> None:
    logging.getLogger("dekaf").addHandler(logging.NullHandler())  # what dekaf logs is no news here


def play_safely(seed: int) -> Result:
    """Play the story of a seed; should it break off, that is its problem."""
    try:
        return play(seed)
    except Exception:  # it is the seed that one wants to know
        return Result(seed, [f"the story broke off: {traceback.format_exc()}"])
