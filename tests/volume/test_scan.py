"""Scans are read as int16 HU in canonical order, and label maps lie exactly on the file they came from."""

from __future__ import annotations

import itertools
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flarecli.errors import InputError, OutputError, UsageError
from flarecli.volume import Volume, check_label_map_name, nifti, read_header, read_volume, write_labels, write_scan
from tests.shared_data import shared_path
from tests.synthetic_ct import affine, ct_voxels, rotation

SimpleITK = pytest.importorskip("SimpleITK", reason="needs the extra io: pip install 'flarecli[io]'")

REAL_SCANS = (
    "acrin_abdomen_ct.nii.gz",
    "totalseg_chest_crop_ct.nii.gz",
    "totalseg_example_ct.nii.gz",
    "totalseg_example_ct_slab.nii.gz",
)
POSITION_FIELDS = (
    *("qform_code", "sform_code", "xyzt_units", "srow_x", "srow_y", "srow_z"),
    *("quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z"),
)


def _save(
    path: Path,
    matrix: np.ndarray,
    voxels_ijk: np.ndarray | None = None,
    *,
    codes: tuple[int, int] = (1, 1),
    kind: type = nibabel.Nifti1Image,
) -> Path:
    image = kind(ct_voxels() if voxels_ijk is None else voxels_ijk, matrix)
    image.set_sform(matrix, codes[1])
    image.set_qform(matrix, codes[0])
    image.header.set_xyzt_units("mm", "sec")
    nibabel.save(image, path)
    return path


def _labels_of(volume: Volume) -> np.ndarray:
    """A label map that names voxels by their HU, so that a moved voxel is seen."""
    return (volume.voxels % 5).astype(np.uint8)


def _assert_lies_on(written: Path, scan: Path, volume: Volume) -> None:
    """The label map has the scan's geometry and, voxel by voxel, the labels."""
    labels, source = nibabel.load(written), nibabel.load(scan)
    assert labels.shape == source.shape[:3]
    assert labels.get_data_dtype() == np.uint8
    np.testing.assert_array_equal(labels.affine, source.affine)
    np.testing.assert_array_equal(labels.header["pixdim"][:4], source.header["pixdim"][:4])
    for field in POSITION_FIELDS:
        np.testing.assert_array_equal(labels.header[field], source.header[field], err_msg=field)
    stored = np.asarray(source.dataobj).reshape(labels.shape)
    np.testing.assert_array_equal(np.asarray(labels.dataobj), np.rint(stored).astype(np.int16) % 5)


def _assert_same_for_itk(written: Path, scan: Path) -> None:
    labels, source = SimpleITK.ReadImage(str(written)), SimpleITK.ReadImage(str(scan))
    assert labels.GetSize() == source.GetSize()
    assert labels.GetSpacing() == source.GetSpacing()
    assert labels.GetOrigin() == source.GetOrigin()
    assert labels.GetDirection() == source.GetDirection()
    np.testing.assert_array_equal(
        SimpleITK.GetArrayFromImage(labels), SimpleITK.GetArrayFromImage(source).astype(np.int16) % 5
    )


