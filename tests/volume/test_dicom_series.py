"""A folder of DICOM slices is one scan, or is refused with the series or the gap named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest

from flarecli.errors import InputError
from flarecli.volume import read_volume, write_labels
from tests.synthetic_ct import ct_voxels

SimpleITK = pytest.importorskip("SimpleITK", reason="needs the extra io: pip install 'flarecli[io]'")

STEP_MM = 5.0
Position = Callable[[int], tuple[float, float, float]]


def _straight(k: int) -> tuple[float, float, float]:
    return -10.0, -20.0, 100.0 + STEP_MM * k


def _write_series(
    folder: Path,
    *,
    uid: str = "1.2.3.4",
    modality: str = "CT",
    description: str = "Abdomen 5.0 B30f",
    image_type: str = "ORIGINAL\\PRIMARY\\AXIAL",
    position: Position = _straight,
    slices: range = range(9),
) -> np.ndarray:
    """Write slices as axial CT, feet first in file order reversed, so that sorting by position is needed."""
    voxels_zyx = ct_voxels((9, 11, 13))
    writer = SimpleITK.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for k in slices:
        image = SimpleITK.GetImageFromArray(voxels_zyx[k])
        image.SetSpacing((4.0, 4.5))
        tags = {
            "0008|0008": image_type,
            "0008|0060": modality,
            "0008|103e": description,
            "0008|0018": f"{uid}.{k + 1}",
            "0020|000d": "1.2.3",
            "0020|000e": uid,
            "0020|0032": "\\".join(f"{value:.4f}" for value in position(k)),
            "0020|0037": "1\\0\\0\\0\\1\\0",
            "0028|1052": "-1024",
            "0028|1053": "1",
        }
        for tag, value in tags.items():
            image.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{uid}_{100 - k}.dcm"))
        writer.Execute(image)
    return voxels_zyx


def _refused(folder: Path, problem: str) -> InputError:
    with pytest.raises(InputError, match=problem) as caught:
        read_volume(folder)
    assert caught.value.path == folder
    return caught.value


def test_a_series_is_read_as_hu_in_canonical_order(tmp_path: Path) -> None:
    voxels_lps = _write_series(tmp_path)
    volume = read_volume(tmp_path)
    np.testing.assert_array_equal(volume.voxels, voxels_lps[:, ::-1, ::-1])
    assert volume.grid.spacing_mm == (5.0, 4.5, 4.0)
    np.testing.assert_allclose(volume.source.affine_ras[:3, 3], (10, 20, 100))
    assert volume.warnings == ()


def test_labels_of_a_series_lie_on_it(tmp_path: Path) -> None:
    (tmp_path / "series").mkdir()
    voxels_lps = _write_series(tmp_path / "series")
    volume = read_volume(tmp_path / "series")
    write_labels(tmp_path / "labels.nii.gz", (volume.voxels % 5).astype(np.uint8), volume)
    labels = nibabel.load(tmp_path / "labels.nii.gz")
    assert nibabel.aff2axcodes(labels.affine) == ("L", "P", "S")
    np.testing.assert_allclose(labels.affine[:3, 3], (10, 20, 100))
    np.testing.assert_array_equal(np.asarray(labels.dataobj), voxels_lps.T % 5)


def test_the_only_ct_scan_is_taken_and_the_rest_named(tmp_path: Path) -> None:
    _write_series(tmp_path)
    _write_series(
        tmp_path,
        uid="1.2.3.5",
        description="Topogram",
        image_type="ORIGINAL\\PRIMARY\\LOCALIZER",
        slices=range(2),
    )
    _write_series(tmp_path, uid="1.2.3.6", modality="SR", description="Dose", slices=range(1))
    (warning,) = read_volume(tmp_path).warnings
    assert "Abdomen" in warning
    assert "'Topogram' (CT, 2 slices)" in warning
    assert "Dose" in warning


def test_several_ct_series_are_refused_and_listed(tmp_path: Path) -> None:
    _write_series(tmp_path)
    _write_series(tmp_path, uid="1.2.3.5", description="Arterial", slices=range(5))
    error = _refused(tmp_path, "several CT series")
    assert "'Abdomen 5.0 B30f' (CT, 9 slices)" in str(error.seen)
    assert "'Arterial' (CT, 5 slices)" in str(error.seen)


def test_another_modality_is_refused(tmp_path: Path) -> None:
    _write_series(tmp_path, modality="MR")
    assert "MR, 9 slices" in str(_refused(tmp_path, "no CT scan").seen)


def test_a_folder_without_slices_is_refused_in_silence(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").write_text("nothing here")
    _refused(tmp_path, "no DICOM slices")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("missing", [1, 4, 7])
def test_a_missing_slice_is_refused_with_its_place(tmp_path: Path, missing: int) -> None:
    _write_series(tmp_path)
    (tmp_path / f"1.2.3.4_{100 - missing}.dcm").unlink()
    error = _refused(tmp_path, "missing, doubled or shifted")
    assert error.seen == f"10.00 mm between slices {missing} and {missing + 1}, 1 such steps"
    assert error.expected == "5.00 mm between all slices"


def test_doubled_slices_are_refused(tmp_path: Path) -> None:
    _write_series(tmp_path, position=lambda k: _straight(k // 2))
    _refused(tmp_path, "missing, doubled or shifted")


def test_rounded_positions_pass(tmp_path: Path) -> None:
    _write_series(tmp_path, position=lambda k: (-10.0, -20.0, round(100 + 5.0 * k + 0.01 * (k % 2), 2)))
    np.testing.assert_allclose(read_volume(tmp_path).grid.spacing_mm[0], 5.0, atol=0.01)


def test_a_tilted_gantry_is_refused(tmp_path: Path) -> None:
    _write_series(tmp_path, position=lambda k: (-10.0, -20.0 + 1.5 * k, 100.0 + STEP_MM * k))
    assert "dcm2niix" in _refused(tmp_path, "sheared: axes j and k").remedy


def test_a_single_dicom_file_is_refused_with_a_hint(tmp_path: Path) -> None:
    _write_series(tmp_path)
    _refused(tmp_path / "1.2.3.4_100.dcm", "single DICOM file")
