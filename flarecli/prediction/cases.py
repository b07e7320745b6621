"""Which scans a command is to work on, and what each result is called."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from flarecli.errors import InputError, UsageError
from flarecli.files.names import SCAN_SUFFIXES, case_name, image_stem, image_suffix


@dataclass(frozen=True)
class Case:
    """One scan and where its label map goes.

    Attributes:
        name: Short name for tables.
        scan: File, or folder of DICOM slices.
        labels: File of the label map.
    """

    name: str
    scan: Path
    labels: Path

    @property
    def record(self) -> Path:
        """The record beside the label map."""
        return self.labels.with_name(f"{image_stem(self.labels)}.json")

    def organ_file(self, organ: str) -> Path:
        """File of one organ's mask, beside the label map."""
        return self.labels.with_name(f"{image_stem(self.labels)}_{organ}{image_suffix(self.labels)}")


def find_cases(source: Path, destination: Path) -> list[Case]:
    """Pair scans with the files to write: file to file, folder to folder.

    In a folder, `x_0000.nii.gz` becomes `x.nii.gz` (FLARE's names) and any other name stays. A folder without
    images is taken for one scan of DICOM slices. Hidden files are passed over.

    Raises:
        InputError: when the source does not exist or two scans would be written to one file.
        UsageError: when source and destination do not go together.
    """
    if not source.exists():
        raise InputError("does not exist", path=source, remedy="Check the path of the scan or folder.")
    scans = sorted(path for path in source.iterdir() if _is_scan(path)) if source.is_dir() else []
    if not scans:
        if not image_suffix(destination):
            raise UsageError(
                "the output of one scan must be an image file",
                path=destination,
                seen=destination.suffix or "no suffix",
                expected=", ".join(SCAN_SUFFIXES),
                remedy=f"Name the file to write, for example {destination.name or 'labels'}.nii.gz.",
            )
        if destination.resolve() == source.resolve():
            raise UsageError(
                "the output would replace the scan itself",
                path=destination,
                remedy="Choose another name for the output.",
            )
        return [Case(image_stem(source), source, destination)]
    if image_suffix(destination) or destination.is_file():
        raise UsageError(
            "the output of a folder of scans must be a folder",
            path=destination,
            seen="a file name",
            remedy="Give a folder; it is made where it does not exist.",
        )
    if destination.resolve() == source.resolve():
        raise UsageError(
            "the output folder is the folder of the scans",
            path=destination,
            remedy="Choose another folder for the output.",
        )
    return _without_clashes(
        Case(case_name(scan), scan, destination / f"{case_name(scan)}{_label_suffix(scan)}") for scan in scans
    )


def _is_scan(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".") and bool(image_suffix(path))


def _label_suffix(scan: Path) -> str:
    # A detached header has no room for labels of its own.
    return {".nhdr": ".nrrd", ".mhd": ".mha", ".hdr": ".nii.gz", ".hdr.gz": ".nii.gz"}.get(
        image_suffix(scan), image_suffix(scan)
    )


def _without_clashes(cases: Iterable[Case]) -> list[Case]:
    by_output: dict[Path, Case] = {}
    for case in cases:
        other = by_output.setdefault(case.labels, case)
        if other is not case:
            raise InputError(
                "two scans would be written to one file",
                path=case.labels,
                seen=f"{other.scan.name} and {case.scan.name}",
                remedy="Rename one of them, or predict them one by one.",
            )
    return list(by_output.values())
