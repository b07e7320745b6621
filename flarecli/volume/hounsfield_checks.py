"""Whether values can be Hounsfield units of a body, by the HU ranges of air, fat and soft tissue.

A CT of the trunk, however cropped, windowed, padded or enhanced, has fat below -30 HU, soft tissue between
-200 and 300 HU, hardly anything between 874 and 1324 HU, where only dense bone lies, and below air nothing but
padding of one value. Other images break one of these rules.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from flarecli.errors import InputError

_SAMPLES = 1_000_000  # voxels looked at; shares are known to 0.1 % from far fewer
_INT16 = np.iinfo(np.int16)

_LEAST_SPAN_HU = 100  # fat to muscle alone spans more
_OFFSETS_HU = (1000, 1024)  # air at 0; what unsigned 12-bit storage adds
_OFFSET_TISSUE_HU = (874, 1324)  # fat to enhanced tissue (-150 to 300 HU) with an offset added
_OFFSET_TISSUE_SHARE = 0.10  # dense bone and metal stay below a few per cent of a scan
_PADDING_HU = -1100  # values below stand outside the scanner's circle and mean nothing
_AIR_HU = (-1100, -899)
_BELOW_AIR_SHARE = 0.01  # of values of many sizes; streaks of metal and blurred edges of padding stay below
_FAT_OR_AIR_HU = -30
_FAT_OR_AIR_SHARE = 0.002
_SOFT_TISSUE_HU = (-200, 300)
_SOFT_TISSUE_SHARE = 0.01
_CUT_BELOW_HU = -500  # the lowest value of a scan that still has air in it
_DENSE_AIR_HU = (-900, -300)  # where air lies if values were divided
_DENSE_AIR_WIDTH_HU = 100
_DENSE_AIR_SHARE = 0.05
_EIGHT_BIT_MAX = 255
_FILL_VALUE_HU = (-300, 300)  # values of tissue; the limits of a windowed scan are not a fill value
_FILL_VALUE_SHARE = 0.005  # of one value
_FILL_VALUE_EXCESS = 8.0  # over the values next to it; tissue has about as many of each
_FILL_VALUE_NEAR_HU = 50

_HU = "HU: about -1000 in air, -100 in fat, 0 to 200 in organs"
_GIVE_HU = "Convert the original DICOM series to NIfTI again, keeping HU (dcm2niix does)."


class _Histogram:
    """How many of the sampled voxels hold each value."""

    def __init__(self, voxels: np.ndarray) -> None:
        sample = _sampled(voxels).ravel().astype(np.int32) - _INT16.min
        self._counts = np.bincount(sample, minlength=_INT16.max - _INT16.min + 1)
        self._total = sample.size

    def share(self, low: int, high: int) -> float:
        """Share of values with low <= value < high."""
        return float(self.counts(low, high).sum()) / self._total

    def counts(self, low: int, high: int) -> np.ndarray:
        """How often each of the values low to high - 1 occurs."""
        return self._counts[max(0, low - _INT16.min) : max(0, high - _INT16.min)]

    def share_without_mode(self, low: int, high: int) -> float:
        """Share of values with low <= value < high, without the mode, which may be padding."""
        counts = self.counts(low, high)
        return float(counts.sum() - counts.max(initial=0)) / self._total

    def median(self, low: int, high: int, *, without: int | None = None) -> int:
        """The median of the values with low <= value < high, leaving one value out."""
        counts = self.counts(low, high).copy()
        if without is not None and low <= without < high:
            counts[without - low] = 0
        return low + int(np.searchsorted(np.cumsum(counts), counts.sum() / 2))


def check_hounsfield(voxels: np.ndarray, path: Path) -> tuple[str, ...]:
    """Refuse values that cannot be HU; warn of those that are unusual.

    Args:
        voxels: int16 array of any shape.
        path: The file, for messages.

    Raises:
        InputError: when the values span too little, are 8-bit grey values, carry the offset of unsigned
            storage or a factor, or hold neither fat nor air, as MR images do.
    """
    lowest, highest = int(voxels.min()), int(voxels.max())
    seen = f"values from {lowest} to {highest}"
    if highest - lowest < _LEAST_SPAN_HU:
        raise _not_hu("the values span too little to be HU: a normalised image, a label map, or empty", path, seen)
    histogram = _Histogram(voxels)
    _check_offset(histogram, lowest, path, seen)
    if lowest >= 0 and highest <= _EIGHT_BIT_MAX:
        raise _not_hu("the values are grey values of an 8-bit image, not HU", path, seen)
    _check_scale(histogram, path, seen)
    fat_or_air = histogram.share(_PADDING_HU, _FAT_OR_AIR_HU)
    if fat_or_air < _FAT_OR_AIR_SHARE:
        raise _not_hu(
            "the values hold neither fat nor air, so they are not HU: another modality such as MR, or scaled",
            path,
            f"{seen}; {fat_or_air:.2%} of voxels from {_PADDING_HU} to {_FAT_OR_AIR_HU}",
            "Give a CT scan in HU; MR images are not supported.",
        )
    return (*_unusual_ranges(histogram, lowest, highest), *_fill_value_warnings(histogram, lowest, highest))


def _not_hu(problem: str, path: Path, seen: str, remedy: str = _GIVE_HU) -> InputError:
    return InputError(problem, path=path, seen=seen, expected=_HU, remedy=remedy)


def _check_offset(histogram: _Histogram, lowest: int, path: Path, seen: str) -> None:
    """Refuse values with the offset of unsigned storage, and say which where air tells it."""
    low, high = _OFFSET_TISSUE_HU
    offset_tissue = histogram.share(low, high)
    if offset_tissue < _OFFSET_TISSUE_SHARE:
        return
    # Where air is cut at 0, zeros may be padding as well.
    air_at = histogram.median(-200, 300, without=0 if lowest == 0 else None)
    nearest = min(_OFFSETS_HU, key=lambda offset: abs(air_at - (offset - 1000)))
    is_plain = lowest < 0 or (air_at >= 20 and histogram.share(-200, 300) > 0.01)
    told = str(nearest) if is_plain else f"{_OFFSETS_HU[1]} (or {_OFFSETS_HU[0]}: air must come to lie near -1000)"
    raise _not_hu(
        f"the values look like CT stored with an offset of +{nearest if is_plain else _OFFSETS_HU[1]}",
        path,
        f"{seen}; {offset_tissue:.0%} of voxels between {low} and {high}, where only dense bone lies",
        f"Subtract {told} from all values, or set scl_slope = 1 and scl_inter = -{told} in the NIfTI header.",
    )


def _check_scale(histogram: _Histogram, path: Path, seen: str) -> None:
    """Refuse values that lie below air without being padding: HU with a factor, or an offset subtracted twice."""
    below_air = histogram.share_without_mode(_INT16.min, _PADDING_HU)
    has_air = histogram.share(*_AIR_HU) >= below_air
    has_tissue = histogram.share(*_SOFT_TISSUE_HU) >= _SOFT_TISSUE_SHARE
    if below_air < _BELOW_AIR_SHARE or (has_air and has_tissue):
        return
    dark_at = histogram.median(_INT16.min, _PADDING_HU)
    raise _not_hu(
        "the values are not HU: they are scaled, or an offset was subtracted twice",
        path,
        f"{seen}; {below_air:.0%} of voxels lie below {_PADDING_HU}, half of the dark ones below {dark_at}",
        "Correct scl_slope and scl_inter (slope 1 for HU), or convert the original DICOM series again.",
    )


def _unusual_ranges(histogram: _Histogram, lowest: int, highest: int) -> list[str]:
    warnings = []
    if histogram.share(*_SOFT_TISSUE_HU) < _SOFT_TISSUE_SHARE:
        warnings.append(f"hardly any voxel lies between {_SOFT_TISSUE_HU[0]} and {_SOFT_TISSUE_HU[1]} HU, as organs do")
    if lowest > _CUT_BELOW_HU:
        warnings.append(f"values are cut to {lowest} to {highest} HU, as by a display window; results may be worse")
    low, high = _DENSE_AIR_HU
    if low < lowest < high and (histogram.share_without_mode(lowest, lowest + _DENSE_AIR_WIDTH_HU) >= _DENSE_AIR_SHARE):
        warnings.append(
            f"the darkest values lie near {histogram.median(lowest, lowest + _DENSE_AIR_WIDTH_HU)}, not near -1000 as "
            "air does; the scan's scaling (slope, intercept) may be wrong"
        )
    return warnings


def _fill_value_warnings(histogram: _Histogram, lowest: int, highest: int) -> list[str]:
    """A warning where many voxels hold exactly one value within the body, far more than hold any value next to it."""
    low, high = max(_FILL_VALUE_HU[0], lowest + 1), min(_FILL_VALUE_HU[1], highest)
    if low >= high:
        return []
    value = low + int(histogram.counts(low, high).argmax())
    reach = _FILL_VALUE_NEAR_HU
    near = np.delete(histogram.counts(value - reach, value + reach + 1), reach)
    usual = float(near[near > 0].mean()) if near.any() else 0.0
    share = histogram.share(value, value + 1)
    if share < _FILL_VALUE_SHARE or histogram.counts(value, value + 1)[0] < _FILL_VALUE_EXCESS * usual:
        return []
    meaning = "the value of water, " if value == 0 else ""
    return [
        f"{share:.1%} of voxels hold exactly {value} HU, {meaning}as a fill value (outside the field of view, or after "
        "resampling); organs may be found there: fill with -1024 instead"
    ]


def _sampled(voxels: np.ndarray) -> np.ndarray:
    """At most about `_SAMPLES` voxels, evenly spread."""
    step = max(1, round((voxels.size / _SAMPLES) ** (1 / voxels.ndim)))
    return voxels[(slice(None, None, step),) * voxels.ndim]
