"""One scan and where its results go."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flarecli.dicom.collection.detection import is_collection
from flarecli.dicom.collection.series_files import SeriesFiles
from flarecli.errors import FlareError
from flarecli.files.names import label_map_stem, label_map_suffix, suffix_of_name

FAILURE_SUFFIX = ".failed.json"
"""Ends the name of a file that says why a case has no result."""

_LABEL_SUFFIXES = {".nhdr": ".nrrd", ".mhd": ".mha", ".hdr": ".nii.gz", ".hdr.gz": ".nii.gz"}
"""Label maps are single files, also those of scans whose header and voxels are two."""


@dataclass(frozen=True)
class Case:
    """One scan and where its label map goes.

    Attributes:
        name: Short name for tables.
        scan: File, or folder of DICOM slices; of a series of several, the archive or the folder that it lies in.
        labels: File of the label map.
        problem: Why the scan cannot be read, where that is known beforehand; the case fails with it.
        series: The series of several that is the scan, where it was looked up already.
        choice: Which series of several is to be looked up when the scan is read; see
            `flarecli.dicom.collection.choice.chosen_series`.
    """

    name: str
    scan: Path
    labels: Path
    problem: FlareError | None = None
    series: SeriesFiles | None = None
    choice: str | None = None

    def __post_init__(self) -> None:
        # Frozen; strings are accepted as paths.
        object.__setattr__(self, "scan", Path(self.scan))
        object.__setattr__(self, "labels", Path(self.labels))

    def source(self) -> Path | SeriesFiles:
        """What is read: the scan, or its series.

        Raises:
            InputError: when the scan holds none or several, or not the one that is chosen.
            InstallationError: when pydicom is needed and not installed.
        """
        if self.series is not None:
            return self.series
        if self.choice is None and not is_collection(self.scan):
            return self.scan
        from flarecli.dicom.collection.choice import chosen_scan

        return chosen_scan(self.scan, self.choice)

    @property
    def record(self) -> Path:
        """The record beside the label map."""
        return self.beside(".json")

    @property
    def failure(self) -> Path:
        """The record of a failure; see `flarecli.prediction.sharing.failed_cases`."""
        return self.beside(FAILURE_SUFFIX)

    def beside(self, ending: str) -> Path:
        """A file beside the label map, of its name without suffix and the ending given."""
        return self.labels.with_name(f"{label_map_stem(self.labels)}{ending}")

    def organ_file(self, organ: str) -> Path:
        """File of one organ's mask, beside the label map."""
        return self.beside(f"_{organ}{label_map_suffix(self.labels)}")


def label_suffix(scan: Path) -> str:
    """The suffix of the label map of a scan file."""
    return label_suffix_of_name(scan.name)


def label_suffix_of_name(scan: str) -> str:
    """The same of the bare name of a scan file."""
    return label_suffix_of_scan_suffix(suffix_of_name(scan))


def label_suffix_of_scan_suffix(suffix: str) -> str:
    """The same of the suffix of a scan file."""
    return _LABEL_SUFFIXES.get(suffix, suffix)
