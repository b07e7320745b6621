"""NRRD files: `.nrrd`, or `.nhdr` with data files beside it. Source: teem.sourceforge.net/nrrd/format.html."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
from isal import igzip

from flarecli.counts import counted
from flarecli.files.atomic import atomic_path
from flarecli.files.sources import opened
from flarecli.volume.image import ImageHeader
from flarecli.volume.text_headers import LONGEST_HEADER_BYTES, TextHeader
from flarecli.volume.unpacking import Encoding
from flarecli.volume.voxel_data import VoxelData
from flarecli.volume.world_axes import LPS_TO_RAS, affine_from, edges_mm

_TYPES = {
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": ("longlong", "long long", "long long int", "signed long long", "signed long long int", "int64", "int64_t"),
    "u8": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
    "f4": ("float",),
    "f8": ("double",),
}
_TYPE_OF = {name: code for code, names in _TYPES.items() for name in names}
_ENCODINGS = {
    "raw": Encoding.RAW,
    "gz": Encoding.GZIP,
    "gzip": Encoding.GZIP,
    "bz2": Encoding.BZIP2,
    "bzip2": Encoding.BZIP2,
    "txt": Encoding.TEXT,
    "text": Encoding.TEXT,
    "ascii": Encoding.TEXT,
}
_SPACES = {
    "right-anterior-superior": (1.0, 1.0, 1.0),
    "ras": (1.0, 1.0, 1.0),
    "left-anterior-superior": (-1.0, 1.0, 1.0),
    "las": (-1.0, 1.0, 1.0),
    "left-posterior-superior": (-1.0, -1.0, 1.0),
    "lps": (-1.0, -1.0, 1.0),
}
_UNITS_MM = {
    "mm": 1.0,
    "millimeter": 1.0,
    "cm": 10.0,
    "m": 1000.0,
    "meter": 1000.0,
    "um": 1e-3,
    "µm": 1e-3,
    "micron": 1e-3,
}
_FIELD_ALIASES = {"datafile": "data file", "lineskip": "line skip", "byteskip": "byte skip", "axismins": "axis mins"}
_SIZES = ("space directions", "spacings")
_COMPRESSION_LEVEL = 2


def read_nrrd_header(path: Path) -> ImageHeader:
    """Read what a NRRD file says.

    Raises:
        InputError: when it is not an NRRD file, or when its header is damaged, contradicts itself or lacks a statement.
    """
    header, end = _parsed(path)
    sizes = header.integers("sizes", header.required("sizes"), header.dimension("dimension"))
    type_name = " ".join(header.required("type").lower().split())
    if type_name not in _TYPE_OF:
        raise header.error(
            "the NRRD type is not known, or no number", seen=type_name, expected=", ".join(sorted(_TYPE_OF))
        )
    encoding_name = header.required("encoding").lower()
    if encoding_name not in _ENCODINGS:
        raise header.error(
            "the NRRD encoding is not read",
            seen=encoding_name,
            expected=", ".join(sorted(_ENCODINGS)),
            remedy="Save the image again with encoding gzip or raw.",
        )
    dtype = _dtype(header, type_name, _ENCODINGS[encoding_name])
    steps, origin, warnings = _axes(header, len(sizes))
    spatial = [axis for axis in range(len(sizes)) if np.isfinite(steps[axis]).all()]
    order = [*spatial[:3], *(axis for axis in range(len(sizes)) if axis not in spatial[:3])]
    if [sizes[axis] for axis in order if sizes[axis] != 1] != [size for size in sizes if size != 1]:
        raise header.error(
            "holds several values a voxel",
            seen=f"sizes {sizes}, of which axes {[axis + 1 for axis in spatial]} lie in space",
            expected="one HU value a voxel",
            remedy="Give the CT scan itself, not a colour rendering or a vector field.",
        )
    if len(spatial) < 3 <= sum(size > 1 for size in sizes):
        raise header.error(
            "the NRRD header does not state the voxel size along three axes",
            seen="; ".join(f"{name}: {header.text(name)}" for name in _SIZES if header.text(name)),
            expected="space directions or spacings of three axes",
        )
    to_ras, space_warnings = _space(header)
    affine_ras = np.eye(4)
    if len(spatial) >= 3:
        affine_ras = affine_from(np.array([steps[axis] for axis in order[:3]]).T, origin, to_ras)
    return ImageHeader(
        path=path,
        shape=tuple(sizes[axis] for axis in order),
        dtype=dtype,
        affine_ras=affine_ras,
        spacing_ijk_mm=edges_mm(affine_ras),
        data=_data(header, _ENCODINGS[encoding_name], end),
        warnings=(*space_warnings, *warnings),
    )


def write_nrrd(path: Path, labels_ijk: np.ndarray, affine_ras: np.ndarray) -> None:
    """Write a label map as a compressed NRRD file, whole or not at all; equal labels give equal bytes.

    Args:
        path: Ends in `.nrrd`.
        labels_ijk: uint8 array along the axes of the affine.
        affine_ras: 4x4 matrix from the index to world mm.

    Raises:
        OutputError: when the file cannot be written.
    """
    affine_lps = LPS_TO_RAS @ affine_ras[:3] + 0.0
    steps = " ".join(_vector(affine_lps[:, axis]) for axis in range(3))
    head = (
        "NRRD0004\n# Complete NRRD file format specification at:\n# http://teem.sourceforge.net/nrrd/format.html\n"
        f"type: unsigned char\ndimension: 3\nspace: left-posterior-superior\n"
        f"sizes: {' '.join(map(str, labels_ijk.shape))}\n"
        f"space directions: {steps}\nkinds: domain domain domain\nencoding: gzip\n"
        f"space origin: {_vector(affine_lps[:, 3])}\n\n"
    )
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write(head.encode("ascii"))
        with igzip.IGzipFile("", "wb", _COMPRESSION_LEVEL, file, mtime=0) as packed:
            for k in range(labels_ijk.shape[2]):
                packed.write(np.ascontiguousarray(labels_ijk[:, :, k].T).data)


def _vector(values: np.ndarray) -> str:
    return f"({','.join(repr(float(value)) for value in values)})"


def _parsed(path: Path) -> tuple[TextHeader, int]:
    """The fields, and the byte behind the empty line that ends them."""
    with opened(path) as file:
        block = file.read(LONGEST_HEADER_BYTES)
    if not re.match(rb"NRRD000[1-9]\r?\n", block):
        raise TextHeader(path, "NRRD", {}).error(
            "is empty (0 bytes)" if not block else "is not a NRRD file",
            seen=f"first bytes {block[:16]!r}",
            expected="NRRD0001 to NRRD0009",
            remedy="The file is incomplete or of another format: fetch or export it again.",
        )
    found = re.search(rb"\r?\n\r?\n", block)
    end = found.end() if found else len(block)
    text = block[: found.start() if found else end].decode("utf-8", "replace")
    header = TextHeader(path, "NRRD", {})
    for line in text.splitlines()[1:]:
        if line.startswith("#") or not line.strip():
            continue
        name, separator, value = line.partition(":")
        if not separator:
            raise header.error("the NRRD header has a line without a field", seen=line[:80], expected="'field: value'")
        if value.startswith("="):
            continue  # a key with a value of its own meaning
        name = _FIELD_ALIASES.get(name.strip().lower(), name.strip().lower())
        if name in header.fields:
            raise header.error(f"the NRRD header states '{name}' twice", seen=line[:80], expected="each field once")
        header.fields[name] = value.strip()
        if name == "data file" and value.strip().upper().startswith("LIST"):
            header.fields["listed"] = text.partition(line)[2]
            break
    if not found and "data file" not in header.fields:
        raise header.error(
            "the NRRD header does not end", seen=counted(len(block), "byte"), expected="an empty line before the voxels"
        )
    return header, end


def _dtype(header: TextHeader, type_name: str, encoding: Encoding) -> np.dtype:
    dtype = np.dtype(_TYPE_OF[type_name])
    if dtype.itemsize == 1 or encoding is Encoding.TEXT:
        return dtype
    endian = (header.text("endian") or "").lower()
    if endian not in ("little", "big"):
        raise header.error(
            "the NRRD header does not state its byte order", seen=endian, expected="endian: little or big"
        )
    return dtype.newbyteorder("<" if endian == "little" else ">")


def _axes(header: TextHeader, dimension: int) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """The step along each axis in the file's world, NaN for one that is not of space, and the origin, both in mm."""
    vectors = _directions(header, dimension)
    factor, warnings = _unit_mm(header)
    if vectors:
        count = max(vector.count(",") + 1 for vector in vectors if vector.startswith("("))
        steps = np.full((dimension, 3), np.nan)
        for axis, vector in enumerate(vectors):
            if vector.startswith("("):
                steps[axis] = _components(header, "space directions", vector, count)
        stated = header.text("space origin")
        origin = np.zeros(3) if stated is None else _components(header, "space origin", stated, count)
        return steps * factor, origin * factor, warnings
    steps, origin = _axes_without_directions(header, dimension)
    if header.text("space") is not None:
        warnings = (
            *warnings,
            "the header gives no space directions; its axes are taken to lie along those of its space (ITK refuses the "
            "file): check that left and right are not exchanged",
        )
    return steps * factor, origin * factor, warnings


