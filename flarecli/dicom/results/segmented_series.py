"""A label map on the slices of a series: the input of every DICOM result."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from flarecli.dicom.results.origin import Origin
from flarecli.dicom.results.segments import SEGMENTS, Segment
from flarecli.dicom.results.sources import SourceSeries
from flarecli.geometry import content_window


@dataclass(frozen=True)
class SegmentedSeries:
    """A label map with left and right kidney as separate labels, on the slices of a series.

    Attributes:
        labels_kji: uint8, shape (slices, rows, columns) of the source; values are the numbers of `SEGMENTS`.
        affine_ras: 4x4 matrix from the index (column, row, slice) to world mm (RAS).
        source: The series.
        origin: How the label map was made.
        is_resampled: Whether the slices have other positions than the source's; contours then refer to no image.
        are_kidneys_fused: Whether the kidneys are connected, and were separated at the spine.
    """

    labels_kji: np.ndarray
    affine_ras: np.ndarray
    source: SourceSeries
    origin: Origin
    is_resampled: bool = False
    are_kidneys_fused: bool = False

    @cached_property
    def window(self) -> tuple[slice, slice, slice]:
        """The smallest window of slices, rows and columns that holds all organs."""
        return content_window(self.labels_kji)

    @cached_property
    def present(self) -> tuple[Segment, ...]:
        """The segments that were found."""
        counts = np.bincount(self.labels_kji[self.window].ravel(), minlength=256)
        return tuple(segment for segment in SEGMENTS if counts[segment.number])

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the label map, in hexadecimal."""
        inside = self.labels_kji[self.window]
        found = hashlib.sha256(repr((self.labels_kji.shape, self.window)).encode())
        found.update(np.ascontiguousarray(inside).data)
        return found.hexdigest()

    def facts(self, content: str) -> list[str]:
        """What the UIDs of an object with this content depend on, besides the label map."""
        return [*self.source.facts, content, *self.origin.facts()]

    def description_of(self, segment: Segment) -> str:
        """A remark about a segment; empty where there is none."""
        is_kidney = segment.laterality is not None
        return "connected with the other kidney; separated at the spine" if is_kidney and self.are_kidneys_fused else ""
