"""Scans in memory are read as the files that they would be saved to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
from nibabel.arrayproxy import ArrayProxy

from flarecli.errors import InputError, UsageError
from flarecli.volume import in_memory, read_volume, write_labels
from flarecli.volume.in_memory import volume_of_array, volume_of_nibabel
from flarecli.volume.source import StoredScan
from tests.synthetic_ct import affine, ct_voxels, rotation

ORIENTATIONS = {
    "canonical": np.eye(3),
    "oblique": rotation((8, 3, 0)),
    "LPS": np.diag([-1.0, -1.0, 1.0]),
    "sagittal": np.array([[0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
}


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("dtype", [np.int16, np.float64, np.int32])
def test_like_the_file(tmp_path: Path, orientation: str, dtype: type) -> None:
    placed = affine(directions=ORIENTATIONS[orientation])
    voxels_xyz = ct_voxels().astype(dtype)
    image = nibabel.Nifti1Image(voxels_xyz, placed, dtype=dtype if dtype is not np.float64 else None)
    nibabel.save(image, tmp_path / "scan.nii.gz")
    of_file = read_volume(tmp_path / "scan.nii.gz")
    loaded = nibabel.load(tmp_path / "scan.nii.gz")
    for volume in (volume_of_array(voxels_xyz.T, placed), volume_of_nibabel(image), volume_of_nibabel(loaded)):
        assert np.array_equal(volume.voxels, of_file.voxels)
        assert np.allclose(volume.grid.affine_ras, of_file.grid.affine_ras, atol=1e-4)
        assert np.allclose(volume.grid.spacing_mm, of_file.grid.spacing_mm)
        labels = (volume.voxels > 40).astype(np.uint8)
        write_labels(tmp_path / "labels.nii.gz", labels, volume)
        written = nibabel.load(tmp_path / "labels.nii.gz")
        assert np.array_equal(np.asarray(written.dataobj), np.rint(voxels_xyz) > 40)
        assert np.allclose(written.affine, placed, atol=1e-4)


def test_stored_values_are_scaled_and_the_callers_array_stays(tmp_path: Path) -> None:
    voxels = ct_voxels()
    image = nibabel.Nifti1Image(((voxels + 10) // 2).astype(np.int16), affine())
    image.header.set_slope_inter(2.0, -10.0)  # written as it is, beside the stored values
    nibabel.save(image, tmp_path / "scaled.nii")
    scaled = volume_of_nibabel(nibabel.load(tmp_path / "scaled.nii"))
    assert np.abs(scaled.voxels.T - voxels).max() <= 1
    assert np.array_equal(scaled.voxels, read_volume(tmp_path / "scaled.nii").voxels)
    turned = affine(directions=np.diag([-1.0, -1.0, 1.0]))
    mine = voxels.T.copy()
    volume_of_array(mine, turned)
    assert np.array_equal(mine, voxels.T)
    mine = voxels.copy()
    volume_of_nibabel(nibabel.Nifti1Image(mine, turned))
    assert np.array_equal(mine, voxels)


class _ScaledByVolume(ArrayProxy):
    """As AFNI's: stored values are multiplied by a factor that slope and intercept do not say."""

    def _get_scaled(self, dtype: object, slicer: tuple) -> np.ndarray:
        return self._get_unscaled(slicer=slicer) * 2.0


class _WithoutUnscaled:
    """As those of MINC and ECAT: the scaled array, and nothing else."""

    is_proxy = True

    def __init__(self, values: np.ndarray) -> None:
        self._values, self.shape, self.ndim = values, values.shape, values.ndim

    def __array__(self, dtype: object = None) -> np.ndarray:
        return self._values.astype(np.float64)

    def __getitem__(self, index: tuple[int, ...]) -> np.ndarray:
        return np.asarray(self)[index]


class _WithSlopesOfSlices(_WithoutUnscaled):
    """As that of PAR/REC: unscaled values, and neither slope nor intercept."""

    def get_unscaled(self) -> np.ndarray:
        return (self._values * 3).astype(np.int16)


