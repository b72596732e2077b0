"""Everything that can be measured, by name."""

from __future__ import annotations

from benchmarks.rows.curves import CURVES
from benchmarks.rows.firing import FIRING
from benchmarks.rows.process import PROCESS
from benchmarks.rows.row import Curve, Row
from benchmarks.rows.secure import SECURE
from benchmarks.rows.steps import STEPS
from benchmarks.rows.waiting import WAITING
from benchmarks.rows.web import WEB

__all__ = ("CURVES", "ROWS", "SECURE", "STEPS", "WEB", "Curve", "Row")

ROWS: tuple[Row, ...] = (*FIRING, *WAITING, *WEB, *PROCESS)
