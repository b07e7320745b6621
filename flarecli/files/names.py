"""How scans, label maps and cases are named: formats by suffix, cases without format and channel number."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from flarecli.errors import InputError

NIFTI_SUFFIXES = (".nii.gz", ".nii")
SCAN_SUFFIXES = (*NIFTI_SUFFIXES, ".nrrd", ".nhdr", ".mha", ".mhd")

CHANNEL_SUFFIX = "_0000"
"""Ending that FLARE and nnU-Net give to the names of images; their label maps are named without it."""


def image_suffix(path: Path | str) -> str:
    """The image suffix of a file name, `.nii.gz` as a whole, in lower case; empty where it is none of a scan."""
    name = Path(path).name.lower()
    return next((ending for ending in SCAN_SUFFIXES if name.endswith(ending)), "")


def image_stem(path: Path | str) -> str:
    """The file name without its image suffix."""
    name = Path(path).name
    return name[: len(name) - len(image_suffix(path))]


def case_name(path: Path | str) -> str:
    """What a file's case is called: its name without suffix and without the channel number of images."""
    return image_stem(path).removesuffix(CHANNEL_SUFFIX)


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
                expected="one file a case",
                remedy=remedy,
            )
    return by_case
