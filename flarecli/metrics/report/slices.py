"""Slices of a scan with the contours of prediction and ground truth, as PNG."""

from __future__ import annotations

import math
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw

from flarecli.errors import InputError
from flarecli.geometry import Window, bounding_window, widened
from flarecli.metrics.case import CaseEvaluation, read_pair
from flarecli.metrics.organ_scores import EvaluationSettings
from flarecli.metrics.report.colours import GROUND_TRUTH_COLOUR, PREDICTION_COLOUR
from flarecli.pictures.lettering import write
from flarecli.pictures.slices import as_image, draw_mask, grey_picture
from flarecli.volume.at_hand import images_at_hand
from flarecli.volume.image_files import read_header, read_image

_WINDOW_HU = (-160.0, 240.0)  # the usual soft-tissue window
_MARGIN_MM = 20.0
_HEIGHT_PX = 340
_GAP_PX = 8
_TITLE_PX = 26
_TEXT_PX = 13
_GROUND_TRUTH_LINE_PX, _PREDICTION_LINE_PX = 2.6, 1.6
_WHITE = (255, 255, 255)


@dataclass(frozen=True)
class _View:
    """A plane through the volume.

    Attributes:
        axis: Of the (z, y, x) array: 0 for an axial, 1 for a coronal plane.
        place: Index along that axis.
        title: What the plane was chosen for.
    """

    axis: int
    place: int
    title: str


def slices_png(case: CaseEvaluation, image_path: Path, settings: EvaluationSettings) -> bytes:
    """Draw three planes of a case: two axial and a coronal one, patient's right on the left.

    The planes are those with most voxels in disagreement, and the axial one with most of the organ that
    scored worst. A literal evaluation is shown as it was scored: as stored, whatever the orientation.

    Raises:
        InputError: when a file cannot be read, or the image has another shape than the label maps.
    """
    with images_at_hand(case.pair.pred, case.pair.gt, image_path):
        pred, gt = read_pair(case.pair, settings)
        image = _image(image_path, canonical=not settings.literal)
    if image.shape != gt.labels.shape:
        raise InputError(
            "the image and the ground truth differ in shape",
            path=image_path,
            seen=f"{image.shape} (z, y, x)",
            expected=f"{gt.labels.shape}, as in {case.pair.gt}",
            remedy="Give the folder of the scans that were segmented.",
        )
    labels = [organ.label for organ in settings.protocol.organs]
    box = bounding_window(np.isin(gt.labels, labels), np.isin(pred.labels, labels))
    box = box or (slice(0, image.shape[0]), slice(0, image.shape[1]), slice(0, image.shape[2]))
    box = widened(box, [round(_MARGIN_MM / step_mm) for step_mm in gt.spacing_mm], image.shape)
    pictures = [
        _drawn(view, image, (pred.labels, gt.labels), labels, box, gt.spacing_mm, side="" if settings.literal else "R")
        for view in _views(pred.labels, gt.labels, case, settings)
    ]
    width = sum(picture.width + _GAP_PX for picture in pictures) - _GAP_PX
    sheet = Image.new("RGB", (width, _TITLE_PX + _HEIGHT_PX))
    left = 0
    for picture in pictures:
        sheet.paste(picture, (left, 0))
        left += picture.width + _GAP_PX
    content = BytesIO()
    sheet.save(content, format="PNG")
    return content.getvalue()


def _image(path: Path, *, canonical: bool) -> NDArray[np.float32]:
    """HU values `(z, y, x)`, in RAS+ or as stored."""
    header = read_header(path)
    if len(header.shape) < 3 or any(size != 1 for size in header.shape[3:]) or header.dtype.kind not in "iuf":
        raise InputError(
            "is not a scan of one volume",
            path=path,
            seen=f"shape {header.shape} of {header.dtype}",
            expected="3 dimensions",
            remedy="Store one scan per file.",
        )
    image = read_image(header, beside_bytes=4 * math.prod(header.shape))
    stored = image.stored.reshape(header.shape[:3], order="F")
    if canonical:
        stored = nibabel.apply_orientation(stored, nibabel.io_orientation(header.affine_ras))
    values: NDArray[np.float32] = np.float32(header.slope) * stored.T.astype(np.float32)
    values += np.float32(header.intercept)
    return values


