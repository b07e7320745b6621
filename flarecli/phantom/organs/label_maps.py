"""Organs from a label map: the anatomy of a real patient, deformed.

A map is prepared once (signed distances at 3 mm, about 1 MB) and then gives any number of anatomies. Scaling,
shear, the pose and the smooth deformation of the whole patient are composed into one position for each voxel,
at which the distances are interpolated linearly: borders are smooth at any spacing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy import ndimage

from flarecli.errors import InputError
from flarecli.geometry import content_window
from flarecli.organs import LABEL_NAMES
from flarecli.phantom.drawing.canvas import BoxMm
from flarecli.phantom.drawing.lattice import Vector
from flarecli.phantom.options import REALISTIC, PhantomOptions
from flarecli.phantom.organs.anatomy import Anatomy, OrganShape
from flarecli.phantom.organs.atrophy import Atrophy, draw_atrophy
from flarecli.phantom.randomness import bounded_normal, drawn_factor

_STEP_MM = 3.0
_REACH_MM = 18.0
_UNIT_MM = 0.15
"""Distances are stored as int8 multiples of this; 127 of them reach 19 mm."""

_SMALLEST_ML = 1.0
_LOBULATION_MM = 0.6


@dataclass(frozen=True)
class OrganDistances:
    """Signed distances to the surface of one organ.

    Attributes:
        label: Its value in the label map.
        side: -1 left or 1 right for a kidney, 0 else.
        distance: Int8 array (z, y, x) in units of 0.15 mm, positive inside, on a lattice of 3 mm.
        origin_mm: Position of its first element.
    """

    label: int
    side: int
    distance: np.ndarray
    origin_mm: np.ndarray


@dataclass(frozen=True)
class PreparedLabels:
    """A prepared label map; positions in mm from the centre of the organs' bounding box.

    Attributes:
        organs: Its organs; each kidney on its own.
    """

    organs: tuple[OrganDistances, ...]


def prepare_labels(labels: np.ndarray, spacing_mm: Vector) -> PreparedLabels:
    """Turn a label map into signed distances.

    Args:
        labels: Integers, (z, y, x), RAS+; values as in `flarecli.organs`, some organs may be absent.
        spacing_mm: Distance of voxels along z, y and x.

    Raises:
        InputError: when the array is not three-dimensional, holds other labels, or no organ.
    """
    _check_labels(labels)
    spacing = np.asarray(spacing_mm, float)
    low, high = _bounds(labels > 0)
    labels = labels[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    middle = (np.asarray(labels.shape) - 1) / 2 * spacing
    pieces: list[OrganDistances] = []
    for label in sorted(LABEL_NAMES):
        if label == 0:
            continue
        for side in (-1, 1) if label == 2 else (0,):
            mask = labels == label
            if side:
                right = np.arange(labels.shape[2]) * spacing[2] > middle[2]
                mask &= right if side > 0 else ~right
            if mask.sum() * spacing.prod() / 1000 >= _SMALLEST_ML:
                pieces.append(_distances(mask, spacing, middle, label, side))
    return PreparedLabels(tuple(pieces))


def anatomy_from_labels(
    rng: np.random.Generator, prepared: PreparedLabels, options: PhantomOptions = REALISTIC
) -> Anatomy:
    """Draw a deformed patient from a prepared label map.

    Size, proportions and shear vary by up to twice `options.size_spread`; a kidney can be missing; the pancreas
    can be displaced by up to twice `options.moved_pancreas_mm`, and atrophic.
    """
    spread = options.size_spread
    size = np.exp(bounded_normal(rng, spread)) * drawn_factor(rng, options.size)
    deform = np.diag(size * np.exp(bounded_normal(rng, 0.6 * spread, 3)))
    deform += (1 - np.eye(3)) * bounded_normal(rng, 0.5 * spread, (3, 3))
    inverse = np.linalg.inv(deform)
    missing = rng.choice((-1, 1)) if rng.random() < options.missing_kidney else None
    organs = []
    for organ in prepared.organs:
        if missing is not None and organ.side == missing:
            continue
        scale = abs(np.linalg.det(deform)) ** (1 / 3)
        rough_mm, atrophy = 0.3, None
        if organ.label == 4:
            rough_mm += _LOBULATION_MM * options.shape_spread * rng.random()
            moved_mm = bounded_normal(rng, options.moved_pancreas_mm, 3)
            organ = replace(organ, origin_mm=organ.origin_mm + moved_mm)
            atrophy = draw_atrophy(rng, np.argwhere(organ.distance > 0) * _STEP_MM, options)
        depth_at = partial(_depth, organ, inverse, scale, atrophy)
        bed_at = partial(_depth, organ, inverse, scale, None) if atrophy is not None else None
        organs.append(OrganShape(organ.label, _deformed_box(organ, deform), depth_at, rough_mm, bed_at))
    # Where the pancreas was moved into another organ, the other organ is drawn over it.
    organs.sort(key=lambda shape: shape.label != 4)
    return Anatomy(tuple(organs), "labels")


def _depth(
    organ: OrganDistances, inverse: np.ndarray, scale: float, atrophy: Atrophy | None, position: Sequence[np.ndarray]
) -> np.ndarray:
    rows = (inverse / _STEP_MM).astype(np.float32)
    start = organ.origin_mm / _STEP_MM
    index = [
        row[0] * position[0] + row[1] * position[1] + row[2] * position[2] - np.float32(first)
        for row, first in zip(rows, start, strict=True)
    ]
    distance = ndimage.map_coordinates(organ.distance, index, output=np.float32, order=1, mode="constant", cval=-127)
    depth: np.ndarray = distance * np.float32(_UNIT_MM * scale)
    if atrophy is not None:
        depth -= atrophy.taken_mm([along * np.float32(_STEP_MM) for along in index])
    return depth


def _deformed_box(organ: OrganDistances, deform: np.ndarray) -> BoxMm:
    extent = (np.asarray(organ.distance.shape) - 1) * _STEP_MM
    corners = np.stack(np.meshgrid(*[(0.0, 1.0)] * 3, indexing="ij"), -1).reshape(-1, 3) * extent + organ.origin_mm
    moved = corners @ deform.T
    return moved.min(0), moved.max(0)


def _distances(mask: np.ndarray, spacing: np.ndarray, middle: np.ndarray, label: int, side: int) -> OrganDistances:
    low, high = _bounds(mask)
    first = low * spacing - _REACH_MM
    count = np.ceil(((high - 1) * spacing + _REACH_MM - first) / _STEP_MM).astype(int) + 1
    around = np.maximum(np.ceil(3 * _STEP_MM / spacing).astype(int), 1)
    start = np.maximum(low - around, 0)
    stop = np.minimum(high + around, mask.shape)
    part = mask[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))].astype(np.float32)
    # Low-pass filter where the map is finer than the lattice.
    part = ndimage.gaussian_filter(part, 0.4 * _STEP_MM / spacing, mode="constant")
    index = np.stack(
        np.meshgrid(
            *[(first[a] + _STEP_MM * np.arange(count[a])) / spacing[a] - start[a] for a in range(3)],
            indexing="ij",
        )
    )
    soft = ndimage.map_coordinates(part, index, order=1, mode="constant")
    inside = soft > 0.5
    depth = ndimage.distance_transform_edt(inside) - ndimage.distance_transform_edt(~inside)
    depth = (depth - 0.5 * np.sign(depth)) * _STEP_MM
    # Next to the surface the filtered mask is more accurate than whole lattice steps.
    near = np.abs(soft - 0.5) < 0.4
    depth[near] = (soft[near] - 0.5) * 2.2 * _STEP_MM
    stored = np.clip(np.rint(depth / _UNIT_MM), -127, 127).astype(np.int8)
    return OrganDistances(label, side, stored, first - middle)


def _bounds(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    window = content_window(mask)
    return np.array([part.start for part in window]), np.array([part.stop for part in window])


def _check_labels(labels: np.ndarray) -> None:
    if labels.ndim != 3 or labels.dtype.kind not in "ui":
        raise InputError(
            "not a label map",
            seen=f"{labels.ndim} dimensions of {labels.dtype}",
            expected="three dimensions of integers",
            remedy="Give the organs of one scan as a (z, y, x) array of label values.",
        )
    values = np.unique(labels)
    unknown = [int(v) for v in values if int(v) not in LABEL_NAMES]
    if unknown or not values.any():
        raise InputError(
            "the label map holds unknown labels" if unknown else "the label map holds no organ",
            seen=unknown or 0,
            expected=", ".join(f"{value} {name}" for value, name in LABEL_NAMES.items()),
            remedy="Map the labels to these values first.",
        )
