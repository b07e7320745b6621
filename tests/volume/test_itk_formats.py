"""NRRD and MetaImage files are read as SimpleITK reads them, and written with their scan's geometry."""

from __future__ import annotations

import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

from flarecli.errors import InputError
from flarecli.volume import read_volume, write_labels
from flarecli.volume.image_files import read_header
from tests.synthetic_ct import ct_voxels, rotation
from tests.volume.stored_files import metaimage, nrrd

SimpleITK = pytest.importorskip("SimpleITK", reason="needs the extra io: pip install 'flarecli[io]'")

DIRECTION = rotation((10, 170, 35)) @ np.diag([1.0, -1.0, 1.0])
SPACING = (4.1, 4.2, 4.3)
ORIGIN = (-120.5, 33.25, 801.0)


def _image(voxels_zyx: np.ndarray | None = None) -> SimpleITK.Image:
    image = SimpleITK.GetImageFromArray(ct_voxels() if voxels_zyx is None else voxels_zyx)
    image.SetSpacing(SPACING)
    image.SetOrigin(ORIGIN)
    image.SetDirection(DIRECTION.ravel().tolist())
    return image


def _save(path: Path, image: SimpleITK.Image) -> Path:
    SimpleITK.WriteImage(image, str(path))
    return path


@pytest.mark.parametrize("name", ["scan.nrrd", "scan.nhdr", "scan.mha", "scan.mhd"])
def test_a_scan_is_the_same_as_its_nifti_form(tmp_path: Path, name: str) -> None:
    volume = read_volume(_save(tmp_path / name, _image()))
    expected = read_volume(_save(tmp_path / "scan.nii", _image()))
    np.testing.assert_array_equal(volume.voxels, expected.voxels)
    np.testing.assert_allclose(volume.grid.affine_ras, expected.grid.affine_ras, atol=1e-3)
    np.testing.assert_allclose(volume.grid.spacing_mm, expected.grid.spacing_mm, rtol=1e-6)
    assert volume.warnings == ()


@pytest.mark.parametrize("scan_name", ["scan.nrrd", "scan.nii.gz"])
@pytest.mark.parametrize("labels_name", ["labels.nrrd", "labels.mha", "labels.nii.gz"])
def test_labels_lie_on_the_scan_across_formats(tmp_path: Path, scan_name: str, labels_name: str) -> None:
    scan = _save(tmp_path / scan_name, _image())
    volume = read_volume(scan)
    write_labels(tmp_path / labels_name, (volume.voxels % 5).astype(np.uint8), volume)
    labels, source = SimpleITK.ReadImage(str(tmp_path / labels_name)), SimpleITK.ReadImage(str(scan))
    assert labels.GetPixelID() == SimpleITK.sitkUInt8
    np.testing.assert_allclose(labels.GetSpacing(), source.GetSpacing(), rtol=1e-6)
    np.testing.assert_allclose(labels.GetOrigin(), source.GetOrigin(), atol=1e-3)
    np.testing.assert_allclose(labels.GetDirection(), source.GetDirection(), atol=1e-6)
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(labels), SimpleITK.GetArrayFromImage(source) % 5)


def test_labels_of_a_nrrd_scan_lie_where_nibabel_expects_them(tmp_path: Path) -> None:
    volume = read_volume(_save(tmp_path / "scan.nrrd", _image()))
    write_labels(tmp_path / "labels.nii.gz", (volume.voxels % 5).astype(np.uint8), volume)
    expected = nibabel.load(_save(tmp_path / "scan.nii", _image()))
    labels = nibabel.load(tmp_path / "labels.nii.gz")
    np.testing.assert_allclose(labels.affine, expected.affine, atol=1e-3)
    np.testing.assert_array_equal(np.asarray(labels.dataobj), np.asarray(expected.dataobj) % 5)


@pytest.mark.parametrize("directions", [np.diag([-1.0, -1.0, 1.0]), np.eye(3), DIRECTION], ids=["RAS", "LPS", "turned"])
@pytest.mark.parametrize("name", ["scan.nrrd", "scan.nhdr", "scan.mha", "scan.mhd"])
def test_voxels_outlive_the_file_and_its_image(tmp_path: Path, name: str, directions: np.ndarray) -> None:
    image = _image()
    image.SetDirection(directions.ravel().tolist())
    path = _save(tmp_path / name, image)
    volume = read_volume(path)
    assert _owned(volume.voxels)
    path.unlink()
    others = [SimpleITK.GetImageFromArray(np.full(ct_voxels().shape, 7, np.int16)) for _ in range(20)]
    steps = tuple(slice(None, None, int(sign)) for sign in np.sign(np.diag(volume.source.affine_ras)[[2, 1, 0]]))
    np.testing.assert_array_equal(volume.voxels, ct_voxels()[steps])
    assert others


