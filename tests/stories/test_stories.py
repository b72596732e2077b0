"""Whatever happens to brokers, topics and the process: nothing is lost, doubled, overtaken, misflagged or left behind.

`python -m tests.stories` plays more of them; `DEKAF_STORIES` and `DEKAF_STORIES_FIRST` make this file do so.
"""

from __future__ import annotations

import os

import pytest

from tests.stories.__main__ import PLAYED_BY_CI, command
from tests.stories.players import play_safely

COUNT = int(os.environ.get("DEKAF_STORIES", str(PLAYED_BY_CI)))
FIRST = int(os.environ.get("DEKAF_STORIES_FIRST", "0"))


@pytest.mark.mistake("aiokafka #228", "librdkafka #623", "librdkafka #1092")
@pytest.mark.parametrize("seed", range(FIRST, FIRST + COUNT))
def test_story_ends_with_every_promise_kept(seed: int) -> None:
    result = play_safely(seed)

    assert result.problems == [], f"seed {seed}; play it again with: {command(seed)}"
    assert result.produced > 0
