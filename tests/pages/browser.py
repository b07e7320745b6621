"""A real browser without a window: Debian's Chromium, driven by playwright."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_FLAGS = (
    "--no-sandbox",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--use-angle=swiftshader",  # WebGL without a graphics card
    "--enable-unsafe-swiftshader",
)
_ANSWER_S = 90.0


_running: list[Any] = []  # playwright runs once a process
_users: list[int] = []


@contextmanager
def _playwright(sync_api: Any) -> Iterator[Any]:
    if not _users:
        _running.append(sync_api.sync_playwright().start())
    _users.append(1)
    try:
        yield _running[0]
    finally:
        _users.pop()
        if not _users:
            _running.pop().stop()


class Page:
    """One page of a browser.

    Attributes:
        console: What the page wrote to its console, errors and refusals of its content security policy included.
        requests: Addresses that it asked for.
    """

    def __init__(self, page: Any) -> None:
        self._page = page
        self._downloads: Path | None = None
        self.console: list[str] = []
        self.requests: list[str] = []
        page.set_default_timeout(_ANSWER_S * 1000)
        page.on("console", lambda message: self.console.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.console.append(f"exception: {error}"))
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("download", self._save)

    def _save(self, download: Any) -> None:
        assert self._downloads is not None, "a file was saved that no test asked for"
        download.save_as(self._downloads / download.suggested_filename)

    def open(self, place: Path | str) -> None:
        """Open a file or an address and wait until it is loaded."""
        self._page.goto(place if isinstance(place, str) else place.absolute().as_uri())

    def value(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        return self._page.evaluate(expression)

    def wait_for(self, expression: str) -> None:
        """Wait until an expression is true; asked from outside, as the policy of our pages allows no `eval`."""
        end = time.monotonic() + _ANSWER_S
        while not self.value(expression):
            assert time.monotonic() < end, f"never true: {expression}; console: {self.console}"
            self._page.wait_for_timeout(50)

    def press(self, *keys: str) -> None:
        """Press keys one after the other: names such as "Enter" and "Shift+ArrowLeft", or single characters."""
        for key in keys:
            self._page.keyboard.press(key)

    def wheel(self, selector: str, pixels: float, at: tuple[float, float] = (0.25, 0.25)) -> None:
        """Turn the wheel over an element; `at` is the place within it, in parts of its width and height."""
        self._page.mouse.move(*self._place(selector, at))
        self._page.mouse.wheel(0, pixels)

    def click(self, selector: str, at: tuple[float, float] = (0.5, 0.5)) -> None:
        """Click into an element."""
        self._page.locator(selector).scroll_into_view_if_needed()
        self._page.mouse.click(*self._place(selector, at))

    def drag(self, selector: str, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag over an element with the left button, between places in parts of its width and height."""
        self._page.mouse.move(*self._place(selector, start))
        self._page.mouse.down()
        self._page.mouse.move(*self._place(selector, end), steps=4)
        self._page.mouse.up()

    def _place(self, selector: str, at: tuple[float, float]) -> tuple[float, float]:
        box = self._page.locator(selector).bounding_box()
        return box["x"] + at[0] * box["width"], box["y"] + at[1] * box["height"]

    def look(self, *, width: int = 1280, height: int = 900, dark: bool = False, phone: bool = False) -> None:
        """Set the size of the window, light or dark; a phone's is 390 pixels wide."""
        self._page.set_viewport_size({"width": 390, "height": 844} if phone else {"width": width, "height": height})
        self._page.emulate_media(color_scheme="dark" if dark else "light")

    def screenshot(self, path: Path, *, whole: bool = False) -> bytes:
        """Draw what is seen, or the whole page, as PNG."""
        content: bytes = self._page.screenshot(path=path, full_page=whole)
        return content

    def save_downloads(self, folder: Path) -> None:
        """Let the page save files into a folder."""
        self._downloads = folder

    def close(self) -> None:
        """Close the page."""
        self._page.close()


@contextmanager
def browser_page(profile: Path) -> Iterator[Page]:
    """Start Chromium and give a blank page; the calling test is skipped where there is no Chromium.

    Args:
        profile: Folder of the browser's own files.
    """
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install 'flarecli[dev]'")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("needs Chromium (Debian: apt-get install chromium)")
    with _playwright(sync_api) as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=program, args=list(_FLAGS), accept_downloads=True
        )
        try:
            yield Page(context.pages[0])
        finally:
            context.close()
