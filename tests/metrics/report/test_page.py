"""The report holds what was scored, loads nothing, and works in a browser."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from flarecli.metrics.evaluation import Evaluation, evaluate
from flarecli.metrics.organ_scores import EvaluationSettings
from flarecli.metrics.pairing import CasePair, label_files, pair_cases
from flarecli.metrics.protocol import Metric
from flarecli.metrics.report.page import write_report
from tests.metrics.label_files import blobs, save_labels, save_reoriented
from tests.pages.browser import browser_page


class _CaseTable(HTMLParser):
    """Texts of the cells of the table of cases, row by row."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._in_body = self._in_cell = False
        self.feed(page[page.index('<table class="sortable">') :])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_body |= tag == "tbody"
        if self._in_body and tag == "tr":
            self.rows.append([])
        if self._in_body and tag in ("td", "th"):
            self.rows[-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "tbody":
            self._in_body = False
        if tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._in_body and self._in_cell:
            self.rows[-1][-1] += data.strip()

    def column(self, place: int) -> list[str]:
        return [row[place] for row in self.rows]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six cases: shifted by 0 to 3 voxels, one missing, one broken; with scans."""
    folder = tmp_path_factory.mktemp("cases")
    rng = np.random.default_rng(0)
    for number, shift in enumerate((1, 3, 0, 2, 1, 1)):
        name = f"case_{number}.nii.gz"
        save_reoriented(folder / "gt" / name, blobs((24, 20, 16)), [[0, -1], [1, 1], [2, 1]])
        image = (100 * (blobs((24, 20, 16)) > 0) + rng.normal(0, 20, (24, 20, 16))).astype(np.int16)
        save_labels(folder / "images" / f"case_{number}_0000.nii.gz", image)
        if number != 4:
            save_labels(folder / "pred" / name, blobs((24, 20, 16), shift=shift))
    with (folder / "pred" / "case_5.nii.gz").open("rb+") as file:
        file.truncate(60)
    return folder


def _evaluation(folder: Path, **settings: object) -> Evaluation:
    pairs, _ = pair_cases(label_files(str(folder / "pred")), label_files(str(folder / "gt")))
    return evaluate(pairs, EvaluationSettings(**settings), jobs=1)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    evaluation = _evaluation(folder, metrics=tuple(Metric))
    write_report(folder / "report.html", evaluation, label_files(str(folder / "images")))
    return (folder / "report.html").read_text(encoding="utf-8")


def test_holds_every_case_with_its_scores(page: str) -> None:
    table = _CaseTable(page)
    assert table.column(0) == [f"case_{number}.nii.gz" for number in range(6)]
    assert table.column(1) == ["scored", "scored", "scored", "scored", "missing", "failed"]
    assert table.column(2) == ["0.7500", "0.2500", "1.0000", "0.5000", "0.0000", "–"]
    assert {len(row) for row in table.rows} == {2 + 5 * 5}
    assert table.rows[4][2 + 2 * 5] == "∞"


def test_says_what_failed_and_what_was_counted(page: str) -> None:
    assert "1 without prediction, counted with the worst scores." in page
    assert "1 not comparable, left out of the means." in page
    assert "the compressed data" in page
    assert "NSD at 1 mm" in page


def test_loads_nothing_from_outside(page: str) -> None:
    assert "default-src 'none'" in page
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!data:)|url\(|@import|https?://""", page)


def test_shows_the_worst_and_the_median_case(page: str) -> None:
    titles = re.findall(r"<figcaption>(\w+ case by DSC: .*?)</figcaption>", page)
    assert titles == ["Worst case by DSC: case_1.nii.gz", "Median case by DSC: case_0.nii.gz"]
    assert page.count("data:image/png;base64,") == 2


