"""Label maps are read with their casting rules, brought into one orientation, or refused."""

from __future__ import annotations

from itertools import permutations, product
from pathlib import Path

import nibabel
import numpy as np
import pytest

from flarecli.errors import InputError
from flarecli.metrics.label_map import Fractions, read_label_map, read_label_map_literally
from tests.metrics.label_files import AFFINE_RAS, blobs, save_labels, save_reoriented


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_every_orientation_reads_alike(tmp_path: Path, order: tuple[int, int, int]) -> None:
    for signs in product((1, -1), repeat=3):
        axes = [[axis, sign] for axis, sign in zip(order, signs, strict=True)]
        path = save_reoriented(tmp_path / "a.nii.gz", blobs(), axes)
        label_map = read_label_map(path, fractions=Fractions.UNLABELLED)
        np.testing.assert_array_equal(label_map.labels, blobs().T)
        assert label_map.labels.flags.c_contiguous
        np.testing.assert_allclose(label_map.affine_ras, AFFINE_RAS, atol=1e-5)
        assert label_map.spacing_mm == pytest.approx((2.5, 0.9, 0.8), rel=1e-6)
        assert label_map.warnings == ()


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.uint16, np.int64])
def test_whole_numbers_keep_their_type(tmp_path: Path, dtype: type) -> None:
    image = nibabel.Nifti1Image(blobs().astype(dtype), AFFINE_RAS, dtype=dtype)
    nibabel.save(image, tmp_path / "a.nii")
    labels = read_label_map(tmp_path / "a.nii", fractions=Fractions.UNLABELLED).labels
    assert labels.dtype == dtype
    np.testing.assert_array_equal(labels, blobs().T)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floating_point_labels_that_are_whole_numbers_count_silently(tmp_path: Path, dtype: type) -> None:
    path = save_labels(tmp_path / "a.nii", blobs().astype(dtype))
    label_map = read_label_map(path, fractions=Fractions.UNLABELLED)
    np.testing.assert_array_equal(label_map.labels, blobs().T)
    assert label_map.warnings == ()


@pytest.mark.parametrize("read", [read_label_map, read_label_map_literally])
def test_fractions_count_by_their_rule(tmp_path: Path, read: object) -> None:
    values = blobs().astype(np.float32)
    values[values == 2] += 0.4
    path = save_labels(tmp_path / "a.nii", values)
    truncated = read(path, fractions=Fractions.TRUNCATED)  # type: ignore[operator]
    np.testing.assert_array_equal(truncated.labels, blobs().T)
    unlabelled = read(path, fractions=Fractions.UNLABELLED)  # type: ignore[operator]
    np.testing.assert_array_equal(unlabelled.labels, np.where(blobs() == 2, 0, blobs()).T)
    if read is read_label_map:
        count = int((blobs() == 2).sum())
        assert truncated.warnings == (
            f"values between labels in {count} voxels, each counted as the whole number below",
        )
        assert unlabelled.warnings[0].endswith("counted as no label")


def test_scaled_files_count_by_their_real_values(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(blobs(), AFFINE_RAS)
    image.header.set_slope_inter(2, 0)
    nibabel.save(image, tmp_path / "a.nii")
    stored = np.asarray(nibabel.load(tmp_path / "a.nii").dataobj)
    labels = read_label_map(tmp_path / "a.nii", fractions=Fractions.UNLABELLED).labels
    np.testing.assert_array_equal(labels, stored.T)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(-1, np.int16), (-1.5, np.float32), (np.nan, np.float32), (np.inf, np.float64), (70000, np.int32)],
)
def test_refuses_values_that_cannot_be_labels(tmp_path: Path, value: float, dtype: type) -> None:
    values = blobs().astype(dtype)
    values[3, 3, 3] = value
    path = save_labels(tmp_path / "a.nii", values)
    with pytest.raises(InputError, match=r"cannot be labels.*from 0 to 65535"):
        read_label_map(path, fractions=Fractions.TRUNCATED)


def test_literally_reads_negative_labels_like_the_script(tmp_path: Path) -> None:
    values = blobs().astype(np.int16)
    values[0, 0, 0] = -1
    path = save_labels(tmp_path / "a.nii", values)
    assert read_label_map_literally(path, fractions=Fractions.TRUNCATED).labels[0, 0, 0] == 255
    assert read_label_map_literally(path, fractions=Fractions.UNLABELLED).labels[0, 0, 0] == -1


def test_literally_leaves_the_stored_order(tmp_path: Path) -> None:
    path = save_reoriented(tmp_path / "a.nii", blobs(), [[0, -1], [1, 1], [2, -1]])
    labels = read_label_map_literally(path, fractions=Fractions.TRUNCATED).labels
    np.testing.assert_array_equal(labels, blobs().T[::-1, :, ::-1])


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 4, 2), (4, 4, 4, 1, 2)])
@pytest.mark.parametrize("read", [read_label_map, read_label_map_literally])
def test_refuses_other_than_three_dimensions(tmp_path: Path, read: object, shape: tuple[int, ...]) -> None:
    image = nibabel.Nifti1Image(np.zeros(shape, np.uint8), AFFINE_RAS)
    image.header["dim"][0] = len(shape)
    nibabel.save(image, tmp_path / "a.nii")
    with pytest.raises(InputError, match=r"not a label map of one volume.*expected: 3 dimensions"):
        read(tmp_path / "a.nii", fractions=Fractions.TRUNCATED)  # type: ignore[operator]


