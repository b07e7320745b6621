"""Scans and label maps on disk: reading, checking and writing them."""

from flarecli.volume.scan import (
    Volume,
    canonical_grid,
    check_label_map_name,
    read_volume,
    write_labels,
    write_scan,
)

__all__ = ["Volume", "canonical_grid", "check_label_map_name", "read_volume", "write_labels", "write_scan"]
