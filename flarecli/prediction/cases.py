"""Which scans a command is to work on, and what each result is called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from flarecli.errors import FlareError, InputError, UsageError
from flarecli.files.destinations import target_of
from flarecli.files.folder import FolderAccount, account_of_folder
from flarecli.files.names import SCAN_SUFFIXES, case_name, image_stem, image_suffix
from flarecli.files.sources import check_regular_file, exists, is_folder
from flarecli.volume.scan import WRITABLE_SUFFIXES

_LABEL_SUFFIXES = {".nhdr": ".nrrd", ".mhd": ".mha", ".hdr": ".nii.gz", ".hdr.gz": ".nii.gz"}
"""Label maps are single files, also those of scans whose header and voxels are two."""


@dataclass(frozen=True)
class Case:
    """One scan and where its label map goes.

    Attributes:
        name: Short name for tables.
        scan: File, or folder of DICOM slices.
        labels: File of the label map.
        problem: Why the scan cannot be read, where that is known beforehand; the case fails with it.
    """

    name: str
    scan: Path
    labels: Path
    problem: FlareError | None = None

    def __post_init__(self) -> None:
        # Frozen; texts are taken for paths, too.
        object.__setattr__(self, "scan", Path(self.scan))
        object.__setattr__(self, "labels", Path(self.labels))

    @property
    def record(self) -> Path:
        """The record beside the label map."""
        return self.beside(".json")

    @property
    def failure(self) -> Path:
        """The record of a failure; see `flarecli.prediction.sharing.failed_cases`."""
        return self.beside(".failed.json")

    def beside(self, ending: str) -> Path:
        """A file beside the label map, of its name without suffix and the ending given."""
        return self.labels.with_name(f"{image_stem(self.labels)}{ending}")

    def organ_file(self, organ: str) -> Path:
        """File of one organ's mask, beside the label map."""
        return self.beside(f"_{organ}{image_suffix(self.labels)}")


@dataclass(frozen=True)
class FoundCases:
    """The scans of a source.

    Attributes:
        cases: One a scan.
        folder: The account of the folder of scans; None where the source is one scan.
    """

    cases: Sequence[Case]
    folder: FolderAccount | None = None


def find_cases(source: Path, destination: Path) -> list[Case]:
    """The cases of `find_scans` alone."""
    return list(find_scans(source, destination).cases)


def find_scans(source: Path, destination: Path) -> FoundCases:
    """Pair scans with the files to write: file to file, folder to folder.

    In a folder, `x_0000.nii.gz` becomes `x.nii.gz` (FLARE's names) and any other name stays; of pairs of header and
    voxels a single file. A folder without images is taken for one scan of DICOM slices, and so is one with slices
    where the destination is a file. Hidden files are passed over.

    Raises:
        InputError: when the source does not exist, is no regular file or folder or holds nothing to be segmented, or
            when two scans would be written to one file.
        UsageError: when source and destination do not go together.
    """
    source, destination = Path(source), Path(destination)
    if not is_folder(source):
        check_regular_file(source)
        return FoundCases((_single(source, destination),))
    account = account_of_folder(source)
    if not account.files and not account.dicom and not account.others:
        raise account.nothing_found(f"scans ({', '.join(SCAN_SUFFIXES)}), or the slices of one DICOM series")
    if not account.files or (account.dicom and image_suffix(destination)):
        return FoundCases((_single(source, destination),))
    if image_suffix(destination) or (exists(destination) and destination.is_file()):
        raise UsageError(
            "the output of a folder of scans must be a folder",
            path=destination,
            seen="a file name",
            remedy="Give a folder; it is made where it does not exist.",
        )
    if target_of(destination) == target_of(source):
        raise UsageError(
            "the output folder is the folder of the scans",
            path=destination,
            remedy="Choose another folder for the output.",
        )
    cases = (
        Case(case_name(scan), scan, destination / f"{case_name(scan)}{label_suffix(scan)}", account.problems.get(scan))
        for scan in account.files
    )
    return FoundCases(tuple(_without_clashes(cases)), account)


def _single(source: Path, destination: Path) -> Case:
    if not image_suffix(destination):
        raise UsageError(
            "the output of one scan must be an image file",
            path=destination,
            seen=destination.suffix or "no suffix",
            expected=", ".join(WRITABLE_SUFFIXES),
            remedy=f"Name the file to write, for example {destination.name or 'labels'}.nii.gz.",
        )
    if target_of(destination) == target_of(source):
        raise UsageError(
            "the output would replace the scan itself",
            path=destination,
            remedy="Choose another name for the output.",
        )
    return Case(image_stem(source) or image_stem(target_of(source)), source, destination)


def label_suffix(scan: Path) -> str:
    """The suffix of the label map of a scan file."""
    return _LABEL_SUFFIXES.get(image_suffix(scan), image_suffix(scan))


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