def _directions(header: TextHeader, dimension: int) -> list[str]:
    """The vector of each axis, or "none"; empty where no axis has one."""
    stated = header.text("space directions")
    if stated is None:
        return []
    vectors = re.findall(r"none|\([^()]*\)", stated, re.IGNORECASE)
    if len(vectors) != dimension or re.sub(r"none|\([^()]*\)", "", stated, flags=re.IGNORECASE).strip():
        raise header.error(
            "the NRRD header's space directions are damaged", seen=stated[:120], expected=f"{dimension} vectors"
        )
    return vectors if any(vector.startswith("(") for vector in vectors) else []


def _axes_without_directions(header: TextHeader, dimension: int) -> tuple[np.ndarray, np.ndarray]:
    """Steps along the axes of the world, and the origin, of a header that states spacings alone.

    The space origin is where the centre of the first voxel lies, whatever the directions (§4 of the definition). An
    axis' minimum is a position along that axis, which is one in the world only under this assumption.
    """
    steps, origin = np.full((dimension, 3), np.nan), np.zeros(3)
    sizes = header.numbers("spacings", header.required("spacings"), dimension, finite=False)
    axes = [axis for axis in range(dimension) if math.isfinite(sizes[axis])][:3]
    for place, axis in enumerate(axes):
        steps[axis] = np.eye(3)[place] * sizes[axis]
    stated, mins = header.text("space origin"), header.text("axis mins")
    if stated is not None:
        origin = _components(header, "space origin", stated, max(len(axes), stated.count(",") + 1))
    elif mins is not None:
        lowest = header.numbers("axis mins", mins, dimension, finite=False)
        starts = [lowest[axis] if math.isfinite(lowest[axis]) else 0.0 for axis in axes]
        halves = _cell_offsets(header, dimension)
        origin[: len(axes)] = [start + halves[axis] * sizes[axis] for start, axis in zip(starts, axes, strict=True)]
    return steps, origin


