"""A headless browser for pages: what a reader sees, what it says on its console, what axe finds."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WIDE, NARROW = {"width": 1400, "height": 900}, {"width": 400, "height": 800}


@contextmanager
def started_browser() -> Iterator[Any]:
    """Chromium without a window; the test is skipped where there is none."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra: test)")
    if CHROMIUM is None:
        pytest.skip("chromium is absent (apt: chromium); tests of pages in a browser are skipped")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


class Visit:
    """A page as it was opened from disk, without a network.

    Attributes
    ----------
    page : playwright.sync_api.Page
    complaints : list of str
        Errors and warnings of the console, uncaught errors, and whatever the page asked for besides itself.
    """

    def __init__(self, browser: Any, path: Path, viewport: dict[str, int] | None = None, **options: Any) -> None:
        self.complaints: list[str] = []
        self.context = browser.new_context(viewport=viewport or WIDE, offline=True, accept_downloads=True, **options)
        self.page = self.context.new_page()
        self.page.on("console", self._note_line)
        self.page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        self.url = path.resolve().as_uri()
        self.page.on("request", self._note_request)
        self.page.goto(self.url)
        self.page.wait_for_selector("html[data-ready=yes]", state="attached", timeout=20_000)

    def _note_line(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def _note_request(self, request: Any) -> None:
        if not request.url.startswith((self.url, "data:", "blob:")):
            self.complaints.append(f"asked for {request.url}")

    def width_beyond(self) -> int:
        """By how many pixels the page is wider than its window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    def axe(self) -> list[str]:
        """What axe finds against WCAG 2.1 A and AA and its best practices, contrast among it."""
        axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed (extra: test)")
        found = axe.Axe().run(self.page, options={"resultTypes": ["violations"]}).response["violations"]
        return [f"{one['id']}: {json.dumps([node['html'][:200] for node in one['nodes'][:3]])}" for one in found]

    def saved(self, selector: str) -> tuple[str, bytes]:
        """Name and content of the file that a click saves."""
        with self.page.expect_download() as download:
            self.page.click(selector)
        return download.value.suggested_filename, Path(download.value.path()).read_bytes()

    def close(self) -> None:
        self.context.close()
