"""The page holds every case, fetches nothing, and works in a browser with keys alone."""

from __future__ import annotations

import csv
import json
import re
import shlex
import time
from pathlib import Path
from typing import Any

import pytest

from flarecli.errors import UsageError
from flarecli.report.cases import ReportCase
from flarecli.report.comparison import with_far_values
from flarecli.report.folder import results_in
from flarecli.report.page import by_doubt, check_page_path, is_report_page, write_report_page
from flarecli.weights.card import sha256_of
from tests.pages.browser import Page, browser_page
from tests.pages.contrast import low_contrasts
from tests.pages.pictures import gross_difference
from tests.report.results import judged, make_record, measured, save_result
from tests.synthetic_ct import write_ct

REFERENCE = Path(__file__).parent / "reference" / "report.png"
EVIL = "<img src=x onerror=alert(1)>&quot;"
NAMES = ["c_missing", "d_broken", "b_failed", "e_large", "a_check", EVIL, "good_0", "good_1"]
"""The cases of the page, the most doubtful first."""


def cases_in(folder: Path) -> list[ReportCase]:
    save_result(folder / "out", judged(make_record("a_check"), "kidneys", "check", "its border is uncertain"))
    save_result(folder / "out", judged(make_record("b_failed"), "liver", "failed", "not found"))
    save_result(folder / "out", make_record("d_broken")).write_text("{")
    both = measured(make_record("e_large"), "spleen", volume_ml=2500.0)
    save_result(folder / "out", judged(both, "spleen", "check", "2500 mL, ordinary is 30 to 630"))
    evil = make_record("evil", warnings=[f"</script>{EVIL}"])
    evil["labels"]["file"] = f"{EVIL}.nii.gz"
    save_result(folder / "out", evil, preview=False)
    for number in range(2):
        save_result(folder / "out", make_record(f"good_{number}"))
    write_ct(folder / "scans" / "c_missing_0000.nii.gz")
    (folder / "out" / "foreign.json").write_text("{}")
    return by_doubt(with_far_values(results_in(folder / "out", scans=folder / "scans").cases))


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    path = folder / "out" / "report.html"
    write_report_page(path, cases_in(folder), title=f"results {EVIL}", foreign=["foreign.json"])
    return path


@pytest.fixture(scope="module")
def text(page_file: Path) -> str:
    return page_file.read_text(encoding="utf-8")


def data_of(text: str) -> list[dict[str, Any]]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    data: list[dict[str, Any]] = json.loads(found.group(1))
    return data


def test_holds_every_case_the_most_doubtful_first(text: str) -> None:
    data = data_of(text)
    assert [one["name"] for one in data] == NAMES
    assert [one["judgement"] for one in data[:4]] == ["missing", "unreadable", "failed", "check"]
    assert data[1]["problem"] == "its record is damaged"
    assert data[3]["organs"][2]["outliers"] == ["2500 mL, outside 30 to 630"]
    assert [address for _, address in data[2]["links"]] == ["./b_failed.nii.gz", "./b_failed.json", "./b_failed.png"]
    assert data[3]["kidneys"][0] == {"name": "right kidney", "found": True, "volume": 150.0, "hu": 150.0}
    assert data[0]["kidneys"] == []
    assert "foreign.json" in text


def test_a_browser_shows_the_kidneys_apart(page_file: Path, tmp_path: Path) -> None:
    with browser_page(tmp_path / "profile") as page:
        page.open(page_file)
        rows = page.value(
            "[...document.querySelectorAll('.card')].map((card) => [...card.querySelectorAll('tbody tr')]"
            ".map((row) => [...row.cells].map((cell) => cell.textContent).join('|')))"
        )
        assert page.console == []
    assert rows[0] == []
    names = [row.split("|")[0] for row in rows[3]]
    assert names == ["liver", "kidneys", "right kidney", "left kidney", "spleen", "pancreas"]
    assert rows[3][2:4] == ["right kidney||150|150", "left kidney||150|150"]


