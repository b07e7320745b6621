"""Image files made by hand, field by field, so that any of them can be odd."""

from __future__ import annotations

import bz2
import gzip
import zlib
from pathlib import Path

import nibabel
import numpy as np

from tests.synthetic_ct import affine, ct_voxels

SHAPE = (9, 8, 7)
AFFINE = affine((4.0, 4.5, 5.0))
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])

NRRD_TYPES = {
    "i1": "int8",
    "u1": "uchar",
    "i2": "short",
    "u2": "ushort",
    "i4": "int",
    "u4": "uint",
    "i8": "int64",
    "u8": "uint64",
    "f4": "float",
    "f8": "double",
}
META_TYPES = {
    "i1": "MET_CHAR",
    "u1": "MET_UCHAR",
    "i2": "MET_SHORT",
    "u2": "MET_USHORT",
    "i4": "MET_INT",
    "u4": "MET_UINT",
    "i8": "MET_LONG_LONG",
    "u8": "MET_ULONG_LONG",
    "f4": "MET_FLOAT",
    "f8": "MET_DOUBLE",
}


def scan_ijk() -> np.ndarray:
    """int16 HU of a small scan, axes i, j, k."""
    return ct_voxels(SHAPE)


def nifti_parts(
    voxels: np.ndarray | None = None,
    matrix: np.ndarray = AFFINE,
    kind: type = nibabel.Nifti1Header,
    endianness: str = "<",
    **fields: object,
) -> tuple[bytes, bytes]:
    """Header with the four bytes that end it, and voxels; further fields are set at the end, right or wrong."""
    voxels = scan_ijk() if voxels is None else voxels
    header = kind(endianness=endianness)
    header.set_data_shape(voxels.shape)
    header.set_data_dtype(voxels.dtype)
    header.set_sform(matrix, 1)
    header.set_qform(matrix, 1)
    header.set_xyzt_units("mm")
    header["vox_offset"] = header.single_vox_offset
    stored = voxels.astype(header.get_data_dtype()).tobytes(order="F")
    for name, value in fields.items():
        header[name] = value
    return header.binaryblock + bytes(4), stored


def nifti(path: Path, *args: object, **fields: object) -> Path:
    """A NIfTI file in one piece, compressed where the name says so."""
    content = b"".join(nifti_parts(*args, **fields))  # type: ignore[arg-type]
    path.write_bytes(gzip.compress(content, 1) if path.name.lower().endswith(".gz") else content)
    return path


def numbers(values: np.ndarray) -> str:
    return " ".join(repr(float(value)) for value in values)


def packed(content: np.ndarray, encoding: str) -> bytes:
    if encoding == "text":
        return " ".join(str(value) for value in content.ravel(order="F")).encode()
    raw = content.tobytes(order="F")
    return {"raw": bytes, "gzip": gzip.compress, "bzip2": bz2.compress, "zlib": zlib.compress}[encoding](raw)


def nrrd_text(
    voxels: np.ndarray,
    matrix: np.ndarray = AFFINE,
    encoding: str = "raw",
    change: dict[str, str | None] | None = None,
) -> str:
    """A NRRD header in LPS without the empty line at its end; `change` sets fields, or drops them with None."""
    lps = LPS @ matrix
    fields: dict[str, str | None] = {
        "type": NRRD_TYPES.get(voxels.dtype.str[1:], "block"),
        "dimension": str(voxels.ndim),
        "space": "left-posterior-superior",
        "sizes": " ".join(map(str, voxels.shape)),
        "space directions": " ".join(f"({numbers(lps[:3, axis]).replace(' ', ',')})" for axis in range(3)),
        "kinds": "domain domain domain",
        "endian": "big" if voxels.dtype.str[0] == ">" else "little",
        "encoding": encoding,
        "space origin": f"({numbers(lps[:3, 3]).replace(' ', ',')})",
    }
    fields |= change or {}
    return "NRRD0004\n# made by hand\n" + "".join(f"{n}: {v}\n" for n, v in fields.items() if v is not None)


def nrrd(
    path: Path,
    voxels: np.ndarray | None = None,
    matrix: np.ndarray = AFFINE,
    encoding: str = "raw",
    change: dict[str, str | None] | None = None,
) -> Path:
    """A NRRD file; with `.nhdr` the voxels lie beside it."""
    voxels = scan_ijk() if voxels is None else voxels
    content = packed(voxels, encoding)
    if path.suffix == ".nhdr":
        change = {"data file": path.with_suffix(".raw").name} | (change or {})
        path.with_suffix(".raw").write_bytes(content)
        path.write_text(nrrd_text(voxels, matrix, encoding, change))
    else:
        path.write_bytes(nrrd_text(voxels, matrix, encoding, change).encode() + b"\n" + content)
    return path


def metaimage(
    path: Path,
    voxels: np.ndarray | None = None,
    matrix: np.ndarray = AFFINE,
    encoding: str = "raw",
    change: dict[str, str | None] | None = None,
) -> Path:
    """A MetaImage file; with `.mhd` the voxels lie beside it."""
    voxels = scan_ijk() if voxels is None else voxels
    content = packed(voxels, encoding)
    lps = LPS @ matrix
    edges = np.linalg.norm(lps[:3, :3], axis=0)
    local = path.suffix == ".mha"
    fields: dict[str, str | None] = {
        "ObjectType": "Image",
        "NDims": str(voxels.ndim),
        "BinaryData": str(encoding != "text"),
        "BinaryDataByteOrderMSB": str(voxels.dtype.str[0] == ">"),
        "CompressedData": str(encoding == "zlib"),
        "TransformMatrix": numbers((lps[:3, :3] / edges).T.ravel()),
        "Offset": numbers(lps[:3, 3]),
        "ElementSpacing": numbers(edges),
        "DimSize": " ".join(map(str, voxels.shape)),
        "ElementType": META_TYPES.get(voxels.dtype.str[1:], "MET_OTHER"),
    }
    fields |= change or {}
    fields.setdefault("ElementDataFile", "LOCAL" if local else path.with_suffix(".raw").name)
    head = "".join(f"{name} = {value}\n" for name, value in fields.items() if value is not None)
    if not local:
        path.with_suffix(".raw").write_bytes(content)
    path.write_bytes(head.encode() + (content if local else b""))
    return path
