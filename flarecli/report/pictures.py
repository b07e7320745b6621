"""Pictures of cases as a page holds them: reduced previews, or outlines of the label map where there is no preview."""

from __future__ import annotations

import base64
import io
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from PIL import Image

from flarecli.errors import FlareError
from flarecli.files.sources import opened
from flarecli.geometry import content_window
from flarecli.hardware.processors import available_processors
from flarecli.metrics.label_map import Fractions, LabelMap, read_label_map
from flarecli.organs import KIDNEYS, LEFT_KIDNEY, ORGANS
from flarecli.preview.sheet import FOOTER_PX, HEADER_PX
from flarecli.report.cases import ReportCase, Status
from flarecli.volume.at_hand import images_at_hand

_THUMBNAIL_PX = (480, 300)
_LARGE_WIDTH_PX = 1600
_THUMBNAIL_QUALITY, _LARGE_QUALITY = 62, 72
_LARGE_CASES = 250
"""With more cases a page holds thumbnails alone, so that it stays below 60 MB, and links to the preview files."""

_MOST_PIXELS = 40_000_000
_LEAST_SHEET_PX = 400
_SILHOUETTE_PX = 300
_BACKGROUND = (14, 15, 18)


@dataclass(frozen=True)
class CasePictures:
    """The pictures of one case as base64 of WebP.

    Attributes:
        thumbnail: For the gallery; empty where there is no picture.
        large: For a closer look; empty where the thumbnail is all there is in the page.
        note: What the picture is, or why there is none.
    """

    thumbnail: str = ""
    large: str = ""
    note: str = ""


def pictures_of(cases: Sequence[ReportCase]) -> Iterator[CasePictures]:
    """Make the pictures of cases one after the other, a few at a time, so that memory does not grow with the cases."""
    has_large = len(cases) <= _LARGE_CASES
    workers = max(1, min(4, available_processors()))
    waiting: deque[Future[CasePictures]] = deque()
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="flare-pictures") as pool:
        for case in cases:
            waiting.append(pool.submit(_pictures, case, has_large=has_large))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _pictures(case: ReportCase, *, has_large: bool) -> CasePictures:
    if case.labels is None and case.preview is None:
        return CasePictures(note="no result")
    missing = "changed since its record" if case.status is Status.CHANGED else "no preview was made"
    if case.preview is not None:
        try:
            return _of_preview(case, has_large=has_large)
        except (FlareError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            missing = "the preview cannot be read"
    if case.labels is None:
        return CasePictures(note=f"{missing}; there is no label map")
    try:
        with images_at_hand(case.labels):
            picture = _silhouette(read_label_map(case.labels, fractions=Fractions.TRUNCATED))
    except (FlareError, MemoryError, OSError):
        return CasePictures(note=f"{missing}; the label map cannot be read")
    return CasePictures(_encoded(picture, _THUMBNAIL_QUALITY), "", f"{missing}: the label map from the front")


def _of_preview(case: ReportCase, *, has_large: bool) -> CasePictures:
    assert case.preview is not None
    with images_at_hand(case.preview), opened(case.preview) as file, Image.open(file, formats=("PNG",)) as stored:
        if stored.width * stored.height > _MOST_PIXELS:
            raise ValueError("more pixels than a preview has")
        sheet = stored.convert("RGB")
    large = ""
    if has_large:
        size = (_LARGE_WIDTH_PX, round(sheet.height * _LARGE_WIDTH_PX / sheet.width))
        reduced = sheet if sheet.width <= _LARGE_WIDTH_PX else sheet.resize(size, Image.Resampling.LANCZOS)
        large = _encoded(reduced, _LARGE_QUALITY)
    if sheet.height > _LEAST_SHEET_PX:
        sheet = sheet.crop((0, HEADER_PX, sheet.width, sheet.height - FOOTER_PX))  # names are beside the thumbnail
    sheet.thumbnail(_THUMBNAIL_PX, Image.Resampling.LANCZOS, reducing_gap=2.0)
    return CasePictures(_encoded(sheet, _THUMBNAIL_QUALITY), large)


def _silhouette(label_map: LabelMap) -> Image.Image:
    """Organs seen from the front: the patient's right on the left, square millimetres, brighter where deeper."""
    labels = label_map.labels
    rows, _, columns = content_window(labels)
    labels = labels[rows, :, columns]
    height, width = labels.shape[0], labels.shape[2]
    colours = np.full((height, width, 3), _BACKGROUND, np.float32)
    for organ in ORGANS:
        values = (KIDNEYS, LEFT_KIDNEY) if organ.label == KIDNEYS else (organ.label,)
        depth = np.zeros((height, width), np.float32)
        for value in values:
            depth += np.count_nonzero(labels == value, axis=1)
        opacity = (depth > 0) * (0.45 + 0.4 * depth / max(float(depth.max()), 1.0))
        colours += opacity[..., np.newaxis] * (np.array(organ.colour, np.float32) - colours)
    picture = Image.fromarray(colours.round().astype(np.uint8)[::-1, ::-1])
    z_mm, _, x_mm = label_map.spacing_mm
    px_per_mm = min(_SILHOUETTE_PX / (height * z_mm), _THUMBNAIL_PX[0] / (width * x_mm))
    size = (max(1, round(width * x_mm * px_per_mm)), max(1, round(height * z_mm * px_per_mm)))
    return picture.resize(size, Image.Resampling.BILINEAR)


def _encoded(picture: Image.Image, quality: int) -> str:
    content = io.BytesIO()
    picture.save(content, format="WEBP", quality=quality, method=2)
    return base64.b64encode(content.getvalue()).decode("ascii")
