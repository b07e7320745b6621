"""DICOM series read as CT scans: the slices of a folder, their positions and their HU.

What is read, refused and warned of is listed in `docs/conformance.md`.
"""

from flarecli.dicom.inventory import is_dicom_file
from flarecli.dicom.series import Series, find_series, find_series_of_file

__all__ = ["Series", "find_series", "find_series_of_file", "is_dicom_file"]
