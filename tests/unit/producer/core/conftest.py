"""Cores of which no broker is asked anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dekaf.producer._buffer.buffer_memory import BufferMemory
from dekaf.producer._core.core import ProducerCore
from dekaf.producer.config import ProducerConfig

MakeCore = Callable[..., ProducerCore]


@pytest.fixture
def make_core() -> Iterator[MakeCore]:
    cores: list[ProducerCore] = []

    def make(**options: Any) -> ProducerCore:
        core = ProducerCore(ProducerConfig(bootstrap_servers="127.0.0.1:1", max_block_ms=60_000, **options))
        cores.append(core)
        return core

    yield make
    for core in cores:
        core.close(0.0)


def buffer_of(core: ProducerCore) -> BufferMemory:
    return core.start().accumulator.buffer
