"""The figures of a soak as a plot. Needs matplotlib."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.soak.figures import Sample

__all__ = ("draw",)

CURVES = (
    ("memory, MiB", ("memory_mib",)),
    ("descriptors, threads", ("descriptors", "threads")),
    ("futures, tasks and handles", ("futures",)),
    ("awaited produce, ms", ("p50_ms", "p99_ms")),
)


def draw(samples: Sequence[Sample], path: Path, title: str) -> bool:
    """Draw all figures over time into an SVG; False without matplotlib."""
    if importlib.util.find_spec("matplotlib") is None:
        return False
    _matplotlib().rcParams["svg.hashsalt"] = "dekaf"  # the same figures give the same file
    figure = _matplotlib(".figure").Figure(figsize=(8, 9), layout="constrained")
    figure.suptitle(title)
    minutes = [one.at / 60 for one in samples]
    for axes, (label, fields) in zip(figure.subplots(len(CURVES), 1, sharex=True), CURVES, strict=True):
        for field in fields:
            axes.plot(minutes, [getattr(one, field) for one in samples], label=field.removesuffix("_ms"))
        axes.set_ylabel(label)
        axes.set_ylim(bottom=0)
        if len(fields) > 1:
            axes.legend()
    axes.set_xlabel("minutes")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    return True


def _matplotlib(module: str = "") -> Any:
    # Optional, and not among the packages that the type checker sees.
    return importlib.import_module(f"matplotlib{module}")
