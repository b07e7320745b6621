"""Which scans a command is to work on, and what each result is called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from flarecli.dicom.collection.detection import is_collection
from flarecli.errors import UsageError
from flarecli.files.destinations import target_of
from flarecli.files.folder import FolderInventory, inventory_of_folder, problem_of_file
from flarecli.files.names import (
    SCAN_SUFFIXES,
    SEGMENTATION_SUFFIX,
    image_stem,
    image_suffix,
    label_map_stem,
    label_map_suffix,
)
from flarecli.files.sources import check_regular_file, exists, is_folder
from flarecli.prediction.case import Case, label_suffix
from flarecli.prediction.long_lists.case_sequence import CaseSequence
from flarecli.prediction.long_lists.folder_cases import FolderCases
from flarecli.remarks import Remark
from flarecli.volume.scan import WRITABLE_SUFFIXES

_SCANS_EXPECTED = f"scans ({', '.join(SCAN_SUFFIXES)}), or the slices of DICOM series"

__all__ = ["Case", "CaseSelection", "FoundCases", "find_cases", "find_scans", "label_suffix"]


@dataclass(frozen=True)
class FoundCases:
    """The scans of a source.

    Attributes:
        cases: One a scan.
        folder: The inventory of the folder of scans; None where the source is none.
        is_many: Whether there may be more than one, so that a failed one does not end the run.
        warnings: What is not used.
    """

    cases: Sequence[Case]
    folder: FolderInventory | None = None
    is_many: bool = False
    warnings: tuple[str, ...] = ()

    def perhaps_on_servers(self) -> Iterable[Path]:
        """The scans that may be addresses of servers."""
        if isinstance(self.cases, CaseSequence):
            return self.cases.perhaps_on_servers()
        return (case.scan for case in self.cases)


@dataclass(frozen=True)
class CaseSelection:
    """Which scans of a source are meant, and what they are called.

    Attributes:
        series: Of DICOM, the series: see `flarecli.dicom.collection.choice.chosen_series`; None for all.
        name: Pattern of the names of DICOM cases: see `flarecli.dicom.collection.naming.check_pattern`; None for names
            that say nothing of the patient.
        anonymous: Whether names of files and folders must not become names of cases.
    """

    series: str | None = None
    name: str | None = None
    anonymous: bool = False


def find_cases(source: Path, destination: Path, selection: CaseSelection | None = None) -> list[Case]:
    """The cases of `find_scans` alone."""
    return list(find_scans(source, destination, selection).cases)


def find_scans(source: Path, destination: Path, selection: CaseSelection | None = None) -> FoundCases:
    """Pair scans with the files to write: file to file, folder to folder.

    In a folder, `x_0000.nii.gz` becomes `x.nii.gz` (FLARE's names) and any other name stays; of pairs of header and
    voxels a single file. A folder without images is taken for DICOM: for one scan where the destination is a file, and
    where it is a folder, for all series in it and in the folders below; so is a zip archive, and what a DICOMDIR names.
    Hidden files are passed over.

    Raises:
        InputError: when the source does not exist, is not a regular file or folder or holds nothing to be segmented, or
            when two scans would be written to one file.
        UsageError: when source and destination, or source and selection, do not go together.
    """
    source, destination = Path(source), Path(destination)
    selection = selection or CaseSelection()
    if selection.name is not None:
        from flarecli.dicom.collection.naming import check_pattern

        check_pattern(selection.name, anonymous=selection.anonymous)
    if not is_folder(source):
        check_regular_file(source)
        if is_collection(source):
            return _of_collection(source, destination, selection)
        _check_no_selection(source, selection)
        return FoundCases((_single(source, destination, selection),))
    inventory = inventory_of_folder(source)
    if inventory.files and not (inventory.dicom and label_map_suffix(destination)):
        _check_no_selection(source, selection)
        return _of_images(source, inventory, destination, selection)
    if is_collection(source) or selection.series is not None or not label_map_suffix(destination):
        return _of_collection(source, destination, selection, inventory)
    if not inventory.dicom and not inventory.others:
        raise inventory.nothing_found(_SCANS_EXPECTED)
    return FoundCases((_single(source, destination, selection),))


def _of_images(source: Path, inventory: FolderInventory, destination: Path, selection: CaseSelection) -> FoundCases:
    """The image files of a folder."""
    _check_folder_for(source, destination)
    cases = FolderCases(source, inventory.names, destination, problem_of_file, is_anonymous=selection.anonymous)
    cases.check_clashes()
    said = inventory.warning()
    counted = "; ".join(f"{len(entries.names)} × {entries.reason}" for entries in inventory.passed_over)
    warning = None if said is None else Remark(said, f"not used: {counted}")
    return FoundCases(cases, inventory, True, () if warning is None else (warning,))


def _of_collection(
    source: Path, destination: Path, selection: CaseSelection, inventory: FolderInventory | None = None
) -> FoundCases:
    """The series of a collection: one into a file, all into a folder."""
    from flarecli.dicom.collection.choice import chosen_series, only_series
    from flarecli.dicom.collection.naming import case_names
    from flarecli.dicom.collection.opening import catalogue_of

    if label_map_suffix(destination):
        _check_single(source, destination)
        if selection.name is not None:
            raise UsageError(
                "names of cases are for outputs in a folder",
                path=destination,
                seen="--name, and the name of a file as OUT",
                remedy="Leave --name out, or give a folder.",
            )
    else:
        _check_folder_for(source, destination)
    found = catalogue_of(source)
    if not found.holds_dicom and inventory is not None:
        raise inventory.nothing_found(_SCANS_EXPECTED)
    if label_map_suffix(destination):
        entry = only_series(found, selection.series)
        case = Case(label_map_stem(destination), entry.files.place, destination, entry.problem, entry.files)
        return FoundCases((case,), warnings=found.warnings())
    entries = chosen_series(found, selection.series)
    cases = tuple(
        Case(name, entry.files.place, destination / f"{name}.nii.gz", entry.problem, entry.files)
        for name, entry in zip(case_names(entries, selection.name), entries, strict=True)
    )
    return FoundCases(cases, None, True, found.warnings())


def _check_folder_for(source: Path, destination: Path) -> None:
    """Refuse an output of many scans that is not a folder, or the folder of the scans itself."""
    if label_map_suffix(destination) or (exists(destination) and destination.is_file()):
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


def _check_no_selection(source: Path, selection: CaseSelection) -> None:
    """Refuse options that choose and name series of what is not DICOM."""
    for option, value in (("--series", selection.series), ("--name", selection.name)):
        if value is not None:
            raise UsageError(
                f"{option} is for DICOM series",
                path=source,
                seen=image_suffix(source) or "a folder of image files",
                expected="a folder, a zip archive or a DICOMDIR with DICOM series",
                remedy=f"Leave {option} out.",
            )


def _single(source: Path, destination: Path, selection: CaseSelection) -> Case:
    _check_single(source, destination)
    named_after = destination if selection.anonymous else source
    return Case(label_map_stem(named_after) or image_stem(target_of(source)), source, destination)


def _check_single(source: Path, destination: Path) -> None:
    if not label_map_suffix(destination):
        raise UsageError(
            "the output of one scan must be an image file",
            path=destination,
            seen=destination.suffix or "no suffix",
            expected=", ".join((*WRITABLE_SUFFIXES, SEGMENTATION_SUFFIX)),
            remedy=f"Name the file to write, for example {destination.name or 'labels'}.nii.gz.",
        )
    if target_of(destination) == target_of(source):
        raise UsageError(
            "the output would replace the scan itself",
            path=destination,
            remedy="Choose another name for the output.",
        )