@pytest.mark.parametrize("read", [read_label_map, read_label_map_literally])
def test_further_axes_of_one_voxel_are_dropped(tmp_path: Path, read: object) -> None:
    image = nibabel.Nifti1Image(blobs()[..., None], AFFINE_RAS)
    image.header["dim"][0] = 4
    nibabel.save(image, tmp_path / "a.nii")
    label_map = read(tmp_path / "a.nii", fractions=Fractions.TRUNCATED)  # type: ignore[operator]
    np.testing.assert_array_equal(label_map.labels, blobs().T)


@pytest.mark.parametrize("fractions", list(Fractions))
@pytest.mark.parametrize("offset", [-2e-7, 2e-7, -9e-4, 9e-4])
def test_values_next_to_a_whole_number_are_that_number(tmp_path: Path, offset: float, fractions: Fractions) -> None:
    path = save_labels(tmp_path / "a.nii", blobs().astype(np.float64) + offset)
    label_map = read_label_map(path, fractions=fractions)
    np.testing.assert_array_equal(label_map.labels, blobs().T)
    assert (label_map.fractional_voxels, label_map.warnings) == (0, ())


@pytest.mark.parametrize("offset", [-0.002, 0.002])
def test_values_further_away_are_fractions(tmp_path: Path, offset: float) -> None:
    path = save_labels(tmp_path / "a.nii", np.where(blobs(), blobs() + offset, 0).astype(np.float64))
    label_map = read_label_map(path, fractions=Fractions.UNLABELLED)
    assert not label_map.labels.any()
    assert label_map.fractional_voxels == np.count_nonzero(blobs())


def test_a_literal_reading_rounds_nothing(tmp_path: Path) -> None:
    values = blobs().astype(np.float64)
    values[values == 3] = 2.9999998
    path = save_labels(tmp_path / "a.nii", values)
    truncated = read_label_map_literally(path, fractions=Fractions.TRUNCATED).labels
    np.testing.assert_array_equal(truncated, np.trunc(values).astype(np.uint8).T)
    unlabelled = read_label_map_literally(path, fractions=Fractions.UNLABELLED).labels
    np.testing.assert_array_equal(unlabelled, np.where(values == np.rint(values), values, 0).T)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, -1), (-1, -1, 1)])
def test_every_format_reads_alike(tmp_path: Path, suffix: str, signs: tuple[int, int, int]) -> None:
    flips = [[axis, sign] for axis, sign in enumerate(signs)]
    reference = nibabel.Nifti1Image(blobs(), AFFINE_RAS).as_reoriented(np.array(flips))
    stored, affine = np.asarray(reference.dataobj), reference.affine
    path = tmp_path / f"a{suffix}"
    if suffix == ".nii.gz":
        nibabel.save(reference, path)
    else:
        sitk = pytest.importorskip("SimpleITK")
        image = sitk.GetImageFromArray(np.ascontiguousarray(stored.T))
        image.SetSpacing(np.abs(np.diag(affine)[:3]).tolist())
        image.SetOrigin((np.diag([-1, -1, 1]) @ affine[:3, 3]).tolist())
        image.SetDirection(np.diag(np.diag([-1, -1, 1]) @ np.sign(np.diag(affine)[:3])).ravel().tolist())
        sitk.WriteImage(image, str(path))
    label_map = read_label_map(path, fractions=Fractions.UNLABELLED)
    np.testing.assert_array_equal(label_map.labels, blobs().T)
    np.testing.assert_allclose(label_map.affine_ras, AFFINE_RAS, atol=1e-5)
    assert label_map.spacing_mm == pytest.approx((2.5, 0.9, 0.8), rel=1e-6)


def test_refuses_an_affine_without_orientation(tmp_path: Path) -> None:
    affine = AFFINE_RAS.copy()
    affine[:, 2] = 0
    image = nibabel.Nifti1Image(blobs(), None)
    image.header.set_sform(affine, code=1)
    nibabel.save(image, tmp_path / "a.nii")
    with pytest.raises(InputError, match=r"orientation is unknown|contradicts itself"):
        read_label_map(tmp_path / "a.nii", fractions=Fractions.TRUNCATED)


def test_says_when_pixdim_and_affine_disagree(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(blobs(), AFFINE_RAS)
    image.header["pixdim"][1:4] = 1
    nibabel.save(image, tmp_path / "a.nii")
    label_map = read_label_map(tmp_path / "a.nii", fractions=Fractions.TRUNCATED)
    assert label_map.spacing_mm == (1, 1, 1)
    assert "pixdim says 1 × 1 × 1 mm, its affine 0.8 × 0.9 × 2.5 mm" in label_map.warnings[0]


@pytest.mark.parametrize("size_mm", [1e-6, 1e9])
@pytest.mark.parametrize("read", [read_label_map, read_label_map_literally])
def test_refuses_voxel_sizes_that_cannot_be_right(tmp_path: Path, read: object, size_mm: float) -> None:
    image = nibabel.Nifti1Image(blobs(), AFFINE_RAS)
    image.header["pixdim"][2] = size_mm
    nibabel.save(image, tmp_path / "a.nii")
    with pytest.raises(InputError, match=r"voxel size .* cannot be right.*0\.001 to 1000 mm"):
        read(tmp_path / "a.nii", fractions=Fractions.TRUNCATED)  # type: ignore[operator]
