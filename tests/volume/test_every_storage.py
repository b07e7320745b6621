"""Every format, stored type and orientation gives the same scan, and labels of its own."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
from typer.testing import CliRunner

from flarecli.cli.main import app
from flarecli.volume import read_header, read_image, read_volume, write_labels
from tests.synthetic_ct import affine, ct_voxels
from tests.threshold_system import LIVER_HU, ThresholdSystem
from tests.volume.stored_files import SHAPE, metaimage, nifti, nrrd, scan_ijk

HU = (np.rint(scan_ijk() / 20) * 20).astype(np.int16)  # exact with the slope below
SLOPE = 20.0
INTERCEPTS = {"i": 0.0, "f": 0.0, "u": -2000.0}

SIGNED = ("<i2", ">i2", "<i4", ">i4", "<i8", ">i8", "<f4", ">f4", "<f8", ">f8")
SCALED = (*SIGNED, "|i1", "|u1", "<u2", ">u2", "<u4", ">u4", "<u8", ">u8")
NIFTI = ("scan.nii", "scan.nii.gz")
NRRD = ("scan.nrrd raw", "scan.nrrd gzip", "scan.nrrd bzip2", "scan.nrrd text", "scan.nhdr raw", "scan.nhdr gzip")
META = ("scan.mha raw", "scan.mha zlib", "scan.mha text", "scan.mhd raw", "scan.mhd zlib")

ORIENTATIONS = [
    (axes, signs) for axes in itertools.permutations(range(3)) for signs in itertools.product((1, -1), repeat=3)
]


def _stored(axes: tuple[int, ...], signs: tuple[int, ...], hu: np.ndarray = HU) -> tuple[np.ndarray, np.ndarray]:
    """The scan's voxels along other axes, and their affine."""
    moved = hu.transpose(axes)[tuple(slice(None, None, sign) for sign in signs)]
    steps = np.zeros((4, 4))
    steps[3, 3] = 1
    for axis, (source, sign) in enumerate(zip(axes, signs, strict=True)):
        steps[source, axis] = sign
        steps[source, 3] += 0 if sign > 0 else hu.shape[source] - 1
    return moved, affine() @ steps


def _write(name: str, folder: Path, voxels: np.ndarray, matrix: np.ndarray, scaling: tuple[float, float]) -> Path:
    file_name, _, encoding = name.partition(" ")
    path = folder / file_name
    if file_name.startswith("scan.nii"):
        slope, intercept = scaling
        return nifti(
            path,
            voxels,
            matrix,
            endianness=">" if voxels.dtype.str[0] == ">" else "<",
            scl_slope=slope,
            scl_inter=intercept,
        )
    if file_name.startswith("scan.n"):
        return nrrd(path, voxels, matrix, encoding)
    slope, intercept = (f"ElementToIntensityFunction{word}" for word in ("Slope", "Offset"))
    change = {} if scaling == (1.0, 0.0) else {slope: str(scaling[0]), intercept: str(scaling[1])}
    return metaimage(path, voxels, matrix, encoding, change)


@pytest.mark.parametrize("dtype", SIGNED)
@pytest.mark.parametrize("name", [*NIFTI, *NRRD, *META])
def test_every_orientation_of_every_type_is_the_same_scan(tmp_path: Path, name: str, dtype: str) -> None:
    _check_orientations(tmp_path, name, np.dtype(dtype), (1.0, 0.0))


@pytest.mark.parametrize("dtype", SCALED)
@pytest.mark.parametrize("name", [*NIFTI, *META])
def test_every_orientation_of_every_scaled_type_is_the_same_scan(tmp_path: Path, name: str, dtype: str) -> None:
    kind = np.dtype(dtype)
    _check_orientations(tmp_path, name, kind, (SLOPE, INTERCEPTS[kind.kind]))


def _check_orientations(folder: Path, name: str, dtype: np.dtype, scaling: tuple[float, float]) -> None:
    slope, intercept = scaling
    for axes, signs in ORIENTATIONS:
        hu, matrix = _stored(axes, signs)
        volume = read_volume(_write(name, folder, ((hu - intercept) / slope).astype(dtype), matrix, scaling))
        overwritten = [np.full(SHAPE, 7, np.int16) for _ in range(4)]
        np.testing.assert_array_equal(volume.voxels, HU.T, err_msg=f"{axes} {signs}")
        np.testing.assert_allclose(volume.grid.affine_ras, affine(), atol=1e-4)
        np.testing.assert_allclose(volume.source.affine_ras, matrix, atol=1e-4)
        assert overwritten


@pytest.mark.parametrize("labels_name", ["labels.nii.gz", "labels.nrrd", "labels.mha"])
@pytest.mark.parametrize("name", ["scan.nii", "scan.nrrd gzip", "scan.mha zlib"])
def test_labels_of_every_orientation_lie_on_their_scan(tmp_path: Path, name: str, labels_name: str) -> None:
    for axes, signs in ORIENTATIONS:
        hu, matrix = _stored(axes, signs)
        volume = read_volume(_write(name, tmp_path, hu, matrix, (1.0, 0.0)))
        write_labels(tmp_path / labels_name, (volume.voxels // 20 % 5).astype(np.uint8), volume)
        written = read_image(read_header(tmp_path / labels_name))
        np.testing.assert_array_equal(written.stored, hu // 20 % 5)
        np.testing.assert_allclose(written.header.affine_ras, matrix, atol=1e-4)
        assert written.warnings == ()


@pytest.mark.parametrize(
    ("suffix", "write"),
    [(".nii.gz", nifti), (".nrrd", nrrd), (".nhdr", nrrd), (".mha", metaimage), (".mhd", metaimage)],
)
def test_each_scan_of_a_folder_gets_labels_of_its_own(
    tmp_path: Path, suffix: str, write: Callable[[Path, np.ndarray], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flarecli.weights.selection.system_named", lambda name: ThresholdSystem())
    (tmp_path / "scans").mkdir()
    scans = {name: np.roll(ct_voxels((20, 18, 16)), 4 * shift, axis=0) for shift, name in enumerate("abc")}
    for name, hu in scans.items():
        write(tmp_path / "scans" / f"{name}{suffix}", hu)
    result = CliRunner().invoke(app, ["predict", str(tmp_path / "scans"), str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    for name, hu in scans.items():
        (labels,) = (path for path in (tmp_path / "out").glob(f"{name}.*") if path.suffix != ".json")
        np.testing.assert_array_equal(read_image(read_header(labels)).stored, hu > LIVER_HU)


def test_pairs_extensions_and_members(tmp_path: Path) -> None:
    expected = read_volume(nifti(tmp_path / "scan.nii")).voxels
    pair = nibabel.Nifti1Pair(scan_ijk(), affine())
    for name in ("pair.img", "pair.hdr"):
        pair.to_filename(tmp_path / name)
        np.testing.assert_array_equal(read_volume(tmp_path / name).voxels, expected)
    image = nibabel.Nifti1Image(scan_ijk(), affine())
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension(6, b"a comment of some length"))
    image.to_filename(tmp_path / "extended.nii.gz")
    extended = read_volume(tmp_path / "extended.nii.gz")
    np.testing.assert_array_equal(extended.voxels, expected)
    assert extended.warnings == ()
    raw = (tmp_path / "scan.nii").read_bytes()
    (tmp_path / "members.nii.gz").write_bytes(gzip.compress(raw[:500]) + gzip.compress(raw[500:]) + bytes(512))
    np.testing.assert_array_equal(read_volume(tmp_path / "members.nii.gz").voxels, expected)
