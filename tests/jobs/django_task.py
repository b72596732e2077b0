"""What Django-Q2 runs, in processes of its cluster."""

from __future__ import annotations

import os
from pathlib import Path

from dekaf.contrib.django import get_producer


def fire(number: int) -> None:
    get_producer().fire("orders", str(number), str(number))
    with Path(os.environ["DONE"]).open("a", encoding="ascii") as file:
        file.write(f"{number}\n")
