"""Stories leave no threads behind, as no scenario does."""

from __future__ import annotations

from tests.scenarios.conftest import cheap_collections, no_threads_are_left

__all__ = ("cheap_collections", "no_threads_are_left")
