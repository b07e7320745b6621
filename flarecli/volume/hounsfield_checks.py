"""Whether values can be Hounsfield units of a body: told by where air, fat and soft tissue must lie.

A CT of the trunk, however cropped, windowed, padded or enhanced, has fat below -30 HU, soft tissue between
-200 and 300 HU, and hardly anything between 874 and 1324 HU, where only dense bone lies. Other images break
one of these rules.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from flarecli.errors import InputError

_SAMPLES = 1_000_000  # voxels looked at; shares are known to 0.1 % from far fewer

_LEAST_SPAN_HU = 100  # fat to muscle alone spans more
_OFFSET_HU = 1024  # what unsigned 12-bit storage adds
_OFFSET_TISSUE_HU = (874, 1324)  # fat to enhanced tissue (-150 to 300 HU) with the offset added
_OFFSET_TISSUE_SHARE = 0.10  # dense bone and metal stay below a few per cent of a scan
_PADDING_HU = -1100  # values below stand outside the scanner's circle and mean nothing
_FAT_OR_AIR_HU = -30
_FAT_OR_AIR_SHARE = 0.002
_SOFT_TISSUE_HU = (-200, 300)
_SOFT_TISSUE_SHARE = 0.01
_CUT_BELOW_HU = -500  # the lowest value of a scan that still has air in it
_EIGHT_BIT_MAX = 255

_HU = "HU: about -1000 in air, -100 in fat, 0 to 200 in organs"
_GIVE_HU = "Convert the original DICOM series to NIfTI again, keeping HU (dcm2niix does)."


def check_hounsfield(voxels: np.ndarray, path: Path) -> tuple[str, ...]:
    """Refuse values that cannot be HU; warn of those that are unusual.

    Args:
        voxels: int16 array of any shape.
        path: The file, for messages.

    Raises:
        InputError: when the values span too little, are 8-bit grey values, carry the offset of unsigned
            storage, or hold neither fat nor air, as MR images do.
    """
    lowest, highest = int(voxels.min()), int(voxels.max())
    seen = f"values from {lowest} to {highest}"
    if highest - lowest < _LEAST_SPAN_HU:
        raise InputError(
            "the values span too little to be HU: a normalised image, a label map, or empty",
            path=path,
            seen=seen,
            expected=_HU,
            remedy=_GIVE_HU,
        )
    sample = _sampled(voxels)
    offset_tissue = _share(sample, *_OFFSET_TISSUE_HU)
    if offset_tissue >= _OFFSET_TISSUE_SHARE:
        raise InputError(
            f"the values look like CT stored with an offset of +{_OFFSET_HU}",
            path=path,
            seen=f"{seen}; {offset_tissue:.0%} of voxels between {_OFFSET_TISSUE_HU[0]} and "
            f"{_OFFSET_TISSUE_HU[1]}, where only dense bone lies",
            expected=_HU,
            remedy=f"Subtract {_OFFSET_HU} from all values, or set scl_slope = 1 and "
            f"scl_inter = -{_OFFSET_HU} in the NIfTI header.",
        )
    if lowest >= 0 and highest <= _EIGHT_BIT_MAX:
        raise InputError(
            "the values are grey values of an 8-bit image, not HU",
            path=path,
            seen=seen,
            expected=_HU,
            remedy=_GIVE_HU,
        )
    fat_or_air = _share(sample, _PADDING_HU, _FAT_OR_AIR_HU)
    if fat_or_air < _FAT_OR_AIR_SHARE:
        raise InputError(
            "the values hold neither fat nor air, so they are not HU: another modality such as MR, or scaled",
            path=path,
            seen=f"{seen}; {fat_or_air:.2%} of voxels from {_PADDING_HU} to {_FAT_OR_AIR_HU}",
            expected=_HU,
            remedy="Give a CT scan in HU; MR images are not supported.",
        )
    warnings = []
    if _share(sample, *_SOFT_TISSUE_HU) < _SOFT_TISSUE_SHARE:
        warnings.append(f"hardly any voxel lies between {_SOFT_TISSUE_HU[0]} and {_SOFT_TISSUE_HU[1]} HU, as organs do")
    if lowest > _CUT_BELOW_HU:
        warnings.append(f"values are cut to {lowest} to {highest} HU, as by a display window; results may be worse")
    return tuple(warnings)


def _sampled(voxels: np.ndarray) -> np.ndarray:
    """At most about `_SAMPLES` voxels, evenly spread."""
    step = max(1, round((voxels.size / _SAMPLES) ** (1 / voxels.ndim)))
    return voxels[(slice(None, None, step),) * voxels.ndim]


def _share(sample: np.ndarray, low: int, high: int) -> float:
    """Share of values with low <= value < high."""
    return float(np.count_nonzero((sample >= low) & (sample < high))) / sample.size
