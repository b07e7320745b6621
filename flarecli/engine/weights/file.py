"""Validation of Keras weights files before Keras reads an array: their checksum, and which parts of HDF5 they use."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from flarecli.errors import InputError
from flarecli.files.sources import check_memory, opened

if TYPE_CHECKING:
    from io import BufferedReader

    import h5py

_KINDS = "fiu"
_BFLOAT16 = "V"
_FILTERS = {"1": "gzip", "2": "shuffle", "3": "fletcher32", "32000": "lzf"}
"""By their numbers in HDF5, which loads others as plugins from the disk."""

_LARGEST_ITEM_BYTES = 8
_LARGEST_CHUNK_BYTES = 16_000_000
"""Of a chunk that is decompressed at once, where the array itself is smaller."""

_MOST_OBJECTS = 100_000
_DEEPEST = 64
_AGAIN = "Import or train the weights again, or fetch them from where they came."


def checked_sha256(path: Path, expected: str | None) -> str:
    """SHA-256 of a weights file, compared with that of its card.

    Args:
        path: The weights file.
        expected: The checksum on the card; None where nothing is known of it.

    Returns:
        The checksum, in hexadecimal.

    Raises:
        InputError: when the file cannot be read, or is not the one that its card describes.
    """
    with opened(path) as file:
        seen = hashlib.file_digest(cast("BufferedReader", file), "sha256").hexdigest()
    if expected is not None and seen != expected.lower():
        raise InputError(
            "is not the weights file that its card describes",
            path=path,
            seen=f"SHA-256 {seen}",
            expected=f"SHA-256 {expected or '(none)'}, as the card (.json) beside it says",
            remedy=f"{_AGAIN} To use the file as it is, write its SHA-256 into the card.",
        )
    return seen


def check_structure(path: Path, largest_elements: int | None = None) -> None:
    """Refuse a weights file that holds anything but a tree of arrays of plain numbers, before any array is read.

    Links to other files, virtual arrays, arrays that are kept in other files and filters that HDF5 would load as
    programs are refused, since reading them reads or runs something else than this file.

    Args:
        path: The weights file.
        largest_elements: How many numbers the network has; the file may hold no more. Where None, what they take is
            compared with the memory there is.

    Raises:
        InputError: then, and when the file is damaged.
    """
    import h5py

    with opened(path):
        pass
    try:
        with h5py.File(path, "r") as file:
            elements = sum(_checked_elements(path, name, array) for name, array in _arrays(path, file))
    except (InputError, MemoryError):
        raise
    except Exception as error:  # HDF5 raises nearly anything on damaged files
        raise _refused(path, "is not a weights file, or a damaged one", " ".join(str(error).split())) from error
    if largest_elements is not None and elements > largest_elements:
        raise _refused(
            path, "holds more than its network", f"{elements:,} numbers", f"at most {largest_elements:,} numbers"
        )
    check_memory(elements * _LARGEST_ITEM_BYTES, path, f"{elements:,} numbers")


def _arrays(path: Path, file: h5py.File) -> Iterator[tuple[str, h5py.Dataset]]:
    """All arrays of a file, by name; a group is entered once."""
    import h5py

    seen, waiting, count = set(), [("", file, 0)], 0
    while waiting:
        prefix, group, depth = waiting.pop()
        for key in group:
            count += 1
            name = f"{prefix}/{key}"
            if count > _MOST_OBJECTS or depth > _DEEPEST:
                raise _refused(path, "holds too many or too deeply nested groups", name)
            link = group.get(key, getlink=True)
            if not isinstance(link, h5py.HardLink):
                where = f" -> {link.filename}" if isinstance(link, h5py.ExternalLink) else ""
                raise _refused(path, "holds a link where an array or group should be", f"{name}{where}")
            item = group[key]
            address = h5py.h5o.get_info(item.id).addr
            if address in seen:
                raise _refused(path, "holds one object under two names", name)
            seen.add(address)
            if isinstance(item, h5py.Group):
                waiting.append((name, item, depth + 1))
            elif isinstance(item, h5py.Dataset):
                yield name, item
            else:
                raise _refused(path, "holds something that is not an array", name)


def _checked_elements(path: Path, name: str, array: h5py.Dataset) -> int:
    import h5py

    if array.is_virtual or array.external:
        raise _refused(path, "holds an array whose values lie in other files", name)
    if array.dtype.kind not in _KINDS + _BFLOAT16 or array.dtype.itemsize > _LARGEST_ITEM_BYTES or array.shape is None:
        raise _refused(path, "holds an array of something else than numbers", f"{name} of type {array.dtype}")
    unknown = set(_filters(array)) - set(_FILTERS)
    if unknown:
        raise _refused(
            path,
            "holds an array compressed by a filter that is not supported",
            f"{name}: filter {', '.join(sorted(unknown))}",
            ", ".join(_FILTERS.values()),
        )
    layout: Any = array.id.get_create_plist()
    if layout.get_layout() == h5py.h5d.CHUNKED:
        chunk_bytes = math.prod(layout.get_chunk()) * array.dtype.itemsize
        if chunk_bytes > max(2 * array.nbytes, _LARGEST_CHUNK_BYTES):
            raise _refused(
                path, "holds an array in pieces that are larger than itself", f"{name}: {chunk_bytes:,} bytes"
            )
    return math.prod(array.shape)


def _filters(array: h5py.Dataset) -> list[str]:
    layout: Any = array.id.get_create_plist()
    return [str(layout.get_filter(index)[0]) for index in range(layout.get_nfilters())]


def _refused(path: Path, problem: str, seen: str, expected: str = "a Keras weights file (.weights.h5)") -> InputError:
    return InputError(problem, path=path, seen=seen[:200], expected=expected, remedy=_AGAIN)