@pytest.mark.parametrize("signs", list(itertools.product((1, -1), repeat=3)))
@pytest.mark.parametrize("axes", list(itertools.permutations(range(3))))
def test_labels_lie_on_the_scan_in_every_orientation(
    tmp_path: Path, axes: tuple[int, ...], signs: tuple[int, ...]
) -> None:
    directions = np.zeros((3, 3))
    directions[axes, range(3)] = signs
    scan = _save(tmp_path / "scan.nii", affine(directions=directions))
    volume = read_volume(scan)
    canonical = nibabel.as_closest_canonical(nibabel.load(scan))
    np.testing.assert_array_equal(volume.voxels, np.asarray(canonical.dataobj).T)
    np.testing.assert_allclose(volume.grid.affine_ras, canonical.affine, atol=1e-5)
    assert volume.grid.shape_zyx == volume.voxels.shape
    assert volume.grid.spacing_mm == canonical.header.get_zooms()[::-1]
    assert volume.warnings == ()
    write_labels(tmp_path / "labels.nii.gz", _labels_of(volume), volume)
    _assert_lies_on(tmp_path / "labels.nii.gz", scan, volume)
    _assert_same_for_itk(tmp_path / "labels.nii.gz", scan)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    angles=st.tuples(*[st.floats(-180, 180)] * 3),
    spacing=st.tuples(*[st.floats(4.0, 9.0)] * 3),
    origin=st.tuples(*[st.floats(-900, 900)] * 3),
    codes=st.sampled_from([(1, 1), (0, 2), (1, 0), (4, 4), (2, 1)]),
)
def test_labels_lie_on_oblique_scans(
    tmp_path: Path,
    angles: tuple[float, float, float],
    spacing: tuple[float, float, float],
    origin: tuple[float, float, float],
    codes: tuple[int, int],
) -> None:
    scan = _save(tmp_path / "scan.nii", affine(spacing, origin, rotation(angles)), codes=codes)
    volume = read_volume(scan)
    assert volume.warnings == ()
    canonical = nibabel.as_closest_canonical(nibabel.load(scan))
    np.testing.assert_array_equal(volume.voxels, np.asarray(canonical.dataobj).T)
    np.testing.assert_allclose(volume.grid.affine_ras, canonical.affine, atol=1e-3)
    write_labels(tmp_path / "labels.nii", _labels_of(volume), volume)
    _assert_lies_on(tmp_path / "labels.nii", scan, volume)
    _assert_same_for_itk(tmp_path / "labels.nii", scan)


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_labels_of_nifti_1_and_2_keep_their_kind(tmp_path: Path, kind: type) -> None:
    scan = _save(tmp_path / "scan.nii.gz", affine((4.1, 4.2, 4.3)), kind=kind)
    volume = read_volume(scan)
    write_labels(tmp_path / "labels.nii.gz", _labels_of(volume), volume)
    _assert_lies_on(tmp_path / "labels.nii.gz", scan, volume)
    assert type(nibabel.load(tmp_path / "labels.nii.gz")) is kind


def test_unsigned_storage_with_an_intercept_is_read_as_hu(tmp_path: Path) -> None:
    voxels = ct_voxels().clip(-1024)
    image = nibabel.Nifti1Image((voxels + 1024).astype(np.uint16), affine())
    image.header.set_slope_inter(1.0, -1024.0)
    nibabel.save(image, tmp_path / "scan.nii.gz")
    header = read_header(tmp_path / "scan.nii.gz")
    assert (header.dtype, header.slope, header.intercept) == (np.uint16, 1.0, -1024.0)
    np.testing.assert_array_equal(read_volume(tmp_path / "scan.nii.gz").voxels, voxels.T)


def test_nothing_of_the_scan_but_its_geometry_gets_into_the_labels(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(ct_voxels(), affine())
    image.header["descrip"], image.header["cal_max"] = b"Doe, John", 240
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"Doe, John"))
    nibabel.save(image, tmp_path / "scan.nii")
    volume = read_volume(tmp_path / "scan.nii")
    write_labels(tmp_path / "labels.nii", _labels_of(volume), volume)
    assert b"Doe" not in (tmp_path / "labels.nii").read_bytes()
    header = read_header(tmp_path / "labels.nii").nifti_header
    assert header is not None
    assert (header["cal_max"], header["scl_slope"], header["scl_inter"]) == (0, 1, 0)


def test_a_fourth_axis_of_length_one_is_dropped(tmp_path: Path) -> None:
    scan = _save(tmp_path / "scan.nii.gz", affine(), ct_voxels()[..., None])
    volume = read_volume(scan)
    write_labels(tmp_path / "labels.nii.gz", _labels_of(volume), volume)
    _assert_lies_on(tmp_path / "labels.nii.gz", scan, volume)


def test_spacing_is_the_headers_float32(tmp_path: Path) -> None:
    volume = read_volume(_save(tmp_path / "scan.nii", affine((4.1, 4.2, 4.3))))
    assert volume.grid.spacing_mm == tuple(float(np.float32(size)) for size in (4.3, 4.2, 4.1))


