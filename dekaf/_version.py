"""The version of this package: told to brokers, which count their clients by it, and read by the build."""

from __future__ import annotations

__version__ = "0.1.0"
