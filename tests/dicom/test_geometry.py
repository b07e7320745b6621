"""Where slices lie, and in which order: compared with SimpleITK's own reading of the same files."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from flarecli.dicom import Series, find_series
from flarecli.errors import InputError
from flarecli.volume import Volume, read_volume
from tests.dicom.series_writer import AXIAL, ORIGIN_LPS, SHAPE, STEP_MM, write_series
from tests.synthetic_ct import rotation

SimpleITK = pytest.importorskip("SimpleITK", reason="needs the extra io: pip install 'flarecli[io]'")

_TILTED = rotation((20.0, 10.0, -30.0))
ORIENTATIONS = {
    "axial, supine, head first": AXIAL,
    "axial, prone": (-1, 0, 0, 0, -1, 0),
    "axial, feet first (rows to the left of the picture)": (-1, 0, 0, 0, 1, 0),
    "axial, feet first prone": (1, 0, 0, 0, -1, 0),
    "decubitus left": (0, 1, 0, -1, 0, 0),
    "decubitus right": (0, -1, 0, 1, 0, 0),
    "sagittal": (0, 1, 0, 0, 0, -1),
    "coronal": (1, 0, 0, 0, 0, -1),
    "oblique": tuple(np.concatenate([_TILTED[:, 0], _TILTED[:, 1]])),
    "oblique prone": tuple(np.concatenate([-_TILTED[:, 0], -_TILTED[:, 1]])),
}


def _same_world(volume: Volume, folder: Path) -> None:
    """Each voxel that SimpleITK reads is found at the same place in the world with the same value."""
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    voxels = SimpleITK.GetArrayFromImage(image)
    to_index = np.linalg.inv(volume.grid.affine_ras)
    for index in itertools.product((0, 3, -1), (0, 4, -1), (0, 5, -1)):
        k, j, i = (at % size for at, size in zip(index, voxels.shape, strict=True))
        world = np.array(image.TransformIndexToPhysicalPoint((i, j, k))) * (-1, -1, 1)
        x, y, z = to_index[:3, :3] @ world + to_index[:3, 3]
        np.testing.assert_allclose((x, y, z), np.rint((x, y, z)), atol=1e-3)
        assert volume.voxels[round(z), round(y), round(x)] == voxels[k, j, i]


@pytest.mark.parametrize("backwards", [False, True], ids=["forward", "backward"])
@pytest.mark.parametrize("name", list(ORIENTATIONS))
def test_every_pose_lies_where_simpleitk_puts_it(tmp_path: Path, name: str, backwards: bool) -> None:
    orientation = ORIENTATIONS[name]
    normal = np.cross(orientation[:3], orientation[3:])
    voxels = write_series(tmp_path, orientation=orientation, step_lps=(-STEP_MM if backwards else STEP_MM) * normal)
    volume = read_volume(tmp_path)
    assert volume.warnings == ()
    assert sorted(volume.voxels.shape) == sorted(SHAPE)
    assert np.sort(volume.voxels, axis=None).tolist() == np.sort(voxels, axis=None).tolist()
    _same_world(volume, tmp_path)


def test_file_names_and_instance_numbers_do_not_decide_the_order(tmp_path: Path) -> None:
    expected = write_series(tmp_path / "a")
    write_series(
        tmp_path / "b",
        name=lambda k: f"{k * 7919 % 1009:04d}",
        each=lambda dataset, k: setattr(dataset, "InstanceNumber", 50 - k),
    )
    np.testing.assert_array_equal(read_volume(tmp_path / "b").voxels, read_volume(tmp_path / "a").voxels)
    assert expected.shape == SHAPE


def test_voxels_own_their_memory(tmp_path: Path) -> None:
    write_series(tmp_path)
    voxels, _ = find_series(tmp_path).read()
    assert voxels.flags.owndata
    assert voxels.flags.writeable
    assert voxels.flags.c_contiguous


def _thin(folder: Path, step_mm: float, digits: int, count: int = 120) -> Series:
    voxels = np.zeros((count, 16, 16), np.int16)

    def rounded(dataset: object, k: int) -> None:
        dataset.ImagePositionPatient = [f"{round(v, digits):g}" for v in (-10.03, -20.04, 100.02 + k * step_mm)]  # type: ignore[attr-defined]

    write_series(folder, voxels, each=rounded)
    return find_series(folder)


@pytest.mark.parametrize("step_mm", [0.625, 0.3, 0.8, 1.25, 0.33])
def test_positions_rounded_to_a_tenth_of_a_millimetre_are_taken(tmp_path: Path, step_mm: float) -> None:
    series = _thin(tmp_path, step_mm, 1)
    np.testing.assert_allclose(np.linalg.norm(series.stack.step_lps), step_mm, atol=0.1 / 119)


@pytest.mark.parametrize("growth_mm", [0.02, -0.01])
def test_steps_that_add_up_to_millimetres_are_refused(tmp_path: Path, growth_mm: float) -> None:
    def growing(dataset: object, k: int) -> None:
        dataset.ImagePositionPatient = ["-10", "-20", f"{2 * k + growth_mm * k * k / 2:g}"]  # type: ignore[attr-defined]

    write_series(tmp_path, np.zeros((60, 16, 16), np.int16), each=growing)
    with pytest.raises(InputError, match="unevenly spaced"):
        find_series(tmp_path)


@pytest.mark.parametrize("missing", [1, 4, 7])
def test_a_missing_slice_is_refused_with_its_place(tmp_path: Path, missing: int) -> None:
    write_series(tmp_path, slices=[k for k in range(9) if k != missing])
    with pytest.raises(InputError, match="slices are missing") as caught:
        read_volume(tmp_path)
    assert caught.value.seen == (
        f"10.00 mm between IM{missing - 1:03d}.dcm and IM{missing + 1:03d}.dcm "
        f"(slices {missing} and {missing + 1}); 1 missing in 1 gap"
    )
    assert caught.value.expected == "5.00 mm between all slices"


def test_the_first_slice_missing_in_three_is_refused(tmp_path: Path) -> None:
    write_series(tmp_path, slices=[0, 1, 3])
    with pytest.raises(InputError, match=r"missing|unevenly"):
        find_series(tmp_path)


def test_other_slices_at_the_same_position_are_refused(tmp_path: Path) -> None:
    def doubled(dataset: object, k: int) -> None:
        dataset.ImagePositionPatient = ["-10", "-20", f"{100 + STEP_MM * (k // 2)}"]  # type: ignore[attr-defined]
        dataset.InstanceNumber = None  # type: ignore[attr-defined]

    write_series(tmp_path, each=doubled)
    with pytest.raises(InputError, match="several slices lie at the same position") as caught:
        find_series(tmp_path)
    assert "IM000.dcm and IM001.dcm" in str(caught.value.seen)


def test_a_slice_shifted_in_its_plane_is_refused(tmp_path: Path) -> None:
    def shifted(dataset: object, k: int) -> None:
        dataset.ImagePositionPatient = [f"{-10 + 4 * (k == 5)}", "-20", f"{100 + STEP_MM * k}"]  # type: ignore[attr-defined]

    write_series(tmp_path, each=shifted)
    with pytest.raises(InputError, match="shifted") as caught:
        find_series(tmp_path)
    assert "IM005.dcm lies 4.00 mm off" in str(caught.value.seen)


def test_the_affine_starts_at_the_first_slice(tmp_path: Path) -> None:
    write_series(tmp_path)
    affine = find_series(tmp_path).affine_ras
    np.testing.assert_allclose(affine[:3, 3], np.array(ORIGIN_LPS) * (-1, -1, 1))
    np.testing.assert_allclose(affine[:3, :3], np.diag([-4.0, -4.5, 5.0]), atol=1e-9)
