"""The planes show the voxels of the scan: in their grey, the right way round, and with nothing written beside them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from flarecli.viewer.content import embedded_content
from flarecli.viewer.page import write_viewer_page
from flarecli.volume import write_scan
from tests.pages.browser import Page, browser_page
from tests.synthetic_ct import affine, rotation

pytest.importorskip("ipyniivue", reason="needs ipyniivue: pip install 'flarecli[view]'")

SHAPE = (48, 20, 30)
SPACING_MM = (2.0, 2.0, 5.0)
"""Along x, y and z: planes much higher than wide."""


def wedge() -> np.ndarray:
    """HU from 50 to 250 towards the patient's left in the upper half of the scan, 0 in the lower one, air below."""
    voxels = np.zeros(SHAPE, np.int16)
    voxels[SHAPE[0] // 2 :] = np.linspace(250, 50, SHAPE[2]).round()  # large x is the patient's right
    voxels[0] = -1000
    return voxels


@pytest.fixture(scope="module", params=["plumb", "oblique"])
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("slices")
    directions = rotation((7, 4, 12)) if request.param == "oblique" else np.eye(3)
    write_scan(folder / "wedge.nii.gz", wedge(), affine(SPACING_MM, directions=directions))
    facts, files = embedded_content(folder / "wedge.nii.gz", [], most_bytes=1e8)
    write_viewer_page(folder / "view.html", facts, files)
    with browser_page(folder / "profile") as page:
        page.look()
        page.open(folder / "view.html")
        page.wait_for("document.documentElement.dataset.ready === 'all'")
        page.value("document.getElementById('stage').focus()")
        page.press("c")  # no crosshair
        yield page


def greys(page: Page, folder: Path) -> np.ndarray:
    """The stage as it is seen, shape (rows, columns), 0 to 255."""
    with Image.open(io.BytesIO(page.screenshot(folder / "seen.png"))) as picture:
        seen = np.asarray(picture.convert("L"), np.float64)
    box = page.value(
        "(() => { const { x, y, width, height } = document.getElementById('stage').getBoundingClientRect();"
        " return [x, y, width, height]; })()"
    )
    x, y, width, height = (round(number) for number in box)
    return seen[y : y + height, x : x + width]


def test_coronal_slices_are_grey_as_their_hu_and_the_right_way_round(page: Page, tmp_path: Path) -> None:
    page.press("3", "2", "a")  # coronal; the abdomen's window is -150 to 250 HU
    seen = greys(page, tmp_path)
    across = np.flatnonzero(seen[seen.shape[0] // 4] > 100)
    left, right = int(across.min()), int(across.max())
    middle = (left + right) // 2
    upper = seen[seen.shape[0] // 4, left + 4 : right - 3]
    assert np.all(np.diff(upper) >= -1)
    assert upper[-1] - upper[0] > 90  # HU grow from left to right
    for share in (0.2, 0.5, 0.8):
        column = (share * len(upper) + 4) / (right - left)
        hu = 50 + 200 * column
        assert upper[int(share * len(upper))] == pytest.approx((hu + 150) / 400 * 255, abs=8)
    assert seen[seen.shape[0] * 3 // 4, middle] == pytest.approx(150 / 400 * 255, abs=2)  # 0 HU, below


def test_windows_change_the_grey_at_once_and_nothing_else(page: Page, tmp_path: Path) -> None:
    page.press("2", "a")
    before = greys(page, tmp_path)
    page.press("b")  # -500 to 1300 HU
    bone = greys(page, tmp_path)
    below = (bone.shape[0] * 3 // 4, bone.shape[1] // 2)
    assert bone[below] == pytest.approx(500 / 1800 * 255, abs=2)
    page.press("a")
    assert np.array_equal(greys(page, tmp_path), before)


@pytest.mark.parametrize("key", ["2", "3"])
def test_letters_stand_on_their_own_side(page: Page, tmp_path: Path, key: str) -> None:
    """Nothing is written beside a narrow plane: a letter of the left side would be read as one of the right side."""
    page.press(key, "u")  # everything of the scan is light
    seen = greys(page, tmp_path)[12:-12, 12:-12]  # without the round corners and the mark of the focus
    plane = np.flatnonzero(seen[seen.shape[0] * 3 // 4] > 60)
    assert 20 < plane.max() - plane.min() < 0.5 * seen.shape[1]
    assert seen[:, : plane.min() - 2].max() < 40
    assert seen[:, plane.max() + 3 :].max() < 40


def test_the_crosshair_is_seen_in_narrow_planes(page: Page, tmp_path: Path) -> None:
    for key in ("2", "3", "5"):
        page.press(key, "b")
        without = greys(page, tmp_path)
        page.press("c")
        lines = np.abs(greys(page, tmp_path) - without) > 40
        page.press("c")
        half = lines.shape[1] // 2 if key == "5" else 0  # of all planes the coronal one, on the upper right
        part = lines[: lines.shape[0] // 2, half:] if key == "5" else lines
        assert part.any(axis=1).mean() > 0.6  # the line from top to bottom
        assert part.sum(axis=1).max() > 20  # and the one across


def test_nothing_was_complained_of(page: Page) -> None:
    """Last, so that it covers everything above."""
    assert page.console == []
    assert page.value("document.getElementById('problem').hidden")


def test_a_lost_picture_is_said(tmp_path: Path) -> None:
    """As when a phone runs out of graphics memory."""
    write_scan(tmp_path / "wedge.nii.gz", wedge(), affine(SPACING_MM))
    facts, files = embedded_content(tmp_path / "wedge.nii.gz", [], most_bytes=1e8)
    write_viewer_page(tmp_path / "view.html", facts, files)
    with browser_page(tmp_path / "profile") as page:
        page.open(tmp_path / "view.html")
        page.wait_for("document.documentElement.dataset.ready === 'all'")
        page.value(
            "document.getElementById('planes').getContext('webgl2').getExtension('WEBGL_lose_context').loseContext()"
        )
        page.wait_for("document.getElementById('problem').textContent.includes('Load the page again')")
        page.press("PageUp", "2", "b")
        assert [line for line in page.console if line.startswith("exception")] == []
