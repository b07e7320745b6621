"""Draw the picture of the viewer for README and documentation: `python docs/viewer_picture.py PAGE.html PICTURE.webp`.

PAGE.html is what `flare view SCAN LABELS --html PAGE.html` wrote. Needs playwright, and Chromium of the system.
"""

from __future__ import annotations

import io
import shutil
import sys
import time
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

SIZE_PX = (1280, 800)
WIDTH_PX = 1000
QUALITY = 82
WAIT_S = 120.0
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


def main(page_file: str, picture: str) -> None:
    """Open the page, wait until everything is drawn, and save what is seen."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        raise SystemExit("needs Chromium (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        page = browser.new_page(viewport={"width": SIZE_PX[0], "height": SIZE_PX[1]}, color_scheme="light")
        page.goto(Path(page_file).absolute().as_uri(), wait_until="commit", timeout=WAIT_S * 1000)
        end = time.monotonic() + WAIT_S
        while page.evaluate("document.documentElement.dataset.ready") != "all":
            if time.monotonic() > end:
                raise SystemExit("the page was not ready in time")
            page.wait_for_timeout(100)
        page.wait_for_timeout(1000)
        content = page.screenshot(timeout=WAIT_S * 1000)
        browser.close()
    seen = Image.open(io.BytesIO(content)).convert("RGB")
    small = seen.resize((WIDTH_PX, round(seen.height * WIDTH_PX / seen.width)), Image.Resampling.LANCZOS)
    small.save(picture, quality=QUALITY, method=6)


if __name__ == "__main__":
    main(*sys.argv[1:3])
