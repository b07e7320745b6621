"""A tilted gantry: voxels and labels come to lie where the patient is, on a rectangular grid."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from flarecli.dicom import find_series
from flarecli.errors import InputError
from flarecli.volume import read_volume, write_labels
from tests.dicom.series_writer import ORIGIN_LPS, STEP_MM, write_series

_SLICES, _ROWS, _COLUMNS = 20, 40, 30
_SPACING_MM = (3.0, 2.0)


def _write_tilted(folder: Path, angle_deg: float, *, sideways: bool = False) -> np.ndarray:
    """Slices of a ball, tilted: their step runs along the table, their normal does not; returns its centre (LPS)."""
    angle = np.radians(angle_deg)
    if sideways:
        row, column = np.array([np.cos(angle), 0, -np.sin(angle)]), np.array([0.0, 1, 0])
    else:
        row, column = np.array([1.0, 0, 0]), np.array([0, np.cos(angle), np.sin(angle)])
    step = np.array([0, 0, STEP_MM])
    k, j, i = np.indices((_SLICES, _ROWS, _COLUMNS))
    world = (
        np.array(ORIGIN_LPS)[:, None, None, None]
        + column[:, None, None, None] * j * _SPACING_MM[0]
        + row[:, None, None, None] * i * _SPACING_MM[1]
        + step[:, None, None, None] * k
    )
    centre = world[:, _SLICES // 2, _ROWS // 2, _COLUMNS // 2]
    distance = np.linalg.norm(world - centre[:, None, None, None], axis=0)
    voxels = np.clip(60 - 40 * (distance - 18), -1000, 60).astype(np.int16)  # a smooth edge
    write_series(
        folder,
        voxels,
        orientation=(*row, *column),
        step_lps=step,
        spacing_mm=_SPACING_MM,
    )
    return centre


def _ball(volume_voxels: np.ndarray, affine_ras: np.ndarray) -> tuple[np.ndarray, float]:
    """Centre of mass (RAS) and volume (mL) of what is denser than fat."""
    inside = np.argwhere(volume_voxels > -20)[:, ::-1]
    world = inside @ affine_ras[:3, :3].T + affine_ras[:3, 3]
    return world.mean(axis=0), len(inside) * abs(np.linalg.det(affine_ras[:3, :3])) / 1000


@pytest.mark.parametrize("sideways", [False, True], ids=["about the left-right axis", "about the front-back axis"])
@pytest.mark.parametrize("angle_deg", [5.0, 15.0, -15.0, 30.0])
def test_a_tilted_ball_stays_where_it_is(tmp_path: Path, angle_deg: float, sideways: bool) -> None:
    centre = _write_tilted(tmp_path, angle_deg, sideways=sideways)
    volume = read_volume(tmp_path)
    found, volume_ml = _ball(volume.voxels, volume.grid.affine_ras)
    np.testing.assert_allclose(found, centre * (-1, -1, 1), atol=0.6)
    np.testing.assert_allclose(volume_ml, 4 / 3 * np.pi * 20**3 / 1000, rtol=0.06)
    edges = volume.grid.affine_ras[:3, :3]
    np.testing.assert_allclose(edges.T @ edges - np.diag(np.diag(edges.T @ edges)), 0, atol=1e-6)
    (warning,) = [warning for warning in volume.warnings if "tilt" in warning]
    assert f"tilted by {abs(angle_deg):.1f}°" in warning
    assert "rectangular grid of" in warning


def test_no_voxel_of_a_tilted_slice_is_cut_off(tmp_path: Path) -> None:
    _write_tilted(tmp_path, 25.0)
    series = find_series(tmp_path)
    voxels, _ = series.read()
    assert voxels.shape[::-1] == series.shape_ijk
    shift = STEP_MM * np.sin(np.radians(25)) * (_SLICES - 1) / _SPACING_MM[0]
    assert voxels.shape[1] == _ROWS + np.ceil(shift)
    assert ((voxels[0] != -1024).sum(axis=0) == _ROWS).all()
    assert ((voxels[-1] != -1024).sum(axis=0) >= _ROWS).all()


def test_labels_lie_on_the_rectangular_grid(tmp_path: Path) -> None:
    centre = _write_tilted(tmp_path / "series", 20.0)
    volume = read_volume(tmp_path / "series")
    write_labels(tmp_path / "labels.nii.gz", (volume.voxels > -20).astype(np.uint8), volume)
    labels = nibabel.load(tmp_path / "labels.nii.gz")
    inside = np.argwhere(np.asarray(labels.dataobj) == 1)
    world = inside @ labels.affine[:3, :3].T + labels.affine[:3, 3]
    np.testing.assert_allclose(world.mean(axis=0), centre * (-1, -1, 1), atol=0.6)
    assert labels.shape == find_series(tmp_path / "series").shape_ijk


def test_each_slice_keeps_its_plane(tmp_path: Path) -> None:
    _write_tilted(tmp_path, 20.0)
    series = find_series(tmp_path)
    normal = series.stack.normal_lps
    planes = series.stack.positions_lps @ normal
    affine = series.affine_ras
    for k in range(_SLICES):
        corner = (affine @ (0, 0, k, 1))[:3] * (-1, -1, 1)
        assert corner @ normal == pytest.approx(planes[k], abs=1e-6)


def test_less_than_a_degree_stays_in_the_affine(tmp_path: Path) -> None:
    _write_tilted(tmp_path, 0.5)
    series = find_series(tmp_path)
    assert series.tilt is None
    assert any("sheared" in warning for warning in read_volume(tmp_path).warnings)


def test_more_than_a_gantry_tilts_is_refused(tmp_path: Path) -> None:
    _write_tilted(tmp_path, 33.0)
    with pytest.raises(InputError, match="more than a gantry tilt") as caught:
        read_volume(tmp_path)
    assert "33.0°" in str(caught.value.seen)
