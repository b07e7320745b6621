"""Checks of pairs: each fault is found, and all of them at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flarecli.datasets.checks import PairReport, check_pair
from flarecli.datasets.findings import Finding, Severity
from flarecli.datasets.organ_values import FLARE_VALUES
from flarecli.datasets.pairs import LabelledPair
from tests.datasets.labelled_files import AFFINE_RAS, organ_blobs, save, scan_values


def report_on(
    folder: Path,
    *,
    scan: np.ndarray | None = None,
    labels: np.ndarray | None = None,
    scan_affine: np.ndarray = AFFINE_RAS,
    labels_affine: np.ndarray = AFFINE_RAS,
    ignore_geometry: bool = False,
) -> PairReport:
    scan_path = save(folder / "scan.nii.gz", scan_values() if scan is None else scan, scan_affine)
    labels_path = save(folder / "labels.nii.gz", organ_blobs() if labels is None else labels, labels_affine)
    return check_pair(LabelledPair("case", scan_path, labels_path), FLARE_VALUES, ignore_geometry=ignore_geometry)


def subjects(report: PairReport) -> list[str]:
    return [finding.subject for finding in report.faults]


def test_a_sound_pair_is_measured(tmp_path: Path) -> None:
    report = report_on(tmp_path)
    assert report.findings == ()
    assert report.figures is not None
    assert report.figures["shape_zyx"] == [16, 20, 18]
    assert report.figures["spacing_mm"] == [8, 10, 10]
    assert report.figures["organ_region_mm"] == [6 * 8, 5 * 10, 8 * 10]
    liver = report.figures["organs"]["liver"]
    assert liver["volume_ml"] == pytest.approx(4 * 5 * 5 * 0.8)
    assert report.hu_counts is not None
    assert report.hu_counts[1].sum() == 100
    inside = scan_values()[organ_blobs() == 1]
    assert liver["hu"]["mean"] == pytest.approx(inside.mean(), abs=0.006)


def test_another_orientation_of_the_labels_is_the_same_place(tmp_path: Path) -> None:
    flipped_affine = AFFINE_RAS.copy()
    flipped_affine[:3, 0] *= -1
    flipped_affine[:3, 3] += AFFINE_RAS[:3, 0] * (organ_blobs().shape[0] - 1)
    turned = report_on(tmp_path, labels=organ_blobs()[::-1].copy(), labels_affine=flipped_affine)
    assert turned.findings == ()
    assert turned.figures == report_on(tmp_path).figures


def test_labels_elsewhere_in_the_world(tmp_path: Path) -> None:
    shifted = AFFINE_RAS.copy()
    shifted[2, 3] += 0.2
    report = report_on(tmp_path, labels_affine=shifted)
    assert subjects(report) == ["geometry"]
    assert report.faults[0].seen == "the same voxel up to 0.2 mm apart"
    assert report_on(tmp_path, labels_affine=shifted, ignore_geometry=True).findings == ()
    shifted[2, 3] -= 0.15
    assert report_on(tmp_path, labels_affine=shifted).findings == ()


def test_another_shape(tmp_path: Path) -> None:
    report = report_on(tmp_path, labels=organ_blobs()[:-1], ignore_geometry=True)
    assert subjects(report) == ["geometry"]
    assert "(16, 20, 17)" in str(report.faults[0].seen)


def test_unknown_values(tmp_path: Path) -> None:
    labels = organ_blobs()
    labels[0, 0, 0], labels[1, 1, 1] = 13, 7
    report = report_on(tmp_path, labels=labels)
    assert subjects(report) == ["labels"]
    assert report.faults[0].seen == "7, 13"


def test_floats_are_labels_only_where_they_are_whole(tmp_path: Path) -> None:
    labels = organ_blobs().astype(np.float32)
    assert report_on(tmp_path, labels=labels).findings == ()
    labels[labels == 4] = 3.5
    report = report_on(tmp_path, labels=labels)
    assert subjects(report) == ["labels"]
    assert report.faults[0].seen == "4 voxels"


def test_an_empty_organ_is_a_warning_and_an_empty_map_a_fault(tmp_path: Path) -> None:
    labels = organ_blobs()
    labels[labels == 4] = 0
    report = report_on(tmp_path, labels=labels)
    assert report.faults == ()
    assert [finding.problem for finding in report.findings] == ["pancreas: none in the label map"]
    assert subjects(report_on(tmp_path, labels=np.zeros_like(labels))) == ["organs"]


def test_hardly_any_of_an_organ(tmp_path: Path) -> None:
    labels = organ_blobs()
    labels[labels == 3] = 0
    labels[6, 12, 9] = 3
    assert report_on(tmp_path, labels=labels).findings[0].problem == "spleen: hardly any, 0.8 ml"


def test_labels_of_another_scan(tmp_path: Path) -> None:
    labels = np.zeros_like(organ_blobs())
    labels[0:4, 0:4, 0:4] = 1
    problems = [finding.problem for finding in report_on(tmp_path, labels=labels).findings]
    assert any(problem.startswith("liver: 100% of it lie outside -75 to 350 HU") for problem in problems)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda scan: scan + np.int16(1024), "offset"),
        (lambda scan: np.clip((scan + 200) / 2, 0, 255).astype(np.uint8), "8-bit"),
        (lambda scan: (scan / 1000).astype(np.float32), "span too little"),
        (lambda scan: np.where(scan > 800, np.nan, scan).astype(np.float32), "not numbers"),
    ],
)
def test_values_that_are_no_hu(tmp_path: Path, change, problem: str) -> None:
    report = report_on(tmp_path, scan=change(scan_values()))
    assert subjects(report) == ["scan"]
    assert problem in report.faults[0].problem


def test_metres_instead_of_millimetres(tmp_path: Path) -> None:
    metres = AFFINE_RAS / 1000
    metres[3, 3] = 1
    report = report_on(tmp_path, scan_affine=metres)
    assert [finding.problem for finding in report.faults] == ["the voxel size cannot be that of a body CT"]


def test_faults_of_both_files_are_reported_together(tmp_path: Path) -> None:
    labels = organ_blobs()
    labels[0, 0, 0] = 9
    scan_path = save(tmp_path / "scan.nii.gz", scan_values())
    labels_path = save(tmp_path / "labels.nii.gz", labels + np.float32(0.25) * (labels == 2))
    content = scan_path.read_bytes()
    scan_path.write_bytes(content[: len(content) // 2])
    report = check_pair(LabelledPair("case", scan_path, labels_path), FLARE_VALUES)
    assert subjects(report) == ["scan", "labels", "labels"]
    assert "end too early" in report.faults[0].problem


@pytest.mark.parametrize(("scan", "labels"), [(None, "labels"), ("scan", None)])
def test_a_missing_partner(tmp_path: Path, scan: str | None, labels: str | None) -> None:
    pair = LabelledPair("case", scan and tmp_path / scan, labels and tmp_path / labels)
    assert subjects(check_pair(pair, FLARE_VALUES)) == ["files"]


def test_a_file_that_is_named_and_not_there(tmp_path: Path) -> None:
    report = check_pair(LabelledPair("case", tmp_path / "a.nii.gz", tmp_path / "b.nii.gz"), FLARE_VALUES)
    assert [finding.problem for finding in report.faults] == ["does not exist", "does not exist"]


def test_findings_survive_json() -> None:
    finding = Finding(Severity.FAULT, "scan", "is broken", "a.nii.gz", "x", "y", "Mend it.")
    assert Finding.from_dict(finding.as_dict()) == finding
    assert finding.sentence == "is broken; seen: x; expected: y"


def test_labels_of_another_shape_are_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unpacked(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr("flarecli.metrics.label_map.read_image", unpacked)
    report = report_on(tmp_path, labels=organ_blobs()[:-1])
    assert subjects(report) == ["geometry"]


def test_values_almost_whole_are_no_fault(tmp_path: Path) -> None:
    values = organ_blobs().astype(np.float32)
    values[values == 3] = np.float32(2.9999998)
    report = report_on(tmp_path, labels=values)
    assert report.findings == ()
    assert report.figures == report_on(tmp_path).figures
