"""Phantoms as files: pairs of scan and labels, in any orientation, under the names of FLARE21."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np

from flarecli.errors import UsageError
from flarecli.phantom.case import Phantom
from flarecli.volume import write_scan


@dataclass(frozen=True)
class PhantomPaths:
    """Paths of the files of one phantom.

    Attributes:
        scan: The scan.
        labels: The label map.
    """

    scan: Path
    labels: Path


def pair_paths(folder: Path, number: int, *, flat: bool) -> PhantomPaths:
    """Name one pair as FLARE21 does, or with all files side by side.

    FLARE21: `TrainingImg/train_000_0000.nii.gz` and `TrainingMask/train_000.nii.gz`; `flat`:
    `phantom_000_0000.nii.gz` and `phantom_000.nii.gz`.
    """
    if flat:
        return PhantomPaths(folder / f"phantom_{number:03d}_0000.nii.gz", folder / f"phantom_{number:03d}.nii.gz")
    return PhantomPaths(
        folder / "TrainingImg" / f"train_{number:03d}_0000.nii.gz",
        folder / "TrainingMask" / f"train_{number:03d}.nii.gz",
    )


def write_phantom(phantom: Phantom, pair: PhantomPaths, *, orientation: str = "RAS", replaces: bool = True) -> None:
    """Write scan and labels with the middle of the grid at the world's origin.

    Args:
        phantom: The phantom.
        pair: Paths of the files.
        orientation: Directions of the stored axes, e.g. "LPS"; the geometry in the world is the same for all.
        replaces: Whether files that exist in the end are replaced.

    Raises:
        UsageError: when the orientation does not name each axis once.
        OutputError: when a file cannot be written, or exists and is not replaced.
    """
    spacing_xyz = np.asarray(phantom.spacing_mm[::-1])
    shape_xyz = np.asarray(phantom.voxels.shape[::-1])
    affine_ras = np.diag([*spacing_xyz, 1.0])
    affine_ras[:3, 3] = -(shape_xyz - 1) / 2 * spacing_xyz
    turn = nibabel.orientations.ornt_transform([[0, 1], [1, 1], [2, 1]], _axis_codes(orientation))
    stored_affine = affine_ras @ nibabel.orientations.inv_ornt_aff(turn, tuple(shape_xyz))
    for path, array in ((pair.scan, phantom.voxels), (pair.labels, phantom.labels)):
        stored_xyz = nibabel.orientations.apply_orientation(array.transpose(2, 1, 0), turn)
        write_scan(path, stored_xyz.transpose(2, 1, 0), stored_affine, replaces=replaces)


def check_orientation(orientation: str) -> None:
    """Refuse an invalid orientation.

    Raises:
        UsageError: when it does not name each axis once.
    """
    _axis_codes(orientation)


def _axis_codes(orientation: str) -> np.ndarray:
    letters = orientation.upper()
    if len(letters) != 3 or not all(set(letters) & set(pair) for pair in ("RL", "AP", "SI")):
        raise UsageError(
            "is not an orientation",
            seen=orientation,
            expected="one letter of R/L, A/P and S/I each, in any order, as in RAS or LPS",
            remedy="Name the direction in which each stored axis grows.",
        )
    return np.asarray(nibabel.orientations.axcodes2ornt(tuple(letters)))
