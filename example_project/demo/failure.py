"""What goes wrong in the demo, as a sentence for the person in front of it."""

from __future__ import annotations


class DemoError(Exception):
    """The demo cannot go on, or did not see what it should; `details` are lines to show below the sentence."""

    def __init__(self, sentence: str, details: list[str] | None = None) -> None:
        super().__init__(sentence)
        self.details = details or []
