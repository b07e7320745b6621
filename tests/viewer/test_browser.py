"""The viewer works in a browser: it loads, scrolls, jumps, and switches, by pointer and by keys; nothing complains."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from flarecli.viewer.content import embedded_content
from flarecli.viewer.page import is_viewer_page, write_viewer_page
from tests.pages.browser import Page, browser_page
from tests.pages.contrast import low_contrasts
from tests.pages.pictures import gross_difference
from tests.viewer.scenes import LEAST_CERTAIN_SLICE, SHAPE, organ_labels, save_scene, scan_voxels

pytest.importorskip("ipyniivue", reason="needs ipyniivue: pip install 'flarecli[view]'")

REFERENCE = Path(__file__).parent / "reference" / "viewer.png"
READY = "document.documentElement.dataset.ready === 'all'"
EVIL = "<img src=x onerror=alert(1)>&quot;"


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("viewer")
    scan, labels, truth = save_scene(folder)
    facts, files = embedded_content(scan, [labels, truth], most_bytes=1e8)
    page = folder / "view.html"
    write_viewer_page(page, {**facts, "name": EVIL, "warnings": [f"</script>{EVIL}"]}, files)
    return page


@pytest.fixture(scope="module")
def page(page_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser_page(tmp_path_factory.mktemp("browser") / "profile") as page:
        page.look()
        page.open(page_file)
        page.wait_for(READY)
        yield page


def place(page: Page) -> tuple[int, int, int]:
    """The voxel under the crosshair, counted from 0."""
    found = re.search(
        r"voxel (\d+), (\d+), (\d+) of 48 × 40 × 24", page.value("document.getElementById('place').textContent")
    )
    assert found is not None
    x, y, z = (int(number) - 1 for number in found.groups())
    return x, y, z


def click(page: Page, selector: str) -> None:
    page.value(f"document.querySelector({selector!r}).click()")


def slide(page: Page, name: str, value: int) -> None:
    """Move a slider."""
    page.value(
        f"(() => {{ const one = document.getElementById('{name}'); one.value = {value};"
        " one.dispatchEvent(new Event('input')); })()"
    )


def lines_of(page: Page) -> float:
    """How much is painted above the planes: the mean opacity, 0 to 255."""
    share: float = page.value(
        "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {"
        " const source = document.getElementById('lines'); const canvas = document.createElement('canvas');"
        " canvas.width = source.width; canvas.height = source.height;"
        " const pen = canvas.getContext('2d', { willReadFrequently: true }); pen.drawImage(source, 0, 0);"
        " const pixels = pen.getImageData(0, 0, canvas.width, canvas.height).data;"
        " let sum = 0; for (let at = 3; at < pixels.length; at += 4) sum += pixels[at];"
        " done(sum / (pixels.length / 4)); })))"
    )
    return share


def test_the_page_is_one_file_that_says_what_it_is(page_file: Path) -> None:
    text = page_file.read_text(encoding="utf-8")
    assert is_viewer_page(page_file)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy is not None
    assert policy.group(1).startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe" not in policy.group(1)
    assert "connect-src" not in policy.group(1)
    assert "<img src=x" not in text


def test_it_shows_hu_place_and_organ(page: Page) -> None:
    x, y, z = place(page)
    assert organ_labels()[z, y, x] == 1
    text = page.value("document.getElementById('place').textContent")
    hu = int(re.match(r"(−?\d+) HU", text).group(1).replace("−", "-"))  # type: ignore[union-attr]
    assert hu == scan_voxels()[z, y, x]
    # The world: origin (-30, -20, 70) mm, steps of 4, 4 and 5 mm.
    world = (-30 + 4 * x, -20 + 4 * y, 70 + 5 * z)
    shown = [float(number.replace("−", "-")) for number in re.findall(r"[RAS] (−?[\d.]+)", text)]
    assert shown == pytest.approx(world, abs=0.06)
    assert "· liver ·" in text or "· liver / no organ ·" in text


def test_keys_move_the_crosshair(page: Page) -> None:
    page.value("document.getElementById('stage').focus()")
    click(page, "[data-jump=centre][data-organ='3']")
    x, y, z = place(page)
    page.press("PageUp", "PageUp", "PageDown")
    assert place(page) == (x, y, z + 1)
    page.press("ArrowLeft", "ArrowUp", "ArrowUp")
    assert place(page) == (x + 1, y + 2, z + 1)  # the patient's right is on the left
    page.press("2", "PageDown", "ArrowUp", "5")
    assert place(page) == (x + 1, y + 1, z + 2)
    page.press("o")
    assert organ_labels()[place(page)[::-1]] == 1


def test_wheel_and_pointer_move_the_crosshair(page: Page) -> None:
    page.press("5", "0")
    before = place(page)
    page.wheel("#stage", 120, at=(0.25, 0.25))
    page.wait_for(
        f"!document.getElementById('place').textContent.includes('voxel {', '.join(str(n + 1) for n in before)} ')"
    )
    assert place(page)[:2] == before[:2]  # axial slices
    page.click("#stage", at=(0.4, 0.2))
    assert place(page)[0] < before[0]  # further to the patient's left


@pytest.mark.parametrize(("left", "top"), [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5)], ids=["axial", "coronal", "sagittal"])
def test_contours_lie_on_the_organs(page: Page, left: float, top: float) -> None:
    """Where the pointer is put into the fill of an organ, near its border, NiiVue's voxel is one of the organ."""
    page.value("document.getElementById('stage').focus()")
    page.press("5", "0", "c", "f")  # without a crosshair; fill alone
    if left == top == 0:
        click(page, "[data-jump=centre][data-organ='3']")
        page.press("+", "+")
    click(page, "#others")
    click(page, "[data-jump=centre][data-organ='3']")
    box = page.value(
        "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {"
        " const source = document.getElementById('lines'); const canvas = document.createElement('canvas');"
        " [canvas.width, canvas.height] = [source.width, source.height];"
        " const pen = canvas.getContext('2d', { willReadFrequently: true }); pen.drawImage(source, 0, 0);"
        f" const [x0, y0] = [Math.ceil({left} * canvas.width), Math.ceil({top} * canvas.height)];"
        " const [w, h] = [Math.floor(canvas.width / 2) - 1, Math.floor(canvas.height / 2) - 1];"
        " const pixels = pen.getImageData(x0, y0, w, h).data; const box = [w, h, 0, 0];"
        " for (let at = 0; at < pixels.length; at += 4) {"
        "  const [r, g, b, a] = pixels.subarray(at, at + 4); if (a < 30 || b < 180 || r > 150) continue;"
        "  const [x, y] = [(at / 4) % w, Math.floor(at / 4 / w)];"
        "  box[0] = Math.min(box[0], x); box[1] = Math.min(box[1], y);"
        "  box[2] = Math.max(box[2], x); box[3] = Math.max(box[3], y); }"
        " done([(x0 + box[0]) / canvas.width, (y0 + box[1]) / canvas.height,"
        " (x0 + box[2]) / canvas.width, (y0 + box[3]) / canvas.height]); })))"
    )
    assert 0.03 < box[2] - box[0] < 0.3
    middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    inner = 0.42
    for at in (
        middle,
        (middle[0] - inner * (box[2] - box[0]), middle[1]),
        (middle[0], middle[1] + inner * (box[3] - box[1])),
    ):
        page.click("#stage", at=at)
        assert organ_labels()[place(page)[::-1]] == 3, at
        click(page, "[data-jump=centre][data-organ='3']")
    click(page, "#others")
    page.value("document.getElementById('stage').focus()")
    page.press("0", "c", "f", "f")


