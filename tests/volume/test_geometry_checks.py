"""Each check refuses what it is for, says what was seen, and lets real geometry pass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flarecli.errors import InputError
from flarecli.volume.geometry_checks import (
    check_affine,
    check_shape,
    check_spacing,
    check_type,
    reconciled_spacing,
)
from tests.synthetic_ct import affine, rotation

PATH = Path("scan.nii.gz")


@pytest.mark.parametrize("dtype", ["u1", "i2", ">i2", "i4", "f4", "f8"])
def test_plain_numbers_pass(dtype: str) -> None:
    check_type(np.dtype(dtype), PATH)


@pytest.mark.parametrize("dtype", [np.dtype("c8"), np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])])
def test_colours_and_complex_numbers_are_refused(dtype: np.dtype) -> None:
    with pytest.raises(InputError, match="colours or complex") as caught:
        check_type(dtype, PATH)
    assert str(dtype) in str(caught.value.seen)


@pytest.mark.parametrize("shape", [(5, 6, 7), (5, 6, 7, 1), (5, 6, 7, 1, 1)])
def test_one_volume_passes(shape: tuple[int, ...]) -> None:
    assert check_shape(shape, PATH) == (5, 6, 7)


@pytest.mark.parametrize(
    ("shape", "problem"),
    [
        ((5,), "not a volume"),
        ((5, 6), "not a volume"),
        ((5, 6, 7, 2), "several volumes"),
        ((5, 6, 7, 1, 3), "several volumes"),
        ((5, 6, 1), "single slice"),
        ((1, 6, 7), "single slice"),
    ],
)
def test_other_shapes_are_refused(shape: tuple[int, ...], problem: str) -> None:
    with pytest.raises(InputError, match=problem) as caught:
        check_shape(shape, PATH)
    assert str(shape) in str(caught.value.seen)


def _sheared(degrees: float) -> np.ndarray:
    """An affine whose axis k leans towards j, as of a tilted gantry."""
    directions = np.eye(3)
    directions[:, 2] = 0, np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    return affine((0.8, 0.8, 3.0), directions=rotation((10, 20, 30)) @ directions)


@pytest.mark.parametrize("angles", [(0, 0, 0), (20, 0, 0), (13, -31, 77)])
def test_rectangular_affines_pass_at_any_angle(angles: tuple[float, float, float]) -> None:
    assert check_affine(affine(directions=rotation(angles)), PATH) == ()


def test_a_sheared_affine_is_refused_with_axes_and_angle() -> None:
    with pytest.raises(InputError, match="axes j and k") as caught:
        check_affine(_sheared(12.5), PATH)
    assert caught.value.seen == "12.50° off a right angle"


def test_a_slight_shear_is_said() -> None:
    assert check_affine(_sheared(0.01), PATH) == ()
    (warning,) = check_affine(_sheared(0.4), PATH)
    assert "j and k are 0.40°" in warning


def _with_column(column: list[float]) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, 1] = column
    return matrix


@pytest.mark.parametrize("column", [[0, 0, 0], [2, 0, 0], [np.nan, 1, 0]])
def test_a_singular_affine_is_refused(column: list[float]) -> None:
    with pytest.raises(InputError, match="cannot be inverted"):
        check_affine(_with_column(column), PATH)


def test_spacing_is_the_headers_where_the_affine_agrees() -> None:
    header = (float(np.float32(0.7421875)), float(np.float32(0.7421875)), 3.0)
    matrix = affine((0.7422, 0.7422, 3.0))
    assert reconciled_spacing(header, matrix) == (header, ())


def test_spacing_is_the_affines_with_a_warning_where_they_disagree() -> None:
    spacing, (warning,) = reconciled_spacing((1.0, 1.0, 1.0), affine((0.8, 0.8, 2.5)))
    np.testing.assert_allclose(spacing, (0.8, 0.8, 2.5))
    assert "1 × 1 × 1" in warning
    assert "0.8 × 0.8 × 2.5" in warning


@pytest.mark.parametrize(
    ("spacing", "shape"),
    [
        ((0.5, 0.5, 0.5), (512, 512, 200)),
        ((0.98, 0.98, 10.0), (512, 512, 4)),
        ((1.5, 1.5, 1.5), (120, 126, 20)),
    ],
)
def test_clinical_grids_pass(spacing: tuple[float, float, float], shape: tuple[int, int, int]) -> None:
    check_spacing(spacing, shape, PATH)


@pytest.mark.parametrize("size", [0.0008, 0.0, -1.0, 25.0, np.nan, np.inf])
def test_impossible_voxel_sizes_are_refused(size: float) -> None:
    with pytest.raises(InputError, match="voxel size"):
        check_spacing((0.8, 0.8, size), (512, 512, 100), PATH)


@pytest.mark.parametrize("shape", [(30, 512, 100), (512, 512, 900)])
def test_impossible_fields_of_view_are_refused(shape: tuple[int, int, int]) -> None:
    with pytest.raises(InputError, match="field of view"):
        check_spacing((0.8, 0.8, 3.0), shape, PATH)
