"""DICOM series as scans: which files of a folder are its slices, where they lie, what values they hold.

What is read, refused and said aloud is listed in `docs/conformance.md`.
"""

from flarecli.dicom.inventory import is_dicom_file
from flarecli.dicom.series import Series, find_series, find_series_of_file

__all__ = ["Series", "find_series", "find_series_of_file", "is_dicom_file"]
