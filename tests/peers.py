"""Other people's clients, which some tests hold dekaf against, where they are installed.

Modules of tests import them lazily (PEP 810, `__lazy_modules__`): there are none for Python 3.15 yet.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

import pytest

__all__ = ("needs_aiokafka", "needs_confluent")

needs_aiokafka: Final = pytest.mark.skipif(
    find_spec("aiokafka") is None, reason="aiokafka is not installed: it has no wheel for Python 3.15 yet"
)
needs_confluent: Final = pytest.mark.skipif(
    find_spec("confluent_kafka") is None, reason="confluent-kafka is not installed: it has no wheel for Python 3.15 yet"
)
