"""MetaImage files: `.mha`, or `.mhd` with data files beside it. Source: itk.org/Wiki/ITK/MetaIO/Documentation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from isal import isal_zlib

from flarecli.files.atomic import atomic_path
from flarecli.files.sources import opened
from flarecli.volume.image import ImageHeader
from flarecli.volume.text_headers import LONGEST_HEADER_BYTES, TextHeader
from flarecli.volume.unpacking import Encoding
from flarecli.volume.voxel_data import VoxelData
from flarecli.volume.world_axes import LPS_TO_RAS, affine_from

_TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
"""MET_LONG has 4 bytes in files of every system. Source: MetaIO, metaTypes.h."""

_COMPRESSION_LEVEL = 2
_LAST = "elementdatafile"
_ORIGINS = ("offset", "position", "origin")


def read_metaimage_header(path: Path) -> ImageHeader:
    """Read what a MetaImage file says.

    Raises:
        InputError: when it is not a MetaImage file, or when its header is damaged, contradicts itself or lacks a
            statement.
    """
    header, end = _parsed(path)
    dimension = header.dimension("ndims")
    shape = header.integers("DimSize", header.required("dimsize"), dimension)
    type_name = header.required("elementtype").upper()
    if type_name not in _TYPES:
        raise header.error("the MetaImage type is not known, or no number", seen=type_name, expected=", ".join(_TYPES))
    channels = header.integers("ElementNumberOfChannels", header.text("elementnumberofchannels") or "1", 1)[0]
    if channels != 1:
        raise header.error(
            "holds several values a voxel",
            seen=f"{channels} channels",
            expected="one HU value a voxel",
            remedy="Give the CT scan itself, not a colour rendering or a vector field.",
        )
    affine_ras, spacing, warnings = _position(header, dimension)
    slope, intercept, scale_warnings = _scaling(header)
    encoding = _encoding(header)
    big = _flag(header, "binarydatabyteordermsb", "elementbyteordermsb")
    dtype = np.dtype(_TYPES[type_name]).newbyteorder(">" if big and encoding is not Encoding.TEXT else "<")
    return ImageHeader(
        path=path,
        shape=shape,
        dtype=dtype,
        affine_ras=affine_ras,
        spacing_ijk_mm=spacing,
        data=_data(header, encoding, end, shape),
        slope=slope,
        intercept=intercept,
        warnings=(*warnings, *scale_warnings),
    )


def write_metaimage(path: Path, labels_ijk: np.ndarray, affine_ras: np.ndarray) -> None:
    """Write a label map as a compressed MetaImage file, whole or not at all; equal labels give equal bytes.

    Args:
        path: Ends in `.mha`.
        labels_ijk: uint8 array along the axes of the affine.
        affine_ras: 4x4 matrix from the index to world mm.

    Raises:
        OutputError: when the file cannot be written.
    """
    packer = isal_zlib.compressobj(_COMPRESSION_LEVEL)
    packed = [packer.compress(np.ascontiguousarray(labels_ijk[:, :, k].T).data) for k in range(labels_ijk.shape[2])]
    packed.append(packer.flush())
    affine_lps = LPS_TO_RAS @ affine_ras[:3] + 0.0
    edges = np.linalg.norm(affine_lps[:, :3], axis=0)
    head = (
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nCompressedData = True\n"
        f"CompressedDataSize = {sum(map(len, packed))}\nTransformMatrix = {_listed((affine_lps[:, :3] / edges).T)}\n"
        f"Offset = {_listed(affine_lps[:, 3])}\nCenterOfRotation = 0 0 0\nElementSpacing = {_listed(edges)}\n"
        f"DimSize = {' '.join(map(str, labels_ijk.shape))}\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n"
    )
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write(head.encode("ascii"))
        file.writelines(packed)


def _listed(values: np.ndarray) -> str:
    return " ".join(repr(float(value)) for value in values.ravel())


def _parsed(path: Path) -> tuple[TextHeader, int]:
    """The fields, and the byte behind the last of them."""
    with opened(path) as file:
        block = file.read(LONGEST_HEADER_BYTES)
    header, end = TextHeader(path, "MetaImage", {}), 0
    while end < len(block) and _LAST not in header.fields:
        line_end = block.find(b"\n", end)
        line_end = len(block) if line_end < 0 else line_end
        line = block[end:line_end].decode("utf-8", "replace").strip()
        end = line_end + 1
        name, separator, value = line.partition("=")
        if not separator:
            name, separator, value = line.partition(":")
        if line and not separator:
            break
        name = name.strip().lower()
        if name in header.fields and name != "comment":
            raise header.error(
                f"the MetaImage header states '{name}' twice", seen=line[:80], expected="each field once"
            )
        if line:
            header.fields[name] = value.strip()
    if _LAST not in header.fields or "ndims" not in header.fields:
        raise header.error(
            "is empty (0 bytes)" if not block else "is not a MetaImage file",
            seen=f"first bytes {block[:16]!r}",
            expected="lines 'Name = value', NDims among them and ElementDataFile as the last",
            remedy="The file is incomplete or of another format: fetch or export it again.",
        )
    if header.text("objecttype") not in (None, "Image"):
        raise header.error(
            "is not an image", seen=f"ObjectType {header.text('objecttype')}", expected="ObjectType = Image"
        )
    if header.fields[_LAST].upper().startswith("LIST"):
        header.fields["listed"] = block[end:].decode("utf-8", "replace")
    return header, end


def _flag(header: TextHeader, *names: str) -> bool:
    return (header.text(*names) or "")[:1].upper() in ("T", "1")


def _position(header: TextHeader, dimension: int) -> tuple[np.ndarray, tuple[float, float, float], tuple[str, ...]]:
    """Affine, spacing as stated, and warnings; the world is LPS, as ITK has it."""
    spacing = header.text("elementspacing", "elementsize")
    if spacing is None:
        header.required("elementspacing")
    sizes = header.numbers("ElementSpacing", spacing or "", dimension)
    origins = {
        header.numbers(name, header.fields[name], dimension) for name in _ORIGINS if header.fields.get(name)
    } or {(0.0,) * dimension}
    if len(origins) > 1:
        raise header.error(
            "the MetaImage header states two positions of the image",
            seen=", ".join(f"{name} {header.fields[name]}" for name in _ORIGINS if name in header.fields)[:120],
            expected="one of Offset, Position and Origin",
        )
    (origin,) = origins
    matrix_text = header.text("transformmatrix", "rotation", "orientation")
    warnings: tuple[str, ...] = ()
    directions = np.eye(dimension)
    if matrix_text:
        # A row in the file is the direction of an axis.
        directions = np.reshape(header.numbers("TransformMatrix", matrix_text, dimension**2), (dimension, dimension)).T
    else:
        warnings = (
            "the header does not state the orientation of the patient (no TransformMatrix); taken as "
            "left-posterior-superior, as ITK does: check that left and right are not exchanged",
        )
    if dimension < 3:
        return np.eye(4), (1.0, 1.0, 1.0), warnings
    affine_ras = affine_from(directions[:3, :3] * sizes[:3], np.array(origin[:3]))
    i, j, k = sizes[:3]
    return affine_ras, (i, j, k), warnings


def _scaling(header: TextHeader) -> tuple[float, float, tuple[str, ...]]:
    slope_text, offset_text = (header.text(f"elementtointensityfunction{name}") for name in ("slope", "offset"))
    slope = header.numbers("ElementToIntensityFunctionSlope", slope_text, 1)[0] if slope_text else 1.0
    intercept = header.numbers("ElementToIntensityFunctionOffset", offset_text, 1)[0] if offset_text else 0.0
    if slope == 0.0:
        raise header.error("the values are scaled by 0", seen=slope_text, expected="a slope other than 0")
    if (slope, intercept) == (1.0, 0.0):
        return 1.0, 0.0, ()
    return (
        slope,
        intercept,
        (
            f"values are scaled by ElementToIntensityFunction (slope {slope:g}, offset {intercept:g}), which ITK "
            "ignores",
        ),
    )


def _encoding(header: TextHeader) -> Encoding:
    if header.text("binarydata") is not None and not _flag(header, "binarydata"):
        return Encoding.TEXT
    return Encoding.ZLIB if _flag(header, "compresseddata") else Encoding.RAW


def _data(header: TextHeader, encoding: Encoding, end: int, shape: tuple[int, ...]) -> VoxelData:
    skip = header.integers("HeaderSize", header.text("headersize") or "0", 1, lowest=-1)[0]
    stated = header.required(_LAST)
    words = stated.split()
    if stated.upper() == "LOCAL":
        return VoxelData((header.path,), encoding, start=end)
    names = [stated]
    if "listed" in header.fields:
        names = [name.strip() for name in header.fields["listed"].splitlines() if name.strip()]
    elif "%" in words[0]:
        numbers = [*words[1:4], *("1", str(shape[-1]), "1")[len(words) - 1 :]]
        first, last, step = header.integers("ElementDataFile", " ".join(numbers), 3, lowest=0)
        names = header.numbered(words[0], first, last, step)
    paths = header.data_files(names)
    if skip == -1:
        return VoxelData(paths, encoding, start=None)
    return VoxelData(paths, encoding, start=skip)