def test_a_header_spacing_that_contradicts_the_affine_gives_way_with_a_warning(tmp_path: Path) -> None:
    scan = _save(tmp_path / "scan.nii", affine((4.0, 4.0, 5.0)), codes=(0, 1))
    raw = bytearray(scan.read_bytes())
    raw[80:92] = np.array([1, 1, 1], "<f4").tobytes()
    scan.write_bytes(raw)
    volume = read_volume(scan)
    assert volume.grid.spacing_mm == (5.0, 4.0, 4.0)
    assert "contradicts its affine" in volume.warnings[0]
    write_labels(tmp_path / "labels.nii", _labels_of(volume), volume)
    _assert_lies_on(tmp_path / "labels.nii", scan, volume)


def test_a_header_without_orientation_is_read_with_a_warning(tmp_path: Path) -> None:
    scan = _save(tmp_path / "scan.nii", affine(), codes=(0, 0))
    volume = read_volume(scan)
    assert "left and right" in volume.warnings[0]
    write_labels(tmp_path / "labels.nii", _labels_of(volume), volume)
    _assert_lies_on(tmp_path / "labels.nii", scan, volume)
    _assert_same_for_itk(tmp_path / "labels.nii", scan)


@pytest.mark.parametrize(
    ("voxels", "matrix", "problem"),
    [
        (ct_voxels((13, 11, 9, 2)), affine(), "several volumes"),
        (ct_voxels((13, 11)), affine(), "not a volume"),
        (ct_voxels((13, 11, 1)), affine((4, 4, 40)), "single slice"),
        (ct_voxels().astype(np.complex64), affine(), "complex"),
        (np.where(ct_voxels() > 800, np.nan, ct_voxels()).astype(np.float32), affine(), "not numbers"),
        (ct_voxels(), affine((0.004, 0.0045, 0.005)), "voxel size"),
        (ct_voxels(), affine((0.4, 0.45, 0.5)), "field of view"),
        (ct_voxels() + np.int16(1024), affine(), "offset"),
        ((ct_voxels() > 0).astype(np.uint8), affine(), "span too little"),
    ],
)
def test_what_is_no_ct_scan_is_refused(tmp_path: Path, voxels: np.ndarray, matrix: np.ndarray, problem: str) -> None:
    nibabel.save(nibabel.Nifti1Image(voxels, matrix), tmp_path / "scan.nii.gz")
    with pytest.raises(InputError, match=problem) as caught:
        read_volume(tmp_path / "scan.nii.gz")
    assert caught.value.path == tmp_path / "scan.nii.gz"


def test_a_sheared_affine_is_refused(tmp_path: Path) -> None:
    matrix = affine()
    matrix[1, 2] = 1.0
    nibabel.save(nibabel.Nifti1Image(ct_voxels(), matrix), tmp_path / "scan.nii")
    with pytest.raises(InputError, match="sheared"):
        read_volume(tmp_path / "scan.nii")


def test_missing_files_are_called_missing(tmp_path: Path) -> None:
    for name in ("no.nii.gz", "no.nrrd", "no"):
        with pytest.raises(InputError, match="does not exist"):
            read_volume(tmp_path / name)


@pytest.mark.parametrize(
    "labels", [np.zeros((9, 11, 13), np.int16), np.zeros((13, 11, 9), np.uint8), np.zeros((9, 11), np.uint8)]
)
def test_labels_that_do_not_fit_are_refused(tmp_path: Path, labels: np.ndarray) -> None:
    volume = read_volume(_save(tmp_path / "scan.nii", affine()))
    with pytest.raises(UsageError, match="do not fit"):
        write_labels(tmp_path / "labels.nii.gz", labels, volume)


@pytest.mark.parametrize("name", ["labels.png", "labels", "labels.gz", "labels.mhd"])
def test_names_of_other_formats_are_refused(tmp_path: Path, name: str) -> None:
    volume = read_volume(_save(tmp_path / "scan.nii", affine()))
    with pytest.raises(UsageError, match=r"\.nii\.gz"):
        write_labels(tmp_path / name, _labels_of(volume), volume)
    assert [path.name for path in tmp_path.iterdir()] == ["scan.nii"]