def _owned(array: np.ndarray) -> bool:
    """Whether the memory of an array belongs to NumPy, not to an image that another library frees."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array.flags.owndata


def test_float_storage_is_rounded(tmp_path: Path) -> None:
    volume = read_volume(_save(tmp_path / "scan.nrrd", _image(ct_voxels().astype(np.float32) + 0.3)))
    assert np.sort(volume.voxels, axis=None).tolist() == np.sort(ct_voxels(), axis=None).tolist()


def test_one_volume_in_four_dimensions_is_read(tmp_path: Path) -> None:
    image = SimpleITK.JoinSeries([SimpleITK.GetImageFromArray(ct_voxels())])
    image.SetSpacing((*SPACING, 1.0))
    volume = read_volume(_save(tmp_path / "scan.nrrd", image))
    assert volume.voxels.shape == ct_voxels().shape


@pytest.mark.parametrize(
    ("image", "problem"),
    [
        (
            SimpleITK.GetImageFromArray(np.zeros((5, 6, 7, 3), np.uint8), isVector=True),
            "several values a voxel",
        ),
        (SimpleITK.GetImageFromArray(ct_voxels((13, 11))), "not a volume"),
        (SimpleITK.JoinSeries([SimpleITK.GetImageFromArray(ct_voxels())] * 2), "several volumes"),
    ],
)
def test_other_images_are_refused(tmp_path: Path, image: SimpleITK.Image, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        read_volume(_save(tmp_path / "scan.nrrd", image))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"hello", "is not a (NRRD|MetaImage) file"),
        (b"NRRD0004\ntype: short\ndimension: 3\nsizes: 4 4 4\n\n12", "no field 'encoding'|is not a MetaImage"),
    ],
)
@pytest.mark.parametrize("name", ["scan.nrrd", "scan.nhdr", "scan.mha", "scan.mhd"])
def test_broken_files_are_refused_in_silence(
    tmp_path: Path, name: str, content: bytes, problem: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=problem) as caught:
        read_volume(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["scan.nrrd", "scan.mha"])
def test_truncated_voxels_are_refused(tmp_path: Path, name: str) -> None:
    path = _save(tmp_path / name, _image())
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(InputError, match=r"fewer voxels|end too early"):
        read_volume(path)


@pytest.mark.parametrize("name", ["scan.nii.gz", "scan.nrrd", "scan.mha"])
def test_files_need_no_simpleitk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    path = _save(tmp_path / name, _image())
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    volume = read_volume(path)
    for labels in ("labels.nii.gz", "labels.nrrd", "labels.mha"):
        write_labels(tmp_path / labels, np.zeros(volume.voxels.shape, np.uint8), volume)


@pytest.mark.parametrize("centerings", [None, "cell cell cell", "node node node", "cell node ???"])
def test_axis_mins_are_borders_of_cells_and_centres_of_nodes(tmp_path: Path, centerings: str | None) -> None:
    change = {"space": None, "space directions": None, "space origin": None, "spacings": "4 5 6"}
    path = nrrd(tmp_path / "s.nrrd", change={**change, "axis mins": "10 20 30", "centerings": centerings})
    read, expected = read_header(path), SimpleITK.ReadImage(str(path))
    x, y, z = expected.GetOrigin()
    np.testing.assert_allclose(read.affine_ras[:3, 3], (-x, -y, z))


@pytest.mark.parametrize("directions", [None, "none none none"])
@pytest.mark.parametrize("space", ["left-posterior-superior", "RAS", "left-anterior-superior"])
def test_the_space_origin_counts_without_directions(tmp_path: Path, space: str, directions: str | None) -> None:
    change = {"space": space, "space origin": "(-120,-90,400)", "axis mins": "1 2 3", "space units": '"cm" "cm" "cm"'}
    stated = nrrd(tmp_path / "stated.nrrd", change={**change, "space directions": "(.4,0,0) (0,.5,0) (0,0,.6)"})
    alone = nrrd(tmp_path / "alone.nrrd", change={**change, "space directions": directions, "spacings": ".4 .5 .6"})
    expected, read = read_header(stated), read_header(alone)
    np.testing.assert_array_equal(np.abs(read.affine_ras[:3, 3]), (1200.0, 900.0, 4000.0))
    np.testing.assert_array_equal(read.affine_ras, expected.affine_ras)
    assert [warning for warning in read.warnings if "gives no space directions" in warning]


@pytest.mark.parametrize(
    "change",
    [
        {"space directions": None, "spacings": "4 5 nan"},
        {"space directions": None, "spacings": "nan nan nan"},
        {"space directions": "(4,0,0) (0,5,0) none"},
        {"space directions": "(4,0,0) (0,5,0) none", "spacings": "nan nan 6"},
        {"space directions": "none none none"},
        {"space directions": None, "spacings": "4 5 6", "space origin": "(-120,-90)"},
    ],
)
def test_no_voxel_size_and_no_origin_is_made_up(tmp_path: Path, change: dict[str, str | None]) -> None:
    with pytest.raises(InputError, match=r"voxel size along three axes|no field 'spacings'|'space origin' is damaged"):
        read_header(nrrd(tmp_path / "s.nrrd", change=change))


def test_two_positions_in_one_metaimage_are_refused(tmp_path: Path) -> None:
    same = read_header(metaimage(tmp_path / "same.mha", change={"Offset": "1 2 3", "Origin": "1.0 2 3"}))
    np.testing.assert_array_equal(same.affine_ras[:3, 3], (-1.0, -2.0, 3.0))
    with pytest.raises(InputError, match="two positions"):
        read_header(metaimage(tmp_path / "two.mha", change={"Offset": "1 2 3", "Origin": "1 2 30"}))
