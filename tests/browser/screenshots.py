"""Screenshots of the page, small enough for a repository."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

LARGEST_BYTES = 150_000
COLOURS = 128  # text on flat colours needs no more


class Screenshots:
    """Takes them into the folder that `SHOP_SCREENSHOTS` names, `docs/images` for those of the documentation.

    Args:
        otherwise: the folder where the variable is not set.
    """

    def __init__(self, otherwise: Path) -> None:
        self._folder = Path(os.environ.get("SHOP_SCREENSHOTS") or otherwise)

    def take(self, page: Page, name: str) -> None:
        """Write what the page shows now.

        Raises:
            AssertionError: it is too large for the documentation.
        """
        image = Image.open(BytesIO(page.screenshot(animations="disabled")))
        path = self._folder / f"{name}.png"
        image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
        assert path.stat().st_size <= LARGEST_BYTES, f"{path} has {path.stat().st_size} bytes"
