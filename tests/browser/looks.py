"""What is kept of pages that tests come to: the pictures of docs/pages.md, and more to be looked at.

`SAVE_SCREENSHOTS=1` renews the pictures, `SAVE_LOOKS` names a directory for every size and theme.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path

from playwright.sync_api import Page

from tests.browser.conftest import PHONE, WIDE
from tools import pages

SHOT = {"format": "webp", "quality": 55, "clip": {"x": 0, "y": 0, "width": 1280, "height": 800, "scale": 0.6}}


def keep(page: Page, endpoint: str) -> None:
    """The page of this name, as it is open now."""
    if os.environ.get("SAVE_SCREENSHOTS") == "1":
        page.set_viewport_size(WIDE)  # type: ignore[arg-type]
        page.wait_for_load_state("load")
        drawn = page.context.new_cdp_session(page).send("Page.captureScreenshot", SHOT)
        picture = pages.picture(endpoint)
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_bytes(base64.b64decode(drawn["data"]))
    keep_looks(page, endpoint)


def keep_looks(page: Page, name: str) -> None:
    directory, size = os.environ.get("SAVE_LOOKS"), page.viewport_size
    if directory is None:
        return
    for theme in ("light", "dark"):
        for looked_at in (WIDE, PHONE):
            page.set_viewport_size(looked_at)  # type: ignore[arg-type]
            page.evaluate("(theme) => { document.documentElement.dataset.theme = theme }", theme)
            file = Path(directory) / f"{name}-{theme}-{looked_at['width']}.png"
            page.screenshot(path=file, full_page=True)
    page.evaluate("document.documentElement.dataset.theme = 'auto'")
    page.set_viewport_size(size or WIDE)  # type: ignore[arg-type]
