"""Position of a NIfTI image in the world: sform, qform and unit of its header, and whether they agree."""

from __future__ import annotations

import itertools

import nibabel
import numpy as np
from nibabel.spatialimages import HeaderDataError

from flarecli.volume.geometry_checks import SPACING_LIMITS_MM, is_invertible

AGREEMENT_MM = 0.1
"""How far the positions of a corner by sform and qform may lie apart; float32 storage explains less."""

_UNITS_MM = {"meter": 1000.0, "micron": 0.001}


def choose_position(header: nibabel.Nifti1Header, stated_codes: tuple[int, int]) -> tuple[str, ...]:
    """Decide which of a header's positions counts, and set the code of one that cannot be used to 0.

    The sform counts before the qform, as in nibabel. It is ignored where its matrix has no inverse (zeros) and
    there is a qform.

    Args:
        header: A repaired header; changed in place.
        stated_codes: Codes of qform and sform before the repairs.

    Returns:
        Warnings: positions that cannot be used, that contradict each other, or that are not stated.
    """
    warnings = []
    for name, stated in zip(("qform", "sform"), stated_codes, strict=True):
        if stated != int(header[f"{name}_code"]):
            warnings.append(f"the {name}_code is {stated}, which the standard does not define; taken as 0 (no {name})")
    sform = header.get_sform() if header["sform_code"] > 0 else None
    qform = _qform(header)
    if sform is not None and not is_invertible(sform) and qform is not None and is_invertible(qform):
        header["sform_code"] = 0
        warnings.append(
            "the header's sform is not a position (zeros, or axes without a direction of their own); its qform is used"
        )
    elif sform is not None and header["qform_code"] > 0 and (qform is None or not is_invertible(qform)):
        warnings.append("the header's qform is not a position; its sform is used")
    elif sform is not None and qform is not None:
        warnings += _contradiction(sform, qform, header.get_data_shape())
    if not header["qform_code"] and not header["sform_code"]:
        warnings.append(
            "the header does not state the orientation of the patient (qform and sform codes are 0); "
            "taken as Left-Anterior-Superior, as nibabel does: check that left and right are not exchanged"
        )
    return tuple(warnings)


def position_mm(header: nibabel.Nifti1Header) -> tuple[np.ndarray, tuple[float, float, float], tuple[str, ...]]:
    """Affine and voxel sizes of a repaired header in mm, whatever its unit of length, and warnings about the unit."""
    mm, warnings = unit_mm(header)
    affine_ras = np.array(header.get_best_affine(), dtype=np.float64)
    affine_ras[:3] *= mm
    i, j, k = (float(size) * mm for size in header["pixdim"][1:4])
    return affine_ras, (i, j, k), warnings


def unit_mm(header: nibabel.Nifti1Header) -> tuple[float, tuple[str, ...]]:
    """Millimetres of the header's unit of length, and warnings where it is not the millimetre.

    Where only millimetres make the voxel size that of a body CT, they are what is meant.
    """
    try:
        unit = header.get_xyzt_units()[0]
    except KeyError:
        return 1.0, ()
    factor = _UNITS_MM.get(unit, 1.0)
    if factor == 1.0:
        return 1.0, ()
    edges = np.linalg.norm(header.get_best_affine()[:3, :3], axis=0)
    low, high = SPACING_LIMITS_MM
    if ((edges >= low) & (edges <= high)).all():
        return 1.0, (f"the header's unit is the {unit}, which no body CT of its voxel size has; taken as mm",)
    return factor, (f"the header's unit is the {unit}; converted to mm",)


def _qform(header: nibabel.Nifti1Header) -> np.ndarray | None:
    """The qform where it is stated and its numbers make a rotation."""
    if header["qform_code"] <= 0:
        return None
    try:
        affine = np.asarray(header.get_qform())
    except (HeaderDataError, ValueError):
        return None
    return affine if np.isfinite(affine).all() else None


def _contradiction(sform: np.ndarray, qform: np.ndarray, shape: tuple[int, ...]) -> tuple[str, ...]:
    """A warning where sform and qform put a corner of the image at two places."""
    ends = [(0, max(0, size - 1)) for size in (*shape, 1, 1, 1)[:3]]
    corners = np.array([(*corner, 1.0) for corner in itertools.product(*ends)]).T
    apart_mm = float(np.linalg.norm(((sform - qform) @ corners)[:3], axis=0).max())
    if not apart_mm > AGREEMENT_MM:
        return ()
    told = f"the header holds two positions, sform and qform, up to {apart_mm:.1f} mm apart; the sform is used, "
    others = "other programs (ITK-SNAP, SimpleITK) may use the qform and show the labels elsewhere"
    if np.linalg.det(sform[:3, :3]) * np.linalg.det(qform[:3, :3]) < 0:
        return (
            f"LEFT AND RIGHT MAY BE EXCHANGED: {told}and one is the mirror image of the other: check with the original "
            f"which side the liver is on; {others}",
        )
    return (told + others,)
