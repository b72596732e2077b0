"""What one client process is asked to do, and what it answers; both travel as one line of JSON."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Final, Self

__all__ = ("MECHANISM", "Answer", "Job")

MECHANISM: Final = "SCRAM-SHA-512"  # of every secure job


@dataclass(frozen=True, kw_only=True)
class Job:
    """One measurement of one client in a process of its own.

    A secure one goes over TLS, with a login by SCRAM-SHA-512; where and as whom is filled in when it runs.

    It ends after `messages` or after `seconds`, whichever comes first: quick clients do not fill the disk, and slow
    ones do not take all day.
    """

    workload: str
    client: str
    bootstrap_servers: str = ""
    topic: str = "bench"
    messages: int = 100_000
    seconds: float = 5
    size_bytes: int = 100
    json_values: bool = False
    keyed: bool = True
    codec: str = "none"
    callback: bool = False
    tasks: int = 1
    threads: int = 1
    connections: int = 1
    workers: int = 1
    is_made_before_fork: bool = False
    is_secure: bool = False
    cafile: str = ""
    username: str = ""
    password: str = ""
    linger_ms: int = 5
    batch_size: int = 65_536
    buffer_memory: int = 33_554_432

    def to_json(self) -> str:
        """Return the line to pass to the process."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, line: str) -> Self:
        """Read what `to_json` wrote."""
        return cls(**json.loads(line))


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a client process measured.

    `produced` counts every message it handed to its client, the warm-up included: that many must be in the topic.
    `metrics` are numbers to compare, `facts` are what a reader wants to know about the process.
    """

    produced: int
    metrics: dict[str, float]
    facts: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the line to print."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, line: str) -> Self:
        """Read what `to_json` wrote."""
        return cls(**json.loads(line))