def test_scalings_of_other_formats(tmp_path: Path) -> None:
    voxels = ct_voxels()
    stored = (voxels // 2).astype("<i2")
    (tmp_path / "stored").write_bytes(stored.tobytes(order="F"))
    by_volume = _ScaledByVolume(str(tmp_path / "stored"), (stored.shape, stored.dtype, 0))
    for values, expected in (
        (by_volume, stored * 2),
        (_WithoutUnscaled(voxels), voxels),
        (_WithSlopesOfSlices(voxels), voxels),
    ):
        volume = volume_of_nibabel(nibabel.Nifti1Image(values, affine()))
        assert np.array_equal(volume.voxels, expected.T)


_DATA = Path(nibabel.__file__).parent / "tests" / "data"


@pytest.mark.parametrize("name", ["tiny.mnc", "small.mnc", "minc1_1_scale.mnc", "scaled+tlrc.HEAD"])
def test_files_of_nibabels_own_tests(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are no CT scans; what is compared are the values that the checks would see."""
    if not (_DATA / name).exists():
        pytest.skip("nibabel is installed without its test data")
    image = nibabel.load(_DATA / name)
    monkeypatch.setattr(in_memory, "check_shape", lambda shape, path: shape)
    monkeypatch.setattr(in_memory, "_volume", lambda scan, path: scan)
    scan = volume_of_nibabel(image)
    assert isinstance(scan, StoredScan)
    assert (scan.slope, scan.intercept) == (1.0, 0.0)
    assert np.array_equal(scan.stored_ijk, np.asarray(image.dataobj))


def test_files_that_are_gone_or_damaged(tmp_path: Path) -> None:
    for name in ("gone.nii", "short.nii.gz"):
        nibabel.save(nibabel.Nifti1Image(ct_voxels(), affine()), tmp_path / name)
    gone, short = (nibabel.load(tmp_path / name) for name in ("gone.nii", "short.nii.gz"))
    (tmp_path / "gone.nii").unlink()
    (tmp_path / "short.nii.gz").write_bytes((tmp_path / "short.nii.gz").read_bytes()[:500])
    for image in (gone, short):
        with pytest.raises(InputError, match="the voxels cannot be read"):
            volume_of_nibabel(image)


def test_what_is_no_scan() -> None:
    with pytest.raises(UsageError, match="not a 4x4 matrix"):
        volume_of_array(ct_voxels(), np.eye(3))
    with pytest.raises(UsageError, match="not a 4x4 matrix"):
        volume_of_array(ct_voxels(), np.full((4, 4), np.nan))
    with pytest.raises(InputError, match="array: is not a volume"):
        volume_of_array(ct_voxels()[0], affine())
    with pytest.raises(InputError, match="span too little"):
        volume_of_array(np.zeros((9, 9, 9), np.int16), affine())
    with pytest.raises(InputError, match="colours or complex"):
        volume_of_array(ct_voxels().astype(np.complex64), affine())


def _mirrored(image: nibabel.Nifti1Image) -> None:
    image.header.set_qform(image.affine @ np.diag([-1.0, 1.0, 1.0, 1.0]), code=1)


def _without_codes(image: nibabel.Nifti1Image) -> None:
    image.header.set_qform(image.affine, code=1)
    image.header["qform_code"] = image.header["sform_code"] = 0


def _of_other_sizes(image: nibabel.Nifti1Image) -> None:
    image.header["pixdim"][1:4] = (4.0, 4.5, 6.0)


def _without_sform(image: nibabel.Nifti1Image) -> None:
    image.header.set_qform(image.affine, code=1)
    for row in ("srow_x", "srow_y", "srow_z"):
        image.header[row] = 0


def _in_metres(image: nibabel.Nifti1Image) -> None:
    placed = image.affine.copy()
    placed[:3] /= 1000
    image.header.set_sform(placed, code=1)
    image.header.set_qform(placed, code=0)
    image.header.set_xyzt_units("meter")


def _in_microns_by_mistake(image: nibabel.Nifti1Image) -> None:
    image.header.set_xyzt_units("micron")


HEADERS = {
    "mirrored": (_mirrored, "LEFT AND RIGHT MAY BE EXCHANGED"),
    "no codes": (_without_codes, "does not state the orientation"),
    "other sizes": (_of_other_sizes, "contradicts its affine"),
    "no sform": (_without_sform, "its qform is used"),
    "metres": (_in_metres, "the header's unit is the meter; converted to mm"),
    "microns": (_in_microns_by_mistake, "the header's unit is the micron, which no body CT of its voxel size has"),
}


def _stored(path: Path, change: Callable[[nibabel.Nifti1Image], None], kind: type) -> nibabel.Nifti1Image:
    """An image with a header that nibabel does not write of itself, loaded."""
    image = kind(ct_voxels(), affine())
    change(image)
    header = image.header
    header.set_data_shape(image.shape)
    with path.open("wb") as file:
        header["vox_offset"] = int(header["sizeof_hdr"]) + 4
        header["magic"] = header.single_magic
        file.write(header.binaryblock + bytes(4) + np.asarray(image.dataobj).tobytes(order="F"))
    return nibabel.load(path)


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("name", HEADERS)
def test_positions_and_units_are_those_of_the_file(tmp_path: Path, name: str, kind: type) -> None:
    change, words = HEADERS[name]
    image = _stored(tmp_path / "scan.nii", change, kind)
    of_file, of_image = read_volume(tmp_path / "scan.nii"), volume_of_nibabel(image)
    assert any(words in warning for warning in of_file.warnings)
    assert of_image.warnings == of_file.warnings
    assert np.array_equal(of_image.voxels, of_file.voxels)
    assert np.allclose(of_image.grid.affine_ras, of_file.grid.affine_ras)
    assert of_image.grid.spacing_mm == of_file.grid.spacing_mm
    headers = [volume.source.nifti_header for volume in (of_image, of_file)]
    assert headers[0].binaryblock == headers[1].binaryblock
    write_labels(tmp_path / "labels.nii", np.ones(of_image.voxels.shape, np.uint8), of_image)
    assert nibabel.load(tmp_path / "labels.nii").shape == image.shape


def test_an_affine_that_was_given_counts_before_the_header(tmp_path: Path) -> None:
    image = _stored(tmp_path / "scan.nii", _mirrored, nibabel.Nifti1Image)
    placed = affine(origin_mm=(-10.0, -20.0, 70.0))
    volume = volume_of_nibabel(nibabel.Nifti1Image(np.asarray(image.dataobj), placed, image.header))
    assert np.allclose(volume.source.affine_ras, placed)
    assert not any("EXCHANGED" in warning for warning in volume.warnings)
    pair = nibabel.Nifti1Pair(np.asarray(image.dataobj), placed)
    write_labels(tmp_path / "labels.nii", np.ones(volume.voxels.shape, np.uint8), volume_of_nibabel(pair))
    assert np.allclose(nibabel.load(tmp_path / "labels.nii").affine, placed)