def test_the_worst_case_has_its_command_for_the_viewer(page: str, folder: Path, tmp_path: Path) -> None:
    files = [folder / part / "case_1.nii.gz" for part in ("pred", "gt")]
    assert re.search(rf"<code>flare view \S*case_1\S* {files[0]} {files[1]}</code>", page)
    evaluation = evaluate([CasePair("case_1.nii.gz", *files)], EvaluationSettings())
    write_report(tmp_path / "page.html", evaluation, [])
    assert f"<code>flare view SCAN {files[0]} {files[1]}</code>" in (tmp_path / "page.html").read_text()


def test_a_scan_that_cannot_be_shown_leaves_a_note(folder: Path, tmp_path: Path) -> None:
    wrong_shape = save_labels(tmp_path / "case_1.nii.gz", np.zeros((4, 4, 4), np.int16))
    write_report(tmp_path / "report.html", _evaluation(folder), [wrong_shape])
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "the image and the ground truth differ in shape" in page
    assert "no image of this name was given" in page
    assert "data:image/png" not in page


def test_names_cannot_inject_markup(tmp_path: Path) -> None:
    name = "<img src=x onerror=alert(1)>.nii.gz"
    save_labels(tmp_path / "pred" / name, blobs())
    save_labels(tmp_path / "gt" / name, blobs())
    write_report(tmp_path / "report.html", _evaluation(tmp_path), [])
    assert "<img src=x" not in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_report_of_failures_only_can_be_written(tmp_path: Path) -> None:
    save_labels(tmp_path / "pred" / "a.nii.gz", blobs())
    save_labels(tmp_path / "gt" / "a.nii.gz", blobs((16, 14, 11)))
    write_report(tmp_path / "report.html", _evaluation(tmp_path, metrics=tuple(Metric)), [])
    assert _CaseTable((tmp_path / "report.html").read_text(encoding="utf-8")).column(1) == ["failed"]


_NAMES = [f"case_{number}.nii.gz" for number in range(6)]


@pytest.mark.parametrize(
    ("column", "clicks", "expected"),
    [
        (0, 1, _NAMES),
        (0, 2, _NAMES[::-1]),
        (1, 1, ["failed", "missing", "scored", "scored", "scored", "scored"]),
        (2, 1, ["0.0000", "0.2500", "0.5000", "0.7500", "1.0000", "–"]),
        (2, 2, ["1.0000", "0.7500", "0.5000", "0.2500", "0.0000", "–"]),  # what does not exist stays last
    ],
)
def test_a_browser_sorts_the_cases(
    folder: Path, page: str, tmp_path: Path, column: int, clicks: int, expected: list[str]
) -> None:
    with browser_page(tmp_path / "profile") as browser:
        browser.open(folder / "report.html")
        browser.value(f"document.querySelector('#cases th[data-column=\"{column}\"] button').focus()")
        browser.press(*["Enter"] * clicks)
        shown = browser.value("document.documentElement.outerHTML")
        console = browser.console
    table = _CaseTable(shown)
    assert table.column(column) == expected
    assert sorted(table.rows) == sorted(_CaseTable(page).rows)
    assert f'aria-sort="{"ascending" if clicks == 1 else "descending"}"' in shown
    assert console == []


def test_a_browser_draws_the_page(folder: Path, tmp_path: Path) -> None:
    with browser_page(tmp_path / "profile") as browser:
        browser.look(width=1200, height=900)
        browser.open(folder / "report.html")
        picture = browser.screenshot(tmp_path / "page.png")
        console = browser.console
    assert console == []
    assert len(picture) > 20_000


def test_values_that_the_protocol_does_not_score_are_said(tmp_path: Path) -> None:
    gt = save_labels(tmp_path / "gt" / "a.nii.gz", np.where(blobs() == 2, 13, blobs()).astype(np.uint8))
    pred = save_labels(tmp_path / "pred" / "a.nii.gz", blobs())
    evaluation = evaluate([CasePair("a", pred, gt)], EvaluationSettings(), warnings=["not used: b.nii.bz2"], jobs=1)
    write_report(tmp_path / "report.html", evaluation, [])
    page = (tmp_path / "report.html").read_text()
    assert "13 (48 voxels)" in page
    assert "not used: b.nii.bz2" in page