@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError, MemoryError])
def test_an_interrupted_write_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: type[BaseException]
) -> None:
    volume = read_volume(_save(tmp_path / "scan.nii", affine()))
    target = tmp_path / "out" / "labels.nii.gz"
    write_labels(target, _labels_of(volume), volume)
    before = target.read_bytes()

    def written_in_part(stream: object, header: object, voxels: object) -> None:
        stream.write(b"half a file")  # type: ignore[attr-defined]
        raise failure

    monkeypatch.setattr(nifti, "_write_content", written_in_part)
    with pytest.raises(OutputError if failure is OSError else failure):
        write_labels(target, _labels_of(volume), volume)
    assert target.read_bytes() == before
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("name", ["o.nhdr", "o.mhd", "o.img", "o.hdr", "o.nii.bz2", "o.dcm", "o.png", "o", "nii.gz"])
def test_names_of_other_formats_are_refused_before_anything_is_computed(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"\.nii\.gz, \.nii, \.nrrd or \.mha"):
        check_label_map_name(tmp_path / name)


@pytest.mark.parametrize("name", ["o.nii.gz", "o.NII", "o.mha", "o.nrrd", "a.b.Nii.gz"])
def test_names_that_label_maps_are_written_to(tmp_path: Path, name: str) -> None:
    check_label_map_name(tmp_path / name)
    volume = read_volume(_save(tmp_path / "scan.nii", affine()))
    write_labels(tmp_path / name, _labels_of(volume), volume)
    assert (tmp_path / name).stat().st_size > 100


def test_equal_labels_give_equal_bytes(tmp_path: Path) -> None:
    volume = read_volume(_save(tmp_path / "scan.nii", affine()))
    for name in ("a.nii.gz", "b.nii.gz"):
        write_labels(tmp_path / name, _labels_of(volume), volume)
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()


@pytest.mark.parametrize("dtype", [np.int16, np.uint8])
def test_a_written_scan_is_canonical(tmp_path: Path, dtype: type) -> None:
    voxels = ct_voxels((9, 11, 13)).astype(dtype)
    write_scan(tmp_path / "scan.nii.gz", voxels, affine())
    image = nibabel.load(tmp_path / "scan.nii.gz")
    np.testing.assert_array_equal(np.asarray(image.dataobj).T, voxels)
    assert image.get_data_dtype() == dtype
    assert image.header.get_zooms() == (4.0, 4.5, 5.0)
    assert image.header.get_xyzt_units()[0] == "mm"
    for matrix, code in (image.get_sform(coded=True), image.get_qform(coded=True)):
        np.testing.assert_allclose(matrix, affine(), rtol=1e-6)
        assert code == 1
    if dtype is np.int16:
        np.testing.assert_array_equal(read_volume(tmp_path / "scan.nii.gz").voxels, voxels)


@pytest.mark.parametrize("name", REAL_SCANS)
def test_real_scans_are_read_without_warnings(tmp_path: Path, name: str) -> None:
    scan = shared_path(f"data/ct/{name}")
    volume = read_volume(scan)
    assert volume.warnings == ()
    canonical = nibabel.as_closest_canonical(nibabel.load(scan))
    np.testing.assert_array_equal(volume.voxels, np.asarray(canonical.dataobj).T)
    np.testing.assert_allclose(volume.grid.affine_ras, canonical.affine, atol=1e-4)
    write_labels(tmp_path / "labels.nii.gz", _labels_of(volume), volume)
    _assert_lies_on(tmp_path / "labels.nii.gz", scan, volume)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0, 351), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_damaged_header_is_read_or_refused_but_never_breaks(tmp_path: Path, changes: list[tuple[int, int]]) -> None:
    scan = _save(tmp_path / "scan.nii", affine())
    raw = bytearray(scan.read_bytes())
    for offset, value in changes:
        raw[offset] = value
    scan.write_bytes(raw)
    try:
        volume = read_volume(scan)
    except InputError:
        return
    write_labels(tmp_path / "labels.nii", _labels_of(volume), volume)
    np.testing.assert_array_equal(nibabel.load(tmp_path / "labels.nii").affine, volume.source.affine_ras)