def test_each_result_has_its_command_for_the_viewer(page_file: Path, text: str) -> None:
    by_name = {one["name"]: one["view"] for one in data_of(text)}
    labels = page_file.parent / "good_0.nii.gz"
    assert by_name["good_0"] == f"flare view /scans/good_0_0000.nii.gz {labels}"
    assert by_name["c_missing"] == ""
    assert shlex.split(by_name[EVIL])[3] == str(page_file.parent / f"{EVIL}.nii.gz")
    assert f"d_broken: <code>flare view SCAN {page_file.parent / 'd_broken.nii.gz'}</code>" in text  # most doubtful


def test_names_are_text(text: str) -> None:
    assert "<img src=x" not in text
    assert text.count("</script>") == text.count("<script")
    address = next(one["links"][0][1] for one in data_of(text) if one["name"] == EVIL)
    assert re.fullmatch(r"\./[\w%.&~-]+", address)


def test_fetches_nothing(text: str) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy is not None
    assert policy.group(1).startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy.group(1)
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!data:|#)|url\(|@import|https?://""", text)


def test_a_page_is_known_as_one(page_file: Path, tmp_path: Path) -> None:
    assert is_report_page(page_file)
    (tmp_path / "other.html").write_text("<html></html>")
    assert not is_report_page(tmp_path / "other.html")
    assert not is_report_page(tmp_path / "nowhere.html")
    with pytest.raises(UsageError, match="unknown format"):
        check_page_path(Path("report.pdf"))


def names_shown(page: Page) -> list[str]:
    names: list[str] = page.value("[...document.querySelectorAll('.card h3')].map((name) => name.textContent)")
    return names


def choose(page: Page, select: str, value: str) -> None:
    page.value(
        f"(() => {{ const one = document.getElementById('{select}'); one.value = {json.dumps(value)};"
        " one.dispatchEvent(new Event('input')); })()"
    )


def test_a_browser_filters_and_sorts(page_file: Path, tmp_path: Path) -> None:
    with browser_page(tmp_path / "profile") as page:
        page.open(page_file)
        assert names_shown(page) == NAMES
        for select, value, expected in (
            ("judgement", "check", ["e_large", "a_check"]),
            ("judgement", "missing", ["c_missing"]),
            ("organ", "spleen", ["e_large"]),
            ("warning", "some", [EVIL]),
            ("warning", "outlier", ["e_large"]),
            ("warning", "0", [EVIL]),
            ("mark", "none", NAMES),
            ("mark", "wrong", []),
            ("find", "GOOD", ["good_0", "good_1"]),
            ("order", "name", sorted(NAMES)),
        ):
            choose(page, select, value)
            assert names_shown(page) == expected, (select, value)
            assert page.value("document.getElementById('shown').textContent") == f"{len(expected)} of 8 cases"
            page.value("document.getElementById('reset').click()")
        choose(page, "organ", "spleen")
        choose(page, "judgement", "good")
        assert names_shown(page) == ["b_failed", "a_check", EVIL, "good_0", "good_1"]
        page.value("document.getElementById('reset').click()")
        choose(page, "order", "large")
        assert names_shown(page)[-2:] == ["c_missing", "d_broken"]  # without a volume: last
        assert page.console == []
        assert {address.partition(":")[0] for address in page.requests} <= {"file", "data"}
        assert len([address for address in page.requests if address.startswith("file:")]) == 1


def viewer(page: Page) -> str | None:
    """Name of the case in the large view; None where it is closed."""
    name: str | None = page.value(
        "document.getElementById('viewer').open ? document.getElementById('viewer-name').textContent : null"
    )
    return name