def _cell_offsets(header: TextHeader, dimension: int) -> list[float]:
    """How many voxels behind `axis mins` the centre of an axis' first voxel lies: cells begin there, nodes are there.

    Axes without a centering are cells, as in ITK.
    """
    names = (header.text("centerings", "centers") or "").lower().split()
    if names and len(names) != dimension:
        raise header.error(
            "the NRRD header's centerings are damaged", seen=" ".join(names)[:80], expected=f"{dimension} names"
        )
    return [0.0 if name == "node" else 0.5 for name in names or ["cell"] * dimension]


def _components(header: TextHeader, name: str, vector: str, count: int) -> np.ndarray:
    """The first three numbers of `(a,b,c)` or, with time, `(a,b,c,d)`; of a plane's, with a third of 0."""
    values = header.numbers(name, vector.strip("() ").replace(",", " "), count)
    return np.array((*values, 0.0, 0.0)[:3])


def _unit_mm(header: TextHeader) -> tuple[float, tuple[str, ...]]:
    units = {
        unit.lower() for unit in re.findall(r'"([^"]*)"', header.text("space units", "units") or "") if unit.strip("? ")
    }
    if not units or units == {"mm"}:
        return 1.0, ()
    if len(units) > 1 or not units <= _UNITS_MM.keys():
        if header.text("space units") is None:
            return 1.0, ()  # `units` may be those of time or of values
        raise header.error(
            "the NRRD header's units of space are not read", seen=sorted(units), expected="mm along all axes"
        )
    unit = units.pop()
    return _UNITS_MM[unit], (f"the header's unit is {unit}; converted to mm",) if _UNITS_MM[unit] != 1.0 else ()


def _space(header: TextHeader) -> tuple[np.ndarray, tuple[str, ...]]:
    """What turns the file's world into RAS."""
    space = (header.text("space") or "").lower().removesuffix("-time")
    if len(space) == 4 and space.endswith("t"):
        space = space[:3]
    if space in _SPACES:
        return np.diag(_SPACES[space]), ()
    return LPS_TO_RAS, (
        f"the header does not state the orientation of the patient ({f'space {space}' if space else 'no space'}); "
        "taken as left-posterior-superior, as ITK does: check that left and right are not exchanged",
    )


def _data(header: TextHeader, encoding: Encoding, end: int) -> VoxelData:
    lines = header.integers("line skip", header.text("line skip") or "0", 1, lowest=0)[0]
    skip = header.integers("byte skip", header.text("byte skip") or "0", 1, lowest=-1)[0]
    if skip == -1 and encoding is not Encoding.RAW:
        raise header.error("a byte skip of -1 has no meaning here", seen=encoding.value, expected="encoding: raw")
    stated = header.text("data file")
    paths: tuple[Path, ...] = (header.path,)
    start = end
    if stated is not None:
        names = [stated]
        pattern = re.fullmatch(r"(\S*%\S*)\s+(-?\d+)\s+(-?\d+)\s+(-?\d+)(\s+\d+)?", stated)
        if "listed" in header.fields:
            names = [name.strip() for name in header.fields["listed"].splitlines() if name.strip()]
        elif pattern:
            names = header.numbered(pattern[1], int(pattern[2]), int(pattern[3]), int(pattern[4]))
        paths, start = header.data_files(names), 0
    if skip == -1:
        return VoxelData(paths, encoding, start=None)
    return VoxelData(paths, encoding, start=start, skips=(skip,), lines=lines)