def test_organs_are_switched_filled_and_outlined(page: Page) -> None:
    click(page, "[data-jump=centre][data-organ='1']")
    everything = lines_of(page)
    page.value("document.getElementById('stage').focus()")
    page.press("f")  # fill alone
    fill = lines_of(page)
    page.press("f")
    contours = lines_of(page)
    page.press("f")
    assert 0 < fill < everything
    assert 0 < contours < everything
    click(page, "#others")
    assert lines_of(page) < everything
    click(page, "#others")
    click(page, "input[data-organ='1']")
    without = lines_of(page)
    assert without < 0.8 * everything
    click(page, "input[data-organ='1']")
    page.press("h")
    assert lines_of(page) == 0
    page.press("h")
    assert lines_of(page) == pytest.approx(everything, rel=0.02)
    slide(page, "opacity", 90)
    assert lines_of(page) > 1.5 * everything
    slide(page, "opacity", 30)


def test_the_organs_in_3d_turn_with_the_pointer_and_vanish_with_their_switch(page: Page, tmp_path: Path) -> None:
    def seen() -> bytes:
        return page.screenshot(tmp_path / "solid.png")

    page.value("document.getElementById('stage').focus()")
    page.press("4", "c")
    first = seen()
    page.press("c", "c")
    assert seen() == first  # the same scene gives the same picture
    page.drag("#solid", (0.5, 0.5), (0.7, 0.5))
    turned = seen()
    assert turned != first
    page.press("h")
    hidden = seen()
    assert hidden != turned
    page.press("h")
    assert seen() == turned
    page.press("c", "5")