def _views(
    pred: NDArray[np.integer], gt: NDArray[np.integer], case: CaseEvaluation, settings: EvaluationSettings
) -> list[_View]:
    organs = settings.protocol.organs
    differs = np.zeros(gt.shape, dtype=np.bool_)
    for organ in organs:
        differs |= (pred == organ.label) != (gt == organ.label)
    axial = _View(0, int(differs.sum(axis=(1, 2)).argmax()), "axial, most disagreement")
    coronal = _View(1, int(differs.sum(axis=(0, 2)).argmax()), "coronal, most disagreement")
    first_metric = settings.metrics[0]
    scores = np.array(case.scores[first_metric])
    worst = organs[int(np.argmin(scores) if first_metric.is_share else np.argmax(np.abs(scores)))]
    areas = np.count_nonzero((gt == worst.label) | (pred == worst.label), axis=(1, 2))
    return [axial, _View(0, int(areas.argmax()), f"axial, most {worst.name}"), coronal]


def _drawn(
    view: _View,
    image: NDArray[np.float32],
    maps: tuple[NDArray[np.integer], NDArray[np.integer]],
    labels: list[int],
    box: Window,
    spacing_mm: tuple[float, float, float],
    *,
    side: str,
) -> Image.Image:
    """One plane under its title: rows fall from Superior or Anterior, columns run from the patient's right.

    Args:
        view: The plane.
        image: HU.
        maps: Label maps of the prediction and of the ground truth.
        labels: The labels whose contours are drawn.
        box: The part of the volume that is shown.
        spacing_mm: Voxel size along z, y and x.
        side: Letter on the left.
    """

    def plane(volume: NDArray[np.generic]) -> NDArray[np.generic]:
        return np.take(volume[_crossed(box, view)], view.place, axis=view.axis)[::-1, ::-1]

    height_mm, width_mm = _plane_size_mm(view, box, spacing_mm)
    picture = grey_picture(plane(image), _WINDOW_HU, (max(2, round(_HEIGHT_PX * width_mm / height_mm)), _HEIGHT_PX))
    pred, gt = (plane(volume) for volume in maps)
    for values, colour, line_px in (
        (gt, GROUND_TRUTH_COLOUR, _GROUND_TRUTH_LINE_PX),
        (pred, PREDICTION_COLOUR, _PREDICTION_LINE_PX),
    ):
        red, green, blue = ImageColor.getrgb(colour)[:3]
        for label in labels:
            draw_mask(picture, values == label, (red, green, blue), line_px=line_px)
    titled = Image.new("RGB", (picture.shape[1], _TITLE_PX + _HEIGHT_PX))
    titled.paste(as_image(picture), (0, _TITLE_PX))
    draw = ImageDraw.Draw(titled)
    write(draw, (6, _TITLE_PX / 2), view.title, _TEXT_PX, _WHITE, "lm")
    write(draw, (6, _TITLE_PX + _HEIGHT_PX / 2), side, _TEXT_PX, _WHITE, "lm")
    return titled


def _crossed(box: Window, view: _View) -> tuple[slice, ...]:
    """The box within the plane, whole along the axis that the plane crosses."""
    return tuple(slice(None) if axis == view.axis else side for axis, side in enumerate(box))


def _plane_size_mm(view: _View, box: Window, spacing_mm: tuple[float, float, float]) -> tuple[float, float]:
    """Height and width of a plane inside the box."""
    height, width = (
        (side.stop - side.start) * step
        for axis, (side, step) in enumerate(zip(box, spacing_mm, strict=True))
        if axis != view.axis
    )
    return height, width
