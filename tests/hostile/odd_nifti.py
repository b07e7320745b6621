"""NIfTI files with every field wrong once, and those that look wrong and are sound."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np

from tests.hostile.corpus import OddInput
from tests.synthetic_ct import affine, rotation
from tests.volume.stored_files import AFFINE, nifti, nifti_parts, scan_ijk

Make = Callable[[Path], list[str | Path]]
RNG = np.random.default_rng(3)
DONE = ("o.json", "o.nii.gz")


def _predict(folder: Path, path: Path) -> list[str | Path]:
    return ["predict", path, folder / "out" / "o.nii.gz"]


def _file(voxels: np.ndarray | None = None, matrix: np.ndarray = AFFINE, name: str = "s.nii", **fields: object) -> Make:
    """A scan with fields of its header set."""
    return lambda folder: _predict(folder, nifti(folder / name, voxels, matrix, **fields))


def _bytes(content: Callable[[], bytes], name: str = "s.nii.gz") -> Make:
    """A file of any content."""

    def make(folder: Path) -> list[str | Path]:
        (folder / name).write_bytes(content())
        return _predict(folder, folder / name)

    return make


def _raw(**fields: object) -> bytes:
    return b"".join(nifti_parts(**fields))  # type: ignore[arg-type]


def _flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :]


def _special(kind: str) -> Make:
    def make(folder: Path) -> list[str | Path]:
        path = folder / "s.nii.gz"
        if kind == "FIFO":
            os.mkfifo(path)
        elif kind == "loop":
            path.symlink_to(path)
        else:
            path.symlink_to(kind)
        return _predict(folder, path)

    return make


def _pair(given: str, *, voxels: bool = True, extra: bytes = b"", kind: type = nibabel.Nifti1Pair) -> Make:
    def make(folder: Path) -> list[str | Path]:
        kind(scan_ijk(), AFFINE).to_filename(folder / "s.img")
        if given.isupper():
            for part in ("s.hdr", "s.img"):
                (folder / part).rename(folder / part.upper())
        if not voxels:
            (folder / "s.img").unlink()
        elif extra:
            (folder / "s.img").write_bytes(extra)
        return _predict(folder, folder / given)

    return make


def _positions(sform: np.ndarray | None, qform: np.ndarray | None, **fields: object) -> Make:
    """A header with both positions; None leaves one out."""

    def make(folder: Path) -> list[str | Path]:
        header = nibabel.Nifti1Header()
        header.set_data_shape(scan_ijk().shape)
        header.set_qform(qform if qform is not None else sform, int(qform is not None))
        header.set_sform(sform if sform is not None else qform, int(sform is not None))
        kept = {name: header[name] for name in header if name[:4] in ("srow", "quat", "qoff", "pixd", "sfor", "qfor")}
        return _predict(folder, nifti(folder / "s.nii", None, AFFINE, **(kept | fields)))

    return make


def _extended(size: int, flag: bytes = b"\1\0\0\0", **fields: object) -> bytes:
    head, voxels = nifti_parts(**fields)  # type: ignore[arg-type]
    return head[:348] + flag + np.array([size, 6], "<i4").tobytes() + bytes(24) + voxels


def _with(value: float, count: int, dtype: type = np.float32) -> np.ndarray:
    voxels = scan_ijk().astype(dtype)
    voxels.ravel()[:count] = value
    return voxels


HU = scan_ijk()
ODD = [
    # files
    OddInput("missing", lambda folder: _predict(folder, folder / "no.nii.gz"), 3, ("does not exist",)),
    OddInput("empty", _bytes(lambda: b""), 3, ("is empty (0 bytes)",)),
    OddInput("one byte", _bytes(lambda: b"x"), 3, ("not a NIfTI file",)),
    OddInput("text", _bytes(lambda: b"hello " * 500, "s.nii"), 3, ("not a NIfTI file", "first bytes")),
    OddInput("zeros", _bytes(lambda: bytes(5000), "s.nii"), 3, ("not a NIfTI file",)),
    OddInput("a web page named NIfTI", _bytes(lambda: b"<!DOCTYPE html>" * 90), 3, ("not a NIfTI file", "DOCTYPE")),
    OddInput("header alone", _bytes(lambda: _raw()[:348], "s.nii"), 3, ("fewer voxels",)),
    OddInput("half a header", _bytes(lambda: _raw()[:200], "s.nii"), 3, ("not a NIfTI file",)),
    OddInput("half of the voxels", _bytes(lambda: _raw()[:800], "s.nii"), 3, ("fewer voxels", "incomplete")),
    OddInput("one byte short", _bytes(lambda: _raw()[:-1], "s.nii"), 3, ("fewer voxels",)),
    OddInput("one slice more", _bytes(lambda: _raw() + bytes(144), "s.nii"), 3, ("more voxels",)),
    OddInput("a slice more, compressed", _bytes(lambda: gzip.compress(_raw() + bytes(900))), 3, ("more voxels",)),
    OddInput("bytes behind", _bytes(lambda: _raw() + b"end", "s.nii"), 0, ("3 bytes follow",), DONE),
    OddInput("bytes behind, compressed", _bytes(lambda: gzip.compress(_raw() + b"end")), 0, ("3 bytes follow",), DONE),
    OddInput("gzip of nothing", _bytes(lambda: gzip.compress(b"")), 3, ("not a NIfTI file",)),
    OddInput("gzip cut", _bytes(lambda: gzip.compress(_raw())[:-300]), 3, ("end too early",)),
    OddInput("gzip without its trailer", _bytes(lambda: gzip.compress(_raw())[:-8]), 3, ("end too early",)),
    OddInput("gzip's header alone", _bytes(lambda: gzip.compress(_raw())[:10]), 3, ("end too early",)),
    OddInput("gzip with a wrong checksum", _bytes(lambda: _flipped(gzip.compress(_raw()), -6)), 3, ("corrupt",)),
    OddInput("garbage behind gzip", _bytes(lambda: gzip.compress(_raw()) + b"garbage"), 3, ("compressed data",)),
    OddInput("zeros behind gzip", _bytes(lambda: gzip.compress(_raw()) + bytes(512)), 0, (), DONE),
    OddInput(
        "gzip of three members",
        _bytes(lambda: b"".join(gzip.compress(_raw()[start : start + 500]) for start in range(0, 2000, 500))),
        0,
        (),
        DONE,
    ),
    OddInput("compressed twice", _bytes(lambda: gzip.compress(gzip.compress(_raw()))), 3, ("not a NIfTI file",)),
    OddInput("compressed, named .nii", _bytes(lambda: gzip.compress(_raw()), "s.nii"), 0, (), DONE),
    OddInput("plain, named .nii.gz", _bytes(_raw), 0, (), DONE),
    OddInput("bzip2", _bytes(lambda: bz2.compress(_raw()), "s.nii.bz2"), 3, ("bzip2", "bunzip2")),
    OddInput("bzip2 named gzip", _bytes(lambda: bz2.compress(_raw())), 3, ("bzip2",)),
    OddInput("xz", _bytes(lambda: lzma.compress(_raw()), "s.nii.xz"), 3, ("xz", "unxz")),
    OddInput("zstd", _bytes(lambda: b"\x28\xb5\x2f\xfd" + bytes(99), "s.nii.zst"), 3, ("zstd",)),
    OddInput("zip", _bytes(lambda: b"PK\x03\x04" + bytes(99), "s.nii.zip"), 3, ("zip",)),
    OddInput("DICOM named NIfTI", _bytes(lambda: bytes(128) + b"DICM" + bytes(900), "s.nii"), 3, ("DICOM",)),
    OddInput("FIFO", _special("FIFO"), 3, ("not a regular file", "FIFO")),
    OddInput("link to a device", _special("/dev/zero"), 3, ("not a regular file",)),
    OddInput("link to nothing", _special("annex/objects/s.nii.gz"), 3, ("link to a file that is not there",)),
    OddInput("link to itself", _special("loop"), 3, ("cannot be",)),
    # pairs
    OddInput("pair by its header", _pair("s.hdr"), 0, (), DONE),
    OddInput("pair by its voxels", _pair("s.img"), 0, (), DONE),
    OddInput("pair in capitals", _pair("S.HDR"), 0, (), DONE),
    OddInput("pair in capitals by its voxels", _pair("S.IMG"), 0, (), DONE),
    OddInput("pair without voxels", _pair("s.hdr", voxels=False), 3, ("s.img", "does not exist")),
    OddInput("pair with short voxels", _pair("s.hdr", extra=bytes(99)), 3, ("fewer voxels",)),
    OddInput("pair of Analyze 7.5", _pair("s.hdr", kind=nibabel.AnalyzeImage), 3, ("not a NIfTI file",)),
    # sizes
    OddInput("no axes", _file(dim=[0] * 8), 3, ("no valid image size",)),
    OddInput("eight axes", _file(dim=[8, 9, 8, 7, 1, 1, 1, 1]), 3, ("NIfTI",)),
    OddInput("an axis of no voxels", _file(dim=[3, 9, 0, 7, 1, 1, 1, 1]), 3, ("no valid image size",)),
    OddInput("a negative axis", _file(dim=[3, 9, -8, 7, 1, 1, 1, 1]), 3, ("no valid image size",)),
    OddInput("an axis shorter by one", _file(dim=[3, 9, 8, 6, 1, 1, 1, 1]), 3, ("more voxels",)),
    OddInput("largest axes", _file(dim=[3, 32767, 32767, 32767, 1, 1, 1, 1]), 3, ("field of view",)),
    OddInput("a picture", _file(dim=[2, 9, 8, 1, 1, 1, 1, 1]), 3, ("not a volume",)),
    OddInput("a single slice", _file(HU[:, :, :1]), 3, ("single slice",)),
    OddInput("one volume in four axes", _file(HU[..., None]), 0, (), DONE),
    OddInput("one volume in five axes", _file(HU[..., None, None]), 0, (), DONE),
    OddInput("two volumes", _file(np.stack([HU, HU], -1)), 3, ("several volumes",)),
    OddInput("a vector field", _file(np.stack([HU] * 3, -1)[..., None, :], intent_code=1007), 3, ("several volumes",)),
    # types
    OddInput("colours", _file(datatype=128, bitpix=24), 3, ("colours",)),
    OddInput("colours with opacity", _file(datatype=2304, bitpix=32), 3, ("colours",)),
    OddInput("complex numbers", _file(HU.astype(np.complex64)), 3, ("complex",)),
    OddInput("bits", _file(datatype=1, bitpix=1), 3, ("NIfTI header",)),
    OddInput("unknown type", _file(datatype=77), 3, ("NIfTI header",)),
    OddInput("type of twice the size", _file(datatype=8, bitpix=32), 3, ("fewer voxels",)),
    OddInput("type of half the size", _file(datatype=2, bitpix=8), 3, ("more voxels",)),
    OddInput("not a number", _file(_with(np.nan, 5)), 3, ("5 voxels NaN",)),
    OddInput("infinity", _file(_with(np.inf, 2, np.float64)), 3, ("2 voxels NaN or infinite",)),
    OddInput("beyond int16", _file(_with(-1e9, 3)), 0, ("clipped to -32768 to 32767 HU in 3 voxels",), DONE),
    OddInput("NIfTI-2", _file(kind=nibabel.Nifti2Header), 0, (), DONE),
    OddInput("big endian", _file(endianness=">"), 0, (), DONE),
    OddInput("big endian NIfTI-2", _file(kind=nibabel.Nifti2Header, endianness=">", name="s.nii.gz"), 0, (), DONE),
    # where the voxels start
    OddInput("start 0", _file(vox_offset=0), 0, ("byte 352 is taken",), DONE),
    OddInput("start 0, compressed", _file(vox_offset=0, name="s.nii.gz"), 0, ("byte 352 is taken",), DONE),
    OddInput("start within the header", _file(vox_offset=100), 0, ("byte 352 is taken",), DONE),
    OddInput("negative start", _file(vox_offset=-352), 0, ("byte 352 is taken",), DONE),
    OddInput("start between bytes", _file(vox_offset=352.5), 0, ("byte 352 is taken",), DONE),
    OddInput("start not a number", _file(vox_offset=np.nan), 0, ("byte 352 is taken",), DONE),
    OddInput("start behind the end", _file(vox_offset=1e30), 0, ("byte 352 is taken",), DONE),
    OddInput("NIfTI-2 with start 352", _file(kind=nibabel.Nifti2Header, vox_offset=352), 0, ("byte 544",), DONE),
    OddInput("odd start", _bytes(lambda: _raw(vox_offset=353)[:352] + b"\0" + _raw()[352:], "s.nii"), 0, (), DONE),
    OddInput("extension", _bytes(lambda: _extended(32, vox_offset=384), "s.nii"), 0, (), DONE),
    OddInput("start in an extension", _bytes(lambda: _extended(32), "s.nii"), 0, ("byte 384 is taken",), DONE),
    OddInput("huge extension", _bytes(lambda: _extended(2**31 - 16, vox_offset=384), "s.nii"), 0, (), DONE),
    OddInput("extension of no bytes", _bytes(lambda: _extended(0, vox_offset=384), "s.nii"), 0, (), DONE),
    OddInput("start and length unclear", _bytes(lambda: _raw(vox_offset=0) + b"xyz", "s.nii"), 3, ("voxels start",)),
    # scaling
    OddInput("slope not a number", _file(scl_slope=np.nan, scl_inter=5), 0, (), DONE),
    OddInput("slope 0", _file(scl_slope=0, scl_inter=-1024), 0, (), DONE),
    OddInput("intercept not a number", _file(scl_slope=1, scl_inter=np.nan), 3, ("value scaling is damaged",)),
    OddInput("slope of 1e30", _file(scl_slope=1e30), 3, ("HU",)),
    OddInput("unsigned with its intercept", _file((HU + 1100).astype("u2"), scl_slope=1, scl_inter=-1100), 0, (), DONE),
    *(OddInput(f"HU times {factor}", _file(scl_slope=factor), 3, ("scaled", "scl_slope")) for factor in (2, 6, 10, 20)),
    *(
        OddInput(f"HU plus {offset}", _file(HU + np.int16(offset)), 3, (f"offset of +{offset}", f"-{offset}"))
        for offset in (1000, 1024)
    ),
    *(
        OddInput(f"HU minus {offset}", _file(HU - np.int16(offset)), 3, ("subtracted twice",))
        for offset in (1000, 1024)
    ),
    OddInput("HU halved", _file(scl_slope=0.5), 0, ("not near -1000",), DONE),
    # values
    OddInput("nothing but 0", _file(HU * 0), 3, ("span too little",)),
    OddInput("a label map", _file((HU > 0).astype("u1")), 3, ("span too little",)),
    OddInput("grey values", _file((HU.clip(-160, 240) + 160).astype("u1")), 3, ("8-bit",)),
    OddInput("MR", _file(RNG.integers(0, 800, HU.shape).astype("i2")), 3, ("neither fat nor air",)),
    OddInput("filled with 0", _file(np.where(np.indices(HU.shape)[0] < 2, 0, HU)), 0, ("exactly 0 HU", "fill"), DONE),
    OddInput("padded with -32768", _file(np.where(np.indices(HU.shape)[0] < 2, -32768, HU).astype("i2")), 0, (), DONE),
    OddInput("windowed", _file(HU.clip(-160, 240)), 0, ("cut to",), DONE),
    # position
    OddInput("no codes", _file(sform_code=0, qform_code=0), 0, ("left and right",), DONE),
    OddInput("unknown codes", _file(sform_code=77, qform_code=-3), 0, ("sform_code is 77", "left and right"), DONE),
    OddInput("sform of zeros", _positions(AFFINE * 0, AFFINE), 0, ("its qform is used",), DONE),
    OddInput("sform not a number", _file(srow_x=[np.nan, 0, 0, 0]), 0, ("its qform is used",), DONE),
    OddInput("sform of zeros alone", _file(srow_x=0, srow_y=0, srow_z=0, qform_code=0), 3, ("affine",)),
    OddInput("sform not a number, no qform", _file(srow_x=np.nan, qform_code=0), 3, ("not numbers",)),
    OddInput("qform not a number", _file(quatern_b=np.nan), 0, ("sform is used",), DONE),
    OddInput("qform no rotation", _file(quatern_b=5, quatern_c=5), 0, ("sform is used",), DONE),
    OddInput("qform no rotation, no sform", _file(quatern_b=5, quatern_c=5, sform_code=0), 3, ("NIfTI header",)),
    OddInput("mirrored", _positions(np.diag([-1.0, 1, 1, 1]) @ AFFINE, AFFINE), 0, ("EXCHANGED", "qform"), DONE),
    OddInput(
        "turned", _positions(affine(directions=rotation((0, 0, 25))), AFFINE), 0, ("two positions", "mm apart"), DONE
    ),
    OddInput("moved by 1 mm", _positions(AFFINE, affine((4, 4.5, 5), (-29, -20, 70))), 0, ("1.0 mm apart",), DONE),
    OddInput("sheared", _file(srow_x=[4, 0.5, 0, 0], qform_code=0), 3, ("sheared",)),
    OddInput("slightly sheared", _file(srow_x=[4, 0.03, 0, 0], qform_code=0), 0, ("slightly sheared",), DONE),
    OddInput("no voxel size", _file(pixdim=[1, 0, 4, 5, 0, 0, 0, 0], sform_code=0), 3, ("no voxel size",)),
    OddInput("negative voxel size", _file(pixdim=[1, -4, 4.5, 5, 0, 0, 0, 0]), 0, (), DONE),
    OddInput("two voxel sizes", _file(pixdim=[1, 2, 4.5, 5, 0, 0, 0, 0]), 0, ("contradicts its affine",), DONE),
    OddInput("metres without a unit", _file(matrix=affine((0.004, 0.0045, 0.005))), 3, ("unit must be mm",)),
    OddInput("metres", _file(matrix=affine((0.004, 0.0045, 0.005)), xyzt_units=1), 0, ("converted to mm",), DONE),
    OddInput("micrometres", _file(matrix=affine((4000, 4500, 5000)), xyzt_units=3), 0, ("converted to mm",), DONE),
    OddInput("mm called metres", _file(xyzt_units=1), 0, ("taken as mm",), DONE),
    OddInput("unknown unit", _file(xyzt_units=7), 0, (), DONE),
    OddInput("a field of 9 m", _file(matrix=affine((20, 4, 5)), dim=[3, 500, 8, 7, 1, 1, 1, 1]), 3, ("field of view",)),
]
