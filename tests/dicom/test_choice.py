"""Duplicates are dropped, and acquisitions distinguished."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flarecli.dicom import find_series
from flarecli.dicom.collection.opening import catalogue_of
from flarecli.dicom.collection.series_reading import find_series_of
from flarecli.errors import InputError
from tests.dicom.series_writer import ORIGIN_LPS, SHAPE, STEP_MM, numbers, write_series
from tests.synthetic_ct import ct_voxels

pydicom = pytest.importorskip("pydicom", reason="needs the extra io: pip install 'flarecli[io]'")

_PHASES = ct_voxels((9, 11, 13)), ct_voxels((9, 11, 13), seed=1)


def _two_phases(folder: Path, change: Callable[[Any, int, int], None], slices: tuple[range, range]) -> None:
    for phase in (0, 1):
        write_series(
            folder,
            _PHASES[phase],
            slices=slices[phase],
            name=lambda k, phase=phase: f"P{phase}_{k:03d}.dcm",  # type: ignore[misc]
            each=lambda dataset, k, phase=phase: change(dataset, k, phase),  # type: ignore[misc]
        )


def _set(keyword: str, values: tuple[Any, Any]) -> Callable[[Any, int, int], None]:
    def change(dataset: Any, k: int, phase: int) -> None:
        dataset.SOPInstanceUID = f"1.2.{phase + 1}.{k + 1}"
        setattr(dataset, keyword, values[phase])

    return change


PHASES = {
    "Acquisition Number": (_set("AcquisitionNumber", (3, 4)), "Acquisition Number 3: 9 slices"),
    "Temporal Position": (_set("TemporalPositionIdentifier", (1, 2)), "Temporal Position Identifier 2: 9 slices"),
    "agent": (_set("ContrastBolusAgent", ("none", "Iohexol")), "Contrast/Bolus Agent Iohexol: 9 slices"),
    "KVP": (_set("KVP", ("80", "140")), "KVP 140: 9 slices"),
    "kernel": (_set("ConvolutionKernel", ("B30f", "B70f")), "Convolution Kernel B70f: 9 slices"),
    "time": (_set("AcquisitionTime", ("101010", "101112")), "acquisition 2: 9 slices"),
}


@pytest.mark.parametrize("name", list(PHASES))
def test_two_phases_under_one_series_are_refused_by_their_cause(tmp_path: Path, name: str) -> None:
    change, phrase = PHASES[name]
    _two_phases(tmp_path, change, (range(9), range(9)))
    with pytest.raises(InputError, match="several acquisitions or phases under one Series Instance UID") as caught:
        find_series(tmp_path)
    assert phrase in str(caught.value.seen)
    assert "--series" in caught.value.remedy


def test_two_phases_told_apart_by_instance_numbers_alone(tmp_path: Path) -> None:
    def change(dataset: Any, k: int, phase: int) -> None:
        dataset.InstanceNumber = k + 1 + 9 * phase
        dataset.SOPInstanceUID = f"1.2.{phase + 1}.{k + 1}"

    _two_phases(tmp_path, change, (range(9), range(9)))
    with pytest.raises(InputError, match="several acquisitions") as caught:
        find_series(tmp_path)
    assert "instances 1 to 9: 9 slices" in str(caught.value.seen)
    assert "instances 10 to 18: 9 slices" in str(caught.value.seen)


def test_the_only_whole_acquisition_is_taken_with_a_word(tmp_path: Path) -> None:
    def change(dataset: Any, k: int, phase: int) -> None:
        dataset.AcquisitionNumber = 7 - phase
        dataset.SOPInstanceUID = f"1.2.{phase + 1}.{k + 1}"
        if phase == 1:  # bolus tracking: one place
            dataset.ImagePositionPatient = numbers((-10, -20, 100 + STEP_MM * 4))

    _two_phases(tmp_path, change, (range(9), range(3)))
    series = find_series(tmp_path)
    np.testing.assert_array_equal(series.read()[0], np.maximum(_PHASES[0], -1024))
    (warning,) = series.warnings
    assert "Acquisition Number 7 with 9 slices was used, 3 slices of other acquisitions were left out" in warning


def test_a_phase_with_a_gap_is_not_left_out_for_a_whole_one(tmp_path: Path) -> None:
    write_series(tmp_path, _PHASES[0], name=lambda k: f"P0_{k}.dcm")
    write_series(
        tmp_path,
        _PHASES[1],
        slices=[0, 1, 2, 3, 5, 6, 7, 8],
        name=lambda k: f"P1_{k}.dcm",
        each=lambda dataset, k: setattr(dataset, "AcquisitionNumber", 2),
    )
    with pytest.raises(InputError, match="several acquisitions or phases") as caught:
        find_series(tmp_path)
    assert "Acquisition Number 2: 8 slices (P1_0.dcm to P1_8.dcm in order of position; slices are missing)" in str(
        caught.value.seen
    )


@pytest.mark.parametrize("missing", [2, 4, 6])
def test_a_slice_missing_from_a_scan_of_two_acquisitions_is_missing(tmp_path: Path, missing: int) -> None:
    write_series(
        tmp_path,
        slices=[k for k in range(9) if k != missing],
        each=lambda dataset, k: setattr(dataset, "AcquisitionNumber", int(k > 4)),
    )
    with pytest.raises(InputError, match="slices are missing"):
        find_series(tmp_path)


def test_acquisition_numbers_that_change_along_one_scan_do_not_divide_it(tmp_path: Path) -> None:
    expected = write_series(tmp_path, each=lambda dataset, k: setattr(dataset, "AcquisitionNumber", k // 3))
    series = find_series(tmp_path)
    assert series.warnings == ()
    np.testing.assert_array_equal(series.read()[0], expected)


def test_bolus_tracking_as_a_series_of_its_own_is_left_out(tmp_path: Path) -> None:
    write_series(tmp_path)
    write_series(
        tmp_path,
        uid="1.2.3.5",
        name=lambda k: f"B{k}.dcm",
        slices=range(4),
        each=lambda dataset, k: setattr(dataset, "ImagePositionPatient", ["-10", "-20", "110"]),
    )
    assert "4 × slice of another series" in find_series(tmp_path).warnings[0]


@pytest.mark.parametrize("tag", ["AcquisitionNumber", "ContrastBolusAgent", "ConvolutionKernel"])
def test_phases_whose_slices_lie_between_each_other_are_told_apart(tmp_path: Path, tag: str) -> None:
    voxels = {}
    for index, value in enumerate(("1", "2")):

        def each(dataset: Any, k: int, index: int = index, value: str = value) -> None:
            dataset.SOPInstanceUID = f"1.2.9.{index}.{k}"
            setattr(dataset, tag, value)
            dataset.ImagePositionPatient = numbers(np.add(ORIGIN_LPS, (0, 0, k * STEP_MM + index * STEP_MM / 2)))

        shown = ct_voxels(SHAPE, index)
        voxels[index] = write_series(tmp_path, shown, name=lambda k, index=index: f"{index}_{k}", each=each)  # type: ignore[misc]

    with pytest.raises(InputError, match="several acquisitions or phases"):
        find_series(tmp_path)
    found = catalogue_of(tmp_path).scans
    assert len(found) == 2
    for entry, expected in zip(found, voxels.values(), strict=True):
        np.testing.assert_array_equal(find_series_of(entry.files).read()[0], expected)


def test_slices_of_several_detector_rows_are_one_scan(tmp_path: Path) -> None:
    write_series(tmp_path, each=lambda dataset, k: setattr(dataset, "AcquisitionNumber", 1 + k // 3))

    assert len(find_series(tmp_path).stack.slices) == 9


def test_several_ct_series_are_refused_and_listed(tmp_path: Path) -> None:
    def arterial(dataset: Any, k: int) -> None:
        dataset.SeriesDescription, dataset.SeriesNumber = "Arterial\x1b[31m", 3

    write_series(tmp_path)
    write_series(
        tmp_path,
        uid="1.2.3.5",
        name=lambda k: f"B{k}.dcm",
        slices=range(5),
        each=arterial,
    )
    with pytest.raises(InputError, match="several CT series") as caught:
        find_series(tmp_path)
    assert "'Abdomen' (9 slices, series 2, 5 mm thick, no contrast agent named)" in str(caught.value.seen)
    assert "'Arterial [31m' (5 slices, series 3, 5 mm thick, no contrast agent named)" in str(caught.value.seen)
    assert "--series" in caught.value.remedy


@pytest.mark.parametrize("new_uids", [False, True], ids=["same instances", "new instance UIDs"])
def test_copies_are_dropped_with_a_word(tmp_path: Path, new_uids: bool) -> None:
    expected = write_series(tmp_path)
    write_series(
        tmp_path,
        name=lambda k: f"copy of {k}.dcm",
        slices=range(3, 6),
        each=lambda dataset, k: setattr(dataset, "SOPInstanceUID", f"1.2.9.{k}") if new_uids else None,
    )
    series = find_series(tmp_path)
    np.testing.assert_array_equal(series.read()[0], expected)
    (warning,) = series.warnings
    assert "3 duplicate slices were" in warning


def test_a_copy_in_another_transfer_syntax_is_dropped(tmp_path: Path) -> None:
    uids = pytest.importorskip("pydicom.uid")
    write_series(tmp_path)
    write_series(tmp_path, name=lambda k: f"rle{k}.dcm", slices=[2], compress=uids.RLELossless)
    assert "1 duplicate slice was" in find_series(tmp_path).warnings[0]


def test_one_instance_uid_at_all_positions_drops_no_slice(tmp_path: Path) -> None:
    expected = write_series(tmp_path, each=lambda dataset, k: setattr(dataset, "SOPInstanceUID", "1.2.3"))
    np.testing.assert_array_equal(find_series(tmp_path).read()[0], expected)


def test_cardiac_phases_are_named_by_their_numbers(tmp_path: Path) -> None:
    def at(percent: float) -> Any:
        return lambda dataset, k: setattr(dataset, "NominalPercentageOfCardiacPhase", percent)

    voxels = write_series(tmp_path, each=at(37.5))
    write_series(tmp_path, voxels + 7, each=at(75.0), name=lambda k: f"late{k}.dcm")
    with pytest.raises(InputError, match="Nominal Percentage of Cardiac Phase") as caught:
        find_series(tmp_path)
    for percent in ("37.5", "75"):
        assert f"Nominal Percentage of Cardiac Phase {percent}: 9 slices" in str(caught.value.seen)
