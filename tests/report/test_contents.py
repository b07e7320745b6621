"""Order, outliers, plots, pictures and table of a report."""

from __future__ import annotations

import base64
import csv
import io
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from flarecli.pages.ticks import round_ticks
from flarecli.report.cases import ReportCase, Status
from flarecli.report.comparison import with_far_values
from flarecli.report.distributions import Figure, distribution_plot
from flarecli.report.folder import results_in
from flarecli.report.page import by_doubt
from flarecli.report.pictures import pictures_of
from flarecli.report.summary import judgements, organ_summaries, warning_kinds
from flarecli.report.table import COLUMNS, write_table
from tests.report.results import judged, make_record, measured, save_labels, save_result


def case_of(folder: Path, name: str, **changes: object) -> ReportCase:
    save_result(folder / name, make_record(name, **changes))
    (case,) = results_in(folder / name).cases
    return case


def test_the_most_doubtful_come_first(tmp_path: Path) -> None:
    good, warned = case_of(tmp_path, "good"), case_of(tmp_path, "warned", warnings=["thick slices"])
    save_result(tmp_path / "check", judged(make_record("check"), "liver", "check", "odd"))
    save_result(tmp_path / "failed", judged(make_record("failed"), "liver", "failed", "odd"))
    save_result(tmp_path / "large", measured(make_record("large"), "liver", volume_ml=9000.0))
    check, failed, large = (results_in(tmp_path / name).cases[0] for name in ("check", "failed", "large"))
    missing = ReportCase("missing", Status.MISSING)
    ordered = by_doubt([good, warned, large, check, failed, missing])
    assert [case.name for case in ordered] == ["missing", "failed", "check", "large", "warned", "good"]


def test_a_value_far_from_the_others_is_marked(tmp_path: Path) -> None:
    one = case_of(tmp_path, "one")
    volumes = [*np.linspace(1400, 1600, 14).tolist(), 3000.0]
    cases = [replace(one, organs=(replace(one.organs[0], volume_ml=value), *one.organs[1:])) for value in volumes]
    marked = with_far_values([*cases, ReportCase("missing", Status.MISSING)])
    assert [bool(case.outliers) for case in marked] == [False] * 14 + [True, False]
    assert "half of the cases lie within" in marked[14].outliers[0]
    assert with_far_values(cases[9:]) == cases[9:]  # too few to say what is far


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-17.3, 130), (30, 3145), (5, 5), (0, 1e9)])
def test_ticks_are_round_and_hold_all_values(low: float, high: float) -> None:
    ticks = round_ticks(low, high)
    assert ticks[0] <= low
    assert ticks[-1] >= high
    assert 2 <= len(ticks) <= 8


def test_a_plot_shows_every_outlier_with_its_name() -> None:
    values = np.array([100.0, 110.0, 120.0, np.nan, 900.0])
    figure = Figure("liver", "mL", values, np.array([False, False, False, False, True]), (80.0, 200.0))
    svg = ElementTree.fromstring(distribution_plot(figure, ["a", "b", "c", "d", "<e>"], (1, 2, 3)))
    bars = svg.findall("rect[@fill]")
    assert sum(int((bar.findtext("title") or "").split(": ")[1]) for bar in bars) == 4
    assert [path.findtext("title") for path in svg.findall("path")] == ["<e>: 900 mL"]
    assert "4 cases from 100 to 900" in svg.attrib["aria-label"]
    reference = svg.find("rect[@class='reference']")
    assert reference is not None
    assert float(reference.attrib["width"]) > 20


def test_a_plot_of_nothing_can_be_drawn() -> None:
    figure = Figure("liver", "mL", np.full(2, np.nan), np.zeros(2, np.bool_), (80.0, 200.0))
    assert "no values" in distribution_plot(figure, ["a", "b"], (1, 2, 3))


def opened(picture: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(picture)))


