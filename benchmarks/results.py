"""The results folder of one run: raw samples as JSON, readable again later."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.samples import Sample

__all__ = ("Results", "load", "save")

FILE_NAME = "samples.json"


@dataclass(frozen=True, kw_only=True)
class Results:
    """One run. `settings` are its rounds and its scale."""

    machine: dict[str, str]
    settings: dict[str, str]
    samples: Sequence[Sample]


def save(results: Results, folder: Path) -> None:
    """Write the samples; called after every row, so that an interrupted run keeps what it has."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(dataclasses.asdict(results), indent=1, ensure_ascii=False)
    (folder / FILE_NAME).write_text(text + "\n", encoding="utf-8")


def load(folder: Path) -> Results:
    """Read what `save` wrote."""
    content = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
    samples = [Sample(**sample) for sample in content["samples"]]
    return Results(machine=content["machine"], settings=content["settings"], samples=samples)
