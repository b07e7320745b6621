"""Scans and label maps on disk: reading, checking and writing them."""

from flarecli.volume.image import ImageHeader, StoredImage
from flarecli.volume.image_files import read_header, read_image
from flarecli.volume.scan import (
    Volume,
    canonical_grid,
    check_label_map_name,
    read_volume,
    write_labels,
    write_scan,
)

__all__ = [
    "ImageHeader",
    "StoredImage",
    "Volume",
    "canonical_grid",
    "check_label_map_name",
    "read_header",
    "read_image",
    "read_volume",
    "write_labels",
    "write_scan",
]
