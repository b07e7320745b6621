"""CT passes however it was cropped or windowed; what is not a CT in HU is refused by its own name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flarecli.errors import InputError
from flarecli.volume import read_header, read_image
from flarecli.volume.hounsfield_checks import check_hounsfield
from tests.shared_data import shared_path
from tests.synthetic_ct import ct_voxels

PATH = Path("scan.nii.gz")
SHAPE = (40, 50, 60)
REAL_SCANS = (
    "acrin_abdomen_ct.nii.gz",
    "acrin_nsclc_ct.nii.gz",
    "petct_lean_unenhanced_ct.nii.gz",
    "totalseg_chest_crop_ct.nii.gz",
    "totalseg_example_ct.nii.gz",
    "totalseg_example_ct_slab.nii.gz",
)


def _refused(voxels: np.ndarray, problem: str) -> InputError:
    with pytest.raises(InputError, match=problem) as caught:
        check_hounsfield(voxels.astype(np.int16), PATH)
    assert caught.value.seen
    assert caught.value.expected
    return caught.value


def test_ct_passes() -> None:
    assert check_hounsfield(ct_voxels(SHAPE), PATH) == ()


@pytest.mark.parametrize("padding", [-1024, -2000, -3024, -32768])
def test_padding_outside_the_scanner_circle_passes(padding: int) -> None:
    voxels = ct_voxels(SHAPE)
    voxels[:, :8] = padding
    assert check_hounsfield(voxels, PATH) == ()


@pytest.mark.parametrize("window", [(-160, 240), (-200, 300)])
def test_windowed_ct_passes_with_a_word(window: tuple[int, int]) -> None:
    (warning,) = check_hounsfield(ct_voxels(SHAPE).clip(*window), PATH)
    assert "cut to" in warning


def test_padding_cannot_pass_for_fat() -> None:
    mr = np.random.default_rng(0).integers(100, 800, SHAPE)
    mr[:, :8] = -2000
    _refused(mr, "neither fat nor air")


@pytest.mark.parametrize("voxels", [np.zeros(SHAPE), np.full(SHAPE, -1024), np.arange(5).repeat(24000)])
def test_empty_images_and_label_maps_are_refused(voxels: np.ndarray) -> None:
    _refused(voxels, "span too little")


@pytest.mark.parametrize("padding", [0, -2000])
@pytest.mark.parametrize("offset", [1000, 1024])
def test_an_offset_of_unsigned_storage_is_called_by_name(offset: int, padding: int) -> None:
    voxels = ct_voxels(SHAPE) + offset
    voxels[:, :8] = padding
    assert f"scl_inter = -{offset}" in _refused(voxels, rf"offset of \+{offset}").remedy


@pytest.mark.parametrize("offset", [1000, 1024])
def test_an_offset_behind_air_cut_at_zero_is_not_told_wrongly(offset: int) -> None:
    assert str(offset) in _refused((ct_voxels(SHAPE) + offset).clip(0, None), "offset of").remedy


@pytest.mark.parametrize("padding", [None, -30000])
@pytest.mark.parametrize("lowest", [-1024, -1200])
@pytest.mark.parametrize("factor", [1.5, 2, 6, 10, 20])
def test_hu_with_a_factor_are_refused(factor: float, lowest: int, padding: int | None) -> None:
    voxels = (ct_voxels(SHAPE).clip(lowest, None) * factor).clip(-32768, 32767)
    if padding is not None:
        voxels[:, :8] = padding
    assert "scl_slope" in _refused(voxels, "scaled, or an offset was subtracted twice").remedy


@pytest.mark.parametrize("offset", [1000, 1024])
def test_an_offset_subtracted_twice_is_refused(offset: int) -> None:
    _refused(ct_voxels(SHAPE) - offset, "subtracted twice")


def test_hu_divided_by_two_are_said() -> None:
    (warning,) = check_hounsfield(ct_voxels(SHAPE) // 2, PATH)
    assert "not near -1000" in warning


def test_streaks_of_metal_below_air_pass() -> None:
    voxels = ct_voxels(SHAPE)
    noise = np.random.default_rng(0)
    streaks = noise.random(SHAPE) < 0.03
    voxels[streaks] = noise.integers(-2500, -1100, SHAPE)[streaks]
    voxels[noise.random(SHAPE) < 0.01] = 20000
    assert check_hounsfield(voxels, PATH) == ()


def test_noise_of_a_sharp_kernel_passes() -> None:
    voxels = ct_voxels(SHAPE) + np.random.default_rng(0).normal(0, 90, SHAPE)
    assert check_hounsfield(voxels.astype(np.int16), PATH) == ()


@pytest.mark.parametrize("filling", [0, -1, 40, 200])
@pytest.mark.parametrize("scale", [1, 10])
def test_filling_with_the_value_of_tissue_is_said(scale: int, filling: int) -> None:
    voxels = ct_voxels(SHAPE) // scale * scale
    assert check_hounsfield(voxels, PATH) == ()
    voxels[:, :8] = filling
    (warning,) = check_hounsfield(voxels, PATH)
    assert f"exactly {filling} HU" in warning
    assert "fill with -1024" in warning


def test_eight_bit_images_are_called_by_name() -> None:
    _refused((ct_voxels(SHAPE).clip(-160, 240) + 160) / 400 * 255, "8-bit")


@pytest.mark.parametrize("lowest", [0, -20])
def test_mr_is_refused(lowest: int) -> None:
    mr = np.random.default_rng(0).gamma(2.0, 120.0, SHAPE) + lowest
    _refused(mr, "neither fat nor air")


def test_values_far_from_soft_tissue_are_said() -> None:
    voxels = np.where(np.indices(SHAPE)[0] < 20, -900, 600).astype(np.int16)
    (warning,) = check_hounsfield(voxels, PATH)
    assert "hardly any voxel" in warning


@pytest.mark.parametrize("name", REAL_SCANS)
def test_real_scans_pass(name: str) -> None:
    voxels = read_image(read_header(shared_path(f"data/ct/{name}"))).stored.astype(np.int16)
    assert check_hounsfield(voxels, PATH) == ()


@pytest.mark.parametrize("name", REAL_SCANS)
def test_real_scans_with_an_offset_or_a_window_are_told_apart(name: str) -> None:
    voxels = read_image(read_header(shared_path(f"data/ct/{name}"))).stored.astype(np.int16)
    _refused(voxels.clip(-1024, 3071) + 1024, "offset of")
    _refused((voxels.clip(-160, 240) + 160) / 400 * 255, "8-bit")
    assert len(check_hounsfield(voxels.clip(-160, 240), PATH)) == 1


@pytest.mark.parametrize("name", REAL_SCANS)
def test_crops_of_real_scans_pass(name: str) -> None:
    voxels = read_image(read_header(shared_path(f"data/ct/{name}"))).stored.astype(np.int16)
    middle = tuple(slice(n // 4, n - n // 4) for n in voxels.shape)
    check_hounsfield(voxels[middle], PATH)