def test_pictures_are_the_preview_or_the_label_map_or_missing(tmp_path: Path) -> None:
    case = case_of(tmp_path, "a")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    (tmp_path / "broken.nii.gz").write_bytes(b"broken")
    whole, bare, broken, gone, missing = pictures_of(
        [
            case,
            replace(case, preview=None),
            replace(case, preview=tmp_path / "broken.png"),
            replace(case, preview=None, labels=tmp_path / "broken.nii.gz"),
            ReportCase("b", Status.MISSING),
        ]
    )
    assert opened(whole.thumbnail).size[0] == 480
    assert opened(whole.large).size == (1600, 600)
    assert bare.note == "no preview was made: the label map from the front"
    red, green, _ = np.asarray(opened(bare.thumbnail).convert("RGB"), float).reshape(-1, 3).max(axis=0)
    assert red > green > 60
    assert broken.note == "the preview cannot be read: the label map from the front"
    assert (gone.thumbnail, gone.note) == ("", "no preview was made; the label map cannot be read")
    assert (missing.thumbnail, missing.note) == ("", "no result")


def test_a_changed_label_map_is_drawn_itself_and_not_shown_by_its_old_preview(tmp_path: Path) -> None:
    save_result(tmp_path, make_record("a"))
    labels = np.zeros((12, 10, 8), np.uint8)
    labels[2:10, 2:8, 2:6] = 3
    save_labels(tmp_path / "a.nii.gz", labels)
    (case,) = results_in(tmp_path).cases
    (pictures,) = pictures_of([case])
    assert pictures.note == "changed since its record: the label map from the front"
    assert opened(pictures.thumbnail).size != (480, 300)
    assert pictures.large == ""
    write_table(tmp_path / "table.csv", [case])
    with (tmp_path / "table.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["status"], row["verdict"], row["liver_volume_ml"], row["preview"]) == ("changed", "", "", "")
    assert row["problem"].startswith("the label map was changed since its record")
    assert row["labels"] == str(tmp_path / "a.nii.gz")
    assert judgements([case]) == {"changed": 1}


def test_many_cases_have_thumbnails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flarecli.report.pictures._LARGE_CASES", 2)
    case = case_of(tmp_path, "a")
    assert [bool(pictures.large) for pictures in pictures_of([case] * 3)] == [False] * 3
    assert [bool(pictures.large) for pictures in pictures_of([case] * 2)] == [True] * 2


def test_the_table_holds_every_case_and_no_formula(tmp_path: Path) -> None:
    cases = [case_of(tmp_path, "a", warnings=["=1+1", "second"]), ReportCase("=b", Status.MISSING, "no result")]
    write_table(tmp_path / "table.csv", cases)
    with (tmp_path / "table.csv").open(encoding="utf-8", newline="") as file:
        first, second = csv.DictReader(file)
    assert tuple(first) == COLUMNS
    assert (first["case"], first["status"], first["verdict"]) == ("a", "done", "good")
    assert (first["liver_volume_ml"], first["spleen_mean_hu"], first["seconds"]) == ("1500.0", "110.0", "4.0")
    kidneys = "right_kidney_volume_ml", "left_kidney_mean_hu", "right_kidney_fused"
    assert tuple(first[name] for name in kidneys) == ("150.0", "150.0", "False")
    assert tuple(second[name] for name in kidneys) == ("", "", "")
    assert first["warnings"] == "'=1+1; second"
    assert (second["case"], second["status"], second["problem"]) == ("'=b", "missing", "no result")
    assert second["liver_volume_ml"] == ""


def test_the_summary_counts(tmp_path: Path) -> None:
    cases = [
        case_of(tmp_path, "a", warnings=["slices of 7.5 mm"]),
        case_of(tmp_path, "b", warnings=["slices of 9 mm"]),
        ReportCase("c", Status.MISSING),
    ]
    assert judgements(cases) == {"missing": 1, "good": 2}
    assert warning_kinds(cases) == {"slices of … mm": 2}
    liver = organ_summaries(cases)[0]
    assert (liver.verdicts["good"], liver.absent, liver.volume_ml) == (2, 0, (1500.0, 1500.0, 1500.0))
    assert organ_summaries([cases[2]])[0].volume_ml is None
