"""Segmentation from Python: `segment` for one scan, `Segmenter` for many; nothing is written unless it is saved.

Example:
    >>> import flarecli
    >>> result = flarecli.segment("scan.nii.gz")  # doctest: +SKIP
    >>> result.organs["liver"].volume_ml, result.confidence["liver"].verdict  # doctest: +SKIP
    (1474.9, <OrganQuality.GOOD: 'good'>)
"""

from flarecli.segmentation.result import SegmentationResult, view
from flarecli.segmentation.segmenter import Segmenter, segment
from flarecli.segmentation.source import Source

__all__ = ["SegmentationResult", "Segmenter", "Source", "segment", "view"]
