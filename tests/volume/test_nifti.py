"""NIfTI files are read exactly, or refused with words that fit."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import nibabel
import numpy as np
import pytest

from flarecli.errors import InputError, UsageError
from flarecli.volume import StoredImage, read_header, read_image
from flarecli.volume.nifti import write_nifti

_AFFINE = np.array([[-0.8, 0, 0, 100], [0, -0.8, 0, 90], [0, 0, 2.5, -400], [0, 0, 0, 1]], np.float64)


def _voxels(dtype: type = np.int16, shape: tuple[int, ...] = (7, 6, 5)) -> np.ndarray:
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def _save(path: Path, voxels: np.ndarray, kind: type = nibabel.Nifti1Image) -> Path:
    image = kind(voxels, _AFFINE)
    image.header.set_xyzt_units("mm")
    nibabel.save(image, path)
    return path


def _patched(path: Path, offset: int, content: bytes) -> Path:
    raw = bytearray(path.read_bytes())
    raw[offset : offset + len(content)] = content
    path.write_bytes(raw)
    return path


def _read(path: Path) -> StoredImage:
    return read_image(read_header(path))


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.hdr", "a.img", "a.img.gz"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32])
def test_reads_what_nibabel_wrote(tmp_path: Path, name: str, dtype: type) -> None:
    kind = nibabel.Nifti1Image if "nii" in name else nibabel.Nifti1Pair
    path = _save(tmp_path / name, _voxels(dtype), kind)
    content = _read(path)
    voxels = content.stored
    assert voxels.dtype == dtype
    assert voxels.flags.f_contiguous
    np.testing.assert_array_equal(voxels, _voxels(dtype))
    np.testing.assert_array_equal(content.header.affine_ras, nibabel.load(path).affine)
    assert content.header.spacing_ijk_mm == nibabel.load(path).header.get_zooms()


def test_reading_takes_the_memory_of_the_voxels_once(tmp_path: Path) -> None:
    path = _save(tmp_path / "a.nii.gz", np.zeros((200, 200, 200), np.int16))
    tracemalloc.start()
    stored = _read(path).stored
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < stored.nbytes * 1.3


def test_reads_nifti2(tmp_path: Path) -> None:
    content = _read(_save(tmp_path / "a.nii.gz", _voxels(), nibabel.Nifti2Image))
    assert isinstance(content.header.nifti_header, nibabel.Nifti2Header)
    np.testing.assert_array_equal(content.stored, _voxels())


def test_reads_big_endian_into_native_byte_order(tmp_path: Path) -> None:
    header = nibabel.Nifti1Header(endianness=">")
    header.set_data_dtype(np.dtype(">i2"))
    nibabel.save(nibabel.Nifti1Image(_voxels(), _AFFINE, header), tmp_path / "a.nii")
    stored = _read(tmp_path / "a.nii").stored
    assert stored.dtype.isnative
    np.testing.assert_array_equal(stored, _voxels())


def test_skips_header_extensions(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(_voxels(), _AFFINE)
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"words " * 100))
    nibabel.save(image, tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(_read(tmp_path / "a.nii.gz").stored, _voxels())


def test_compression_is_told_by_content_not_by_name(tmp_path: Path) -> None:
    path = _save(tmp_path / "a.nii.gz", _voxels()).rename(tmp_path / "b.nii")
    np.testing.assert_array_equal(_read(path).stored, _voxels())
    path = _save(tmp_path / "c.nii", _voxels()).rename(tmp_path / "d.nii.gz")
    np.testing.assert_array_equal(_read(path).stored, _voxels())


def test_reads_several_gzip_members(tmp_path: Path) -> None:
    raw = _save(tmp_path / "a.nii", _voxels()).read_bytes()
    (tmp_path / "b.nii.gz").write_bytes(gzip.compress(raw[:400]) + gzip.compress(raw[400:]))
    np.testing.assert_array_equal(_read(tmp_path / "b.nii.gz").stored, _voxels())


def test_scaling_is_given_apart(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(_voxels(np.int16), _AFFINE)
    image.header.set_slope_inter(2.0, -24.0)
    nibabel.save(image, tmp_path / "a.nii")
    stored = _read(tmp_path / "a.nii")
    header = stored.header
    assert (header.slope, header.intercept, header.is_scaled) == (2.0, -24.0, True)
    np.testing.assert_array_equal(stored.stored, _voxels(np.int16))


def _expect(path: Path, problem: str) -> InputError:
    with pytest.raises(InputError, match=problem) as caught:
        _read(path)
    assert caught.value.remedy
    assert caught.value.path == path
    return caught.value


def test_refuses_missing_folder_empty(tmp_path: Path) -> None:
    _expect(tmp_path / "no.nii.gz", "does not exist")
    _expect(tmp_path, "is a folder")
    (tmp_path / "empty.nii.gz").touch()
    _expect(tmp_path / "empty.nii.gz", "is empty")


@pytest.mark.parametrize(
    "content",
    [b"x", b"hello " * 200, gzip.compress(b"hello " * 200, mtime=0), gzip.compress(b"", mtime=0), bytes(1000)],
    ids=["a letter", "text", "compressed text", "compressed nothing", "zeros"],
)
def test_refuses_other_files(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.nii.gz").write_bytes(content)
    assert "first bytes" in str(_expect(tmp_path / "a.nii.gz", "is not a NIfTI file"))


def test_refuses_a_pair_without_voxels(tmp_path: Path) -> None:
    path = _save(tmp_path / "a.hdr", _voxels(), nibabel.Nifti1Pair)
    path.with_suffix(".img").unlink()
    with pytest.raises(InputError, match=r"a\.img: does not exist"):
        _read(path)


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.97])
def test_refuses_truncated_gzip(tmp_path: Path, kept: float) -> None:
    noise = np.random.default_rng(0).integers(-1000, 1000, (40, 40, 20)).astype(np.int16)
    path = _save(tmp_path / "a.nii.gz", noise)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole))])
    assert "again" in _expect(path, "end too early").remedy


@pytest.mark.parametrize("missing", [1, 8])
def test_refuses_gzip_without_its_whole_trailer(tmp_path: Path, missing: int) -> None:
    path = _save(tmp_path / "a.nii.gz", _voxels())
    path.write_bytes(path.read_bytes()[:-missing])
    _expect(path, "end too early")


def test_refuses_gzip_with_a_wrong_checksum(tmp_path: Path) -> None:
    path = _save(tmp_path / "a.nii.gz", _voxels())
    _patched(path, path.stat().st_size - 8, b"\0\1\2\3")
    _expect(path, "corrupt")


def test_refuses_gzip_with_damaged_content(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(-1000, 1000, (40, 40, 20)).astype(np.int16)
    path = _save(tmp_path / "a.nii.gz", noise)
    _patched(path, path.stat().st_size // 2, bytes(64))
    _expect(path, "corrupt|end too early")


@pytest.mark.parametrize("lost_bytes", [1, 200])
def test_refuses_uncompressed_file_that_is_too_short(tmp_path: Path, lost_bytes: int) -> None:
    path = _save(tmp_path / "a.nii", _voxels())
    path.write_bytes(path.read_bytes()[:-lost_bytes])
    assert _expect(path, "fewer voxels").seen == f"{420 - lost_bytes} bytes of voxels"


def test_refuses_an_impossible_size_without_reserving_memory(tmp_path: Path) -> None:
    path = _save(tmp_path / "a.nii", _voxels())
    _patched(path, 40, np.array([3, 32767, 32767, 32767], "<i2").tobytes())
    _expect(path, "fewer voxels")


@pytest.mark.parametrize("dimensions", [[3, 7, 0, 5], [3, 7, -6, 5]])
def test_refuses_sizes_that_are_not_positive(tmp_path: Path, dimensions: list[int]) -> None:
    path = _patched(_save(tmp_path / "a.nii", _voxels()), 40, np.array(dimensions, "<i2").tobytes())
    _expect(path, "no valid image size")


def test_refuses_unknown_storage_type(tmp_path: Path) -> None:
    path = _patched(_save(tmp_path / "a.nii", _voxels()), 70, np.array([77], "<i2").tobytes())
    _expect(path, "contradicts itself")


def test_refuses_an_affine_that_is_not_a_number(tmp_path: Path) -> None:
    path = _patched(_save(tmp_path / "a.nii", _voxels()), 280, np.array([np.nan], "<f4").tobytes())
    _expect(path, "not numbers")


@pytest.mark.parametrize("voxel_size", [0.0, np.nan])
def test_refuses_missing_voxel_sizes_unless_the_sform_gives_them(tmp_path: Path, voxel_size: float) -> None:
    path = _patched(_save(tmp_path / "a.nii", _voxels()), 80, np.array([voxel_size], "<f4").tobytes())
    np.testing.assert_allclose(_read(path).header.affine_ras, _AFFINE, rtol=1e-6)
    _expect(_patched(path, 252, bytes(4)), "no voxel size")


def test_repairs_are_silent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _patched(_save(tmp_path / "a.nii", _voxels()), 76, np.array([0.0, -0.8], "<f4").tobytes())
    assert _read(path).header.nifti_header["pixdim"][:2].tolist() == [1.0, np.float32(0.8)]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "A.NII.GZ"])
@pytest.mark.parametrize("voxels", [_voxels(), np.asfortranarray(_voxels()), _voxels()[::-1, :, ::2]])
def test_written_files_are_read_by_nibabel(tmp_path: Path, name: str, voxels: np.ndarray) -> None:
    header = nibabel.Nifti1Image(_voxels(np.uint8), _AFFINE).header
    header.set_slope_inter(3.0, 4.0)
    write_nifti(tmp_path / name, header, voxels)
    image = nibabel.load(tmp_path / name)
    np.testing.assert_array_equal(np.asarray(image.dataobj), voxels)
    assert image.get_data_dtype() == np.int16
    np.testing.assert_array_equal(image.affine, header.get_best_affine())
    compressed = (tmp_path / name).read_bytes()[:2] == b"\x1f\x8b"
    assert compressed == name.lower().endswith(".gz")


def test_writing_leaves_the_header_given_as_it_was(tmp_path: Path) -> None:
    header = nibabel.Nifti1Image(_voxels(np.uint8), _AFFINE).header
    before = header.binaryblock
    write_nifti(tmp_path / "a.nii", header, _voxels())
    assert header.binaryblock == before


def test_nothing_of_name_or_time_is_written_into_the_compressed_file(tmp_path: Path) -> None:
    header = nibabel.Nifti1Image(_voxels(np.uint8), _AFFINE).header
    write_nifti(tmp_path / "secret_name.nii.gz", header, _voxels())
    raw = (tmp_path / "secret_name.nii.gz").read_bytes()
    assert raw[3] == 0  # no flags: no name follows
    assert raw[4:8] == bytes(4)  # time


@pytest.mark.parametrize("name", ["a.img", "a.gz", "a"])
def test_other_endings_are_refused_for_writing(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"\.nii\.gz"):
        write_nifti(tmp_path / name, nibabel.Nifti1Header(), _voxels())
