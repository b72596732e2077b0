"""The fixtures of the tests that run whole producers."""

from __future__ import annotations

from tests.scenarios.conftest import loop_thread, make_face, no_threads_are_left

__all__ = ("loop_thread", "make_face", "no_threads_are_left")