def test_it_jumps_to_doubt_and_difference(page: Page) -> None:
    click(page, "#difference")
    x, y, z = place(page)
    first, second = organ_labels(), organ_labels(shift=2)
    assert (first[z, y, x] == 1) != (second[z, y, x] == 1)
    assert " / " in page.value("document.getElementById('place').textContent")
    page.value("document.getElementById('stage').focus()")
    page.press("d")
    assert place(page)[2] == LEAST_CERTAIN_SLICE
    assert page.value("document.querySelector('[data-jump=difference][data-organ=\"3\"]').disabled")
    page.press("x")
    assert place(page) == (x, y, z)


def test_windows_zoom_and_sliders(page: Page) -> None:
    page.press("u")
    assert page.value("[document.getElementById('level').value, document.getElementById('width').value]") == [
        "-600",
        "1500",
    ]
    page.press("a")
    assert page.value("document.getElementById('window').value") == "abdomen"
    page.press("+", "+", "Shift+ArrowLeft")
    assert lines_of(page) > 0
    page.press("0")
    slide(page, "slice-axial", 3)
    assert place(page)[2] == 3


def test_the_dsc_and_volumes_are_shown(page: Page) -> None:
    rows = page.value(
        "[...document.querySelectorAll('#organs tbody tr')].map((row) => row.textContent.replace(/\\s+/g, ' '))"
    )
    first, second = organ_labels() == 1, organ_labels(shift=2) == 1
    dsc = 2 * np.count_nonzero(first & second) / (np.count_nonzero(first) + np.count_nonzero(second))
    assert f"{dsc:.3f}" in rows[0]
    assert f"{np.count_nonzero(first) * 0.08:.0f}" in rows[0]
    assert "check" in rows[0]
    assert "its border is uncertain" in rows[1]


def test_the_pictures_are_as_before(page: Page, tmp_path: Path) -> None:
    click(page, "[data-jump=centre][data-organ='1']")
    page.press("5", "0", "a")
    lines_of(page)
    page.screenshot(tmp_path / "seen.png")
    assert gross_difference(tmp_path / "seen.png", REFERENCE) < 1, tmp_path / "seen.png"
    # The comparison can fail: without the pictures it does.
    page.value("document.getElementById('stage').style.visibility = 'hidden'")
    page.screenshot(tmp_path / "without.png")
    page.value("document.getElementById('stage').style.visibility = ''")
    assert gross_difference(tmp_path / "without.png", REFERENCE) > 1


@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_a_phone_and_the_dark(page: Page, tmp_path: Path, dark: bool) -> None:
    page.look(phone=True, dark=dark)
    assert page.value("document.documentElement.scrollWidth <= window.innerWidth")
    assert len(page.screenshot(tmp_path / "phone.png", whole=True)) > 10_000
    page.look(dark=dark)
    assert page.value("document.documentElement.scrollWidth <= window.innerWidth")
    page.value("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert low_contrasts(page, at_least=30) == []
    background = page.value("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(20, 24, 31)" if dark else "rgb(255, 255, 255)")
    page.look()


def test_nothing_was_complained_of_or_fetched(page: Page) -> None:
    """Last, so that it covers everything above."""
    assert page.console == []
    assert page.value("document.getElementById('problem').hidden")
    assert len([address for address in page.requests if not address.startswith(("data:", "blob:"))]) == 1


@pytest.mark.parametrize("ending", ["close", "signal"])
def test_a_served_page_loads_and_the_command_ends_with_it(tmp_path: Path, ending: str) -> None:
    scan, labels, truth = save_scene(tmp_path)
    command = [sys.executable, "-m", "flarecli", "view", scan, labels, truth, "--no-open"]
    with browser_page(tmp_path / "profile") as page:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:")
            page.open(address)
            page.wait_for(READY)
            assert place(page)[2] in range(SHAPE[0])
            assert page.console == []
            assert all(each.startswith((address, "data:", "blob:")) for each in page.requests)
            if ending == "signal":
                process.send_signal(signal.SIGINT)
                page.wait_for("document.getElementById('problem').textContent.includes('server has ended')")
            else:
                page.close()
            _, errors = process.communicate(timeout=60)
            assert (process.returncode, "Traceback" in errors) == (0, False), errors
        finally:
            process.kill()
            process.communicate()
