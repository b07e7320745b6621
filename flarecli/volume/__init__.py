"""Scans and label maps on disk: reading, checking and writing them."""

from flarecli.volume.image import ImageHeader, StoredImage
from flarecli.volume.image_files import read_header, read_image
from flarecli.volume.scan import (
    SeriesHeaders,
    Volume,
    canonical_grid,
    check_label_map_name,
    read_series_headers,
    read_volume,
    write_labels,
    write_scan,
)
from flarecli.volume.source import SourceGeometry

__all__ = [
    "ImageHeader",
    "SeriesHeaders",
    "SourceGeometry",
    "StoredImage",
    "Volume",
    "canonical_grid",
    "check_label_map_name",
    "read_header",
    "read_image",
    "read_series_headers",
    "read_volume",
    "write_labels",
    "write_scan",
]