def test_a_browser_goes_through_the_gallery_by_keyboard(page_file: Path, tmp_path: Path) -> None:
    with browser_page(tmp_path / "profile") as page:
        page.open(page_file)
        page.save_downloads(tmp_path)
        page.press("Tab")
        assert page.value("document.activeElement.className") == "skip"
        page.press("Enter")
        for _ in range(40):
            page.press("Tab")
            if page.value("document.activeElement.className") == "open":
                break
        page.press("Enter")
        assert viewer(page) == "c_missing"
        page.press("ArrowLeft", "w", "ArrowRight", "ArrowRight", "g", "ArrowRight", "s", "u")
        assert viewer(page) == "e_large"
        assert page.value("document.querySelector('#viewer-figure img').naturalWidth") == 1600
        page.value("document.getElementById('note').focus()")
        page.press(*"=x,g", "Escape")  # letters are text here, not marks
        assert viewer(page) is None
        page.wait_for("document.activeElement.dataset.place === '3'")
        marked = page.value("[...document.querySelectorAll('.marked')].map((line) => line.textContent)")
        assert [line for line in marked if line] == ["marked wrong", "marked good", "=x,g"]
        page.open(page_file)  # marks are kept
        assert page.value("document.querySelector('.bar #marked').textContent") == "3 marked"
        choose(page, "mark", "good")
        assert names_shown(page) == ["b_failed"]
        for kind in ("csv", "json"):
            page.value(f"document.getElementById('export-{kind}').focus()")
            page.press("Enter")
            wait_for_file(page, tmp_path / f"marks.{kind}")
        assert page.console == []
    with (tmp_path / "marks.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["case"], row["mark"], row["note"], row["verdict"]) for row in rows] == [
        ("c_missing", "wrong", "", "missing"),
        ("b_failed", "good", "", "failed"),
        ("e_large", "", "'=x,g", "check"),  # no spreadsheet takes it for a formula
    ]
    exported = json.loads((tmp_path / "marks.json").read_text(encoding="utf-8"))
    assert [(row["case"], row["mark"], row["note"]) for row in exported] == [
        ("c_missing", "wrong", ""),
        ("b_failed", "good", ""),
        ("e_large", "", "=x,g"),
    ]
    assert exported[1]["labels_sha256"] == sha256_of(page_file.parent / "b_failed.nii.gz")


def wait_for_file(page: Page, path: Path) -> None:
    end = time.monotonic() + 20
    while not (path.is_file() and path.stat().st_size):
        assert time.monotonic() < end, f"{path.name} was not saved"
        page.value("0")  # lets the browser's events come in
        time.sleep(0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_a_browser_draws_the_page_on_laptop_and_phone(page_file: Path, tmp_path: Path, dark: bool) -> None:
    with browser_page(tmp_path / "profile") as page:
        page.open(page_file)
        for width, height, phone in ((1280, 900, False), (390, 844, True)):
            page.look(width=width, height=height, dark=dark, phone=phone)
            assert len(page.screenshot(tmp_path / "page.png")) > 20_000
            assert page.value("document.documentElement.scrollWidth") <= width  # nothing is cut off or scrolls sideways
        background = page.value("getComputedStyle(document.body).backgroundColor")
        assert background == ("rgb(20, 24, 31)" if dark else "rgb(255, 255, 255)")
        page.wait_for("document.querySelectorAll('.card img').length > 0")
        assert page.console == []


def test_the_page_looks_as_before(page_file: Path, tmp_path: Path) -> None:
    with browser_page(tmp_path / "profile") as page:
        page.look()
        page.open(page_file)
        page.screenshot(tmp_path / "seen.png")
        assert gross_difference(tmp_path / "seen.png", REFERENCE) < 1, tmp_path / "seen.png"
        page.value("document.getElementById('distributions').hidden = true")
        page.screenshot(tmp_path / "without.png")
        assert gross_difference(tmp_path / "without.png", REFERENCE) > 1


@pytest.mark.parametrize("dark", [False, True])
def test_texts_have_the_contrast_of_wcag_aa(page_file: Path, tmp_path: Path, dark: bool) -> None:
    with browser_page(tmp_path / "profile") as page:
        page.look(dark=dark)
        page.open(page_file)
        assert low_contrasts(page, at_least=100) == []
        page.value("document.querySelector('.open').click()")
        assert low_contrasts(page, at_least=100) == []
