"""Damaged and oversized files are refused with a typed error, in bounded memory and time."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from flarecli.errors import InputError
from flarecli.volume import read_header, read_image, read_volume
from tests.volume.stored_files import metaimage, nifti, nifti_parts, nrrd, scan_ijk

_LIMIT_MB = 300
_BOMB_BYTES = 350_000_000
_MEASURED = """
import sys
from pathlib import Path
from flarecli.errors import InputError
from flarecli.hardware.memory import peak_rss_mb
from flarecli.volume import read_volume
try:
    read_volume(Path(sys.argv[1]))
    print("read")
except InputError as error:
    print(error)
print(round(peak_rss_mb()))
"""


def _noisy() -> np.ndarray:
    return (scan_ijk() + np.random.default_rng(1).integers(-9, 9, scan_ijk().shape)).astype(np.int16)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.mha", lambda path: metaimage(path, _noisy(), encoding="zlib")),
        ("a.mhd", lambda path: metaimage(path, _noisy(), encoding="zlib")),
        ("a.nrrd", lambda path: nrrd(path, _noisy(), encoding="gzip")),
        ("b.nrrd", lambda path: nrrd(path, _noisy(), encoding="bzip2")),
        ("a.nhdr", lambda path: nrrd(path, _noisy(), encoding="gzip")),
        ("a.nii.gz", lambda path: nifti(path, _noisy())),
    ],
)
def test_a_flipped_bit_of_compressed_voxels_is_found(tmp_path: Path, name: str, write: Callable[[Path], Path]) -> None:
    path = write(tmp_path / name)
    packed = path.with_suffix(".raw") if path.suffix in (".mhd", ".nhdr") else path
    whole = packed.read_bytes()
    start = max(whole.rfind(b"LOCAL\n") + 6, whole.find(b"\n\n") + 2) if packed.suffix in (".mha", ".nrrd") else 0
    random = np.random.default_rng(0)
    for _ in range(60):
        place, bit = int(random.integers(start + 10, len(whole))), int(random.integers(8))  # behind the gzip header
        packed.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << bit)]) + whole[place + 1 :])
        with pytest.raises(InputError, match=r"corrupt|end too early|fewer voxels|more voxels|cannot be read"):
            read_volume(path)


@pytest.mark.parametrize("write", [nifti, nrrd, metaimage])
@pytest.mark.parametrize("added", [1, 100])
def test_some_bytes_behind_the_voxels_are_said(tmp_path: Path, write: Callable[[Path], Path], added: int) -> None:
    path = write(tmp_path / {nifti: "a.nii", nrrd: "a.nrrd", metaimage: "a.mha"}[write])
    path.write_bytes(path.read_bytes() + bytes(added))
    assert any(
        f"{added} byte" in warning and "the voxels, not read" in warning for warning in read_volume(path).warnings
    )


@pytest.mark.parametrize("write", [nifti, nrrd, metaimage])
def test_another_slice_behind_the_voxels_is_refused(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    path = write(tmp_path / {nifti: "a.nii", nrrd: "a.nrrd", metaimage: "a.mha"}[write])
    path.write_bytes(path.read_bytes() + bytes(144))
    with pytest.raises(InputError, match="more voxels than its header says"):
        read_volume(path)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize(
    ("field", "value"), [("dim", [3, 9, 8, 6, 1, 1, 1, 1]), ("dim", [3, 9, 8, 14, 1, 1, 1, 1]), ("datatype", 16)]
)
def test_a_size_or_type_that_the_file_contradicts_is_refused(
    tmp_path: Path, name: str, field: str, value: object
) -> None:
    with pytest.raises(InputError, match=r"(more|fewer) voxels than its header says"):
        read_volume(nifti(tmp_path / name, **{field: value, **({"bitpix": 32} if field == "datatype" else {})}))


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("stated", [0, 16, 348, 368, 1000])
def test_voxels_are_found_where_the_length_fits(tmp_path: Path, name: str, stated: int) -> None:
    expected = read_volume(nifti(tmp_path / "right.nii"))
    volume = read_volume(nifti(tmp_path / name, vox_offset=stated))
    np.testing.assert_array_equal(volume.voxels, expected.voxels)
    (warning,) = volume.warnings
    assert "byte 352 is taken" in warning


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_a_start_without_the_extension_bytes_is_found(tmp_path: Path, name: str) -> None:
    head, voxels = nifti_parts(vox_offset=0)
    (tmp_path / name).write_bytes(gzip.compress(head[:348] + voxels) if name.endswith("gz") else head[:348] + voxels)
    assert "byte 348 is taken" in read_volume(tmp_path / name).warnings[0]


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_a_start_that_no_length_fits_is_refused(tmp_path: Path, name: str) -> None:
    head, voxels = nifti_parts(vox_offset=0)
    content = head + voxels + bytes(3)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    with pytest.raises(InputError, match="does not say where the voxels start"):
        read_volume(tmp_path / name)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_an_offset_within_the_extensions_is_not_followed(tmp_path: Path, name: str) -> None:
    expected = read_volume(nifti(tmp_path / "right.nii")).voxels
    head, voxels = nifti_parts(vox_offset=352)
    extension = np.array([32, 6], "<i4").tobytes() + bytes(24)
    content = head[:348] + b"\1\0\0\0" + extension + voxels
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    volume = read_volume(tmp_path / name)
    np.testing.assert_array_equal(volume.voxels, expected)
    assert "byte 384 is taken" in volume.warnings[0]


def _packed_zeros(head: bytes, size: int) -> bytes:
    """A header and `size` zeros, compressed without holding them."""
    packer = gzip.zlib.compressobj(9, wbits=31)  # type: ignore[attr-defined]
    parts = [packer.compress(head)]
    for start in range(0, size, 1 << 24):
        parts.append(packer.compress(bytes(min(1 << 24, size - start))))
    return b"".join([*parts, packer.flush()])


def _nifti_bomb(folder: Path) -> Path:
    head, _ = nifti_parts(dim=[3, 1000, 1000, 350, 1, 1, 1, 1], srow_x=[9, 0, 0, 0])  # 9 m wide
    (folder / "bomb.nii.gz").write_bytes(_packed_zeros(head, _BOMB_BYTES))
    return folder / "bomb.nii.gz"


def _behind_the_voxels(folder: Path) -> Path:
    (folder / "bomb.nii.gz").write_bytes(_packed_zeros(b"".join(nifti_parts()), _BOMB_BYTES))
    return folder / "bomb.nii.gz"


def _extension_bomb(folder: Path) -> Path:
    head, _ = nifti_parts(vox_offset=_BOMB_BYTES)
    extension = np.array([_BOMB_BYTES - 368, 6], "<i4").tobytes()
    (folder / "bomb.nii.gz").write_bytes(_packed_zeros(head[:348] + b"\1\0\0\0" + extension, _BOMB_BYTES))
    return folder / "bomb.nii.gz"


def _nrrd_bomb(folder: Path) -> Path:
    path = nrrd(folder / "bomb.nrrd", encoding="gzip", change={"sizes": "1000 1000 175"})
    head = path.read_bytes().partition(b"\n\n")[0] + b"\n\n"
    path.write_bytes(head + _packed_zeros(b"", _BOMB_BYTES))
    return path


def _metaimage_bomb(folder: Path) -> Path:
    return metaimage(folder / "bomb.mha", encoding="zlib", change={"DimSize": "30000 30000 3000"})


def _bzip2_bomb(folder: Path) -> Path:
    return nrrd(folder / "bomb.nrrd", encoding="bzip2", change={"sizes": "30000 30000 3000"})


@pytest.mark.parametrize(
    "bomb", [_nifti_bomb, _behind_the_voxels, _extension_bomb, _nrrd_bomb, _metaimage_bomb, _bzip2_bomb]
)
def test_a_small_file_cannot_take_much_memory(tmp_path: Path, bomb: Callable[[Path], Path]) -> None:
    path = bomb(tmp_path)
    assert path.stat().st_size < 2_000_000
    finished = subprocess.run(
        [sys.executable, "-c", _MEASURED, str(path)], capture_output=True, text=True, timeout=60, check=True
    )
    told, peak_mb = finished.stdout.splitlines()
    assert told != "read"
    assert int(peak_mb) < _LIMIT_MB


def test_a_size_beyond_the_limit_of_memory_is_refused_before_it_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "large.nii"
    head, _ = nifti_parts(
        dim=[3, 500, 500, 1000, 1, 1, 1, 1],
        datatype=16,
        bitpix=32,
        srow_x=[1, 0, 0, 0],
        srow_y=[0, 1, 0, 0],
        srow_z=[0, 0, 1, 0],
    )
    with path.open("wb") as file:
        file.write(head)
        file.truncate(352 + 4 * 250_000_000)  # a hole, no blocks
    limited = "import resource; resource.setrlimit(resource.RLIMIT_AS, (900 << 20, 900 << 20))\n" + _MEASURED
    finished = subprocess.run(
        [sys.executable, "-c", limited, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PATH": "", "PYTHONPATH": str(Path.cwd())},
    )
    assert "needs more memory than is available" in finished.stdout


def test_header_and_voxels_can_be_read_apart(tmp_path: Path) -> None:
    header = read_header(nifti(tmp_path / "a.nii.gz"))
    assert (header.shape, header.dtype, header.voxels_bytes) == ((9, 8, 7), np.int16, 1008)
    np.testing.assert_array_equal(read_image(header).stored, scan_ijk())
