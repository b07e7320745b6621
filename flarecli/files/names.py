"""How scans, label maps and cases are named: formats by suffix, cases without format and channel number."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import repeat
from pathlib import Path

from flarecli.errors import InputError

NIFTI_SUFFIXES = (".nii.gz", ".nii")
NIFTI_PAIR_SUFFIXES = (".hdr.gz", ".hdr")
"""Of the header of a NIfTI pair; its voxels lie beside it in a file `.img.gz` or `.img`."""

SCAN_SUFFIXES = (*NIFTI_SUFFIXES, *NIFTI_PAIR_SUFFIXES, ".nrrd", ".nhdr", ".mha", ".mhd")
"""Of files that are read as scans, each named by its header."""

SEGMENTATION_SUFFIX = ".dcm"
"""Ending of a label map that is a DICOM segmentation."""

CHANNEL_SUFFIX = "_0000"
"""Ending that FLARE and nnU-Net give to the names of images; their label maps are named without it."""

_LONGEST_NAME_BYTES = 255  # of ext4, XFS, APFS and NTFS


def image_suffix(path: Path | str) -> str:
    """The image suffix of a file name, `.nii.gz` as a whole, in lower case; empty where it is none of a scan."""
    return suffix_of_name(_name(path))


def suffix_of_name(name: str) -> str:
    """`image_suffix` of a bare name, without a folder: of many."""
    lower = name.lower()
    if not lower.endswith(SCAN_SUFFIXES):
        return ""
    return next(ending for ending in SCAN_SUFFIXES if lower.endswith(ending))


def image_stem(path: Path | str) -> str:
    """The file name without its image suffix."""
    name = _name(path)
    return name[: len(name) - len(suffix_of_name(name))]


def case_of_name(name: str) -> str:
    """`case_name` of a bare name, without a folder: of many."""
    stem = name[: len(name) - len(suffix_of_name(name))]
    return stem.removesuffix(CHANNEL_SUFFIX) or stem


def cases_of_names(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """`case_of_name` and `suffix_of_name` of many: where all have one suffix, without a call of Python for each."""
    suffix = suffix_of_name(names[0]) if names else ""
    if suffix and all(map(str.endswith, map(str.lower, names), repeat(suffix))):
        length = len(suffix)
        stems = [name[:-length] for name in names]
        return [stem.removesuffix(CHANNEL_SUFFIX) or stem for stem in stems], [suffix] * len(names)
    return [case_of_name(name) for name in names], [suffix_of_name(name) for name in names]


def _name(path: Path | str) -> str:
    return path.name if isinstance(path, Path) else Path(path).name


def is_segmentation_name(path: Path | str) -> bool:
    """Whether a label map of this name is a DICOM segmentation."""
    return Path(path).name.lower().endswith(SEGMENTATION_SUFFIX)


def label_map_suffix(path: Path | str) -> str:
    """The suffix of a label map: that of an image, or of a DICOM segmentation; empty where it is neither."""
    return SEGMENTATION_SUFFIX if is_segmentation_name(path) else image_suffix(path)


def label_map_stem(path: Path | str) -> str:
    """The file name of a label map without its suffix."""
    name = Path(path).name
    return name[: len(name) - len(label_map_suffix(path))]


def case_name(path: Path | str) -> str:
    """What a file's case is called: its name without suffix and without the channel number of images."""
    return case_of_name(_name(path))


def check_name(name: object, kind: str, source: Path | None = None) -> str:
    """Refuse a name that may not become part of a path: names are read from files that anybody can have written.

    Args:
        name: As it was read.
        kind: What it names, for the message: "case", "network".
        source: The file that it was read from.

    Returns:
        The same name, which stands for exactly one file or folder inside the folder that it is joined to.

    Raises:
        InputError: when it is not a string, empty, `.` or `..`, holds a separator (`/`, `\\`) or control
            characters, or is longer than file systems take.
    """
    if not isinstance(name, str) or not name.strip():
        seen: str = "an empty name" if name == "" else ascii(name)
    elif name in (".", "..") or any(sign in name for sign in "/\\"):
        seen = name
    elif any(unicodedata.category(sign) == "Cc" for sign in name):
        seen = ascii(name)
    elif len(os.fsencode(name)) > _LONGEST_NAME_BYTES:
        seen = f"{len(os.fsencode(name))} bytes: {name[:40]}..."
    else:
        return name
    raise InputError(
        f"a {kind} has a name that cannot be the name of a folder",
        path=source,
        seen=seen,
        expected=f"a name without / and \\, other than . and .., of at most {_LONGEST_NAME_BYTES} bytes",
        remedy=f"Rename the {kind}.",
    )


def files_by_case(paths: Iterable[Path], remedy: str) -> dict[str, Path]:
    """Files by the names of their cases.

    Raises:
        InputError: when two files stand for the same case; it ends with the remedy.
    """
    by_case: dict[str, Path] = {}
    for path in paths:
        other = by_case.setdefault(case_name(path), path)
        if other != path:
            raise InputError(
                "two files stand for the same case",
                path=path,
                seen=f"{other.name} and {path.name}",
                expected="one file per case",
                remedy=remedy,
            )
    return by_case
