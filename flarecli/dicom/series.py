"""The scan of a folder or file: selected and checked from headers alone; voxels are read on demand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from flarecli.counts import counted
from flarecli.dicom import tags
from flarecli.dicom.choice import Candidate, candidates_of, chosen_acquisition
from flarecli.dicom.consistency import check_consistency
from flarecli.dicom.copies import without_copies
from flarecli.dicom.damage import damage_error, damaged_objects
from flarecli.dicom.header import DamagedHeaderError
from flarecli.dicom.inventory import Inventory, inventory_of_file, inventory_of_folder, left_out
from flarecli.dicom.objects import DicomObject
from flarecli.dicom.pixels import check_storage, read_hounsfield
from flarecli.dicom.several import CHOOSE_SERIES, SeveralSeriesError
from flarecli.dicom.slices import Slice
from flarecli.dicom.stack import Stack
from flarecli.dicom.tilt import Tilt, check_tilt, tilt_corrected, tilt_of
from flarecli.errors import InputError
from flarecli.remarks import Remark

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])
_WHOLE_FOLDER = "Name the folder whose files are the slices themselves; subfolders are not searched."


@dataclass(frozen=True)
class Series:
    """A CT scan whose headers were read and checked.

    Attributes:
        path: The folder or file.
        stack: Its slices in order.
        tilt: Gantry tilt, which `read` corrects; None where there is none.
        warnings: What was left out or is unusual, as sentences.
        unpacked: Owner of unpacked temporary files, which are removed with it; None where there are none.
    """

    path: Path
    stack: Stack
    tilt: Tilt | None
    warnings: tuple[str, ...]
    unpacked: object = None

    @property
    def shape_ijk(self) -> tuple[int, int, int]:
        """Columns, rows and slices of the voxels that `read` returns."""
        first = self.stack.slices[0]
        shape = int(first.number(tags.ROWS)), int(first.number(tags.COLUMNS))
        rows, columns = self.tilt.shape if self.tilt else shape
        return columns, rows, len(self.stack.slices)

    @property
    def affine_ras(self) -> np.ndarray:
        """4x4 matrix from the index (column, row, slice) to world mm (RAS); orthogonal also after tilt correction."""
        row_mm, column_mm = self.stack.slices[0].vector(tags.PIXEL_SPACING)
        step, origin = self.stack.step_lps, self.stack.positions_lps[0]
        along_row, along_column = self.stack.row_lps * column_mm, self.stack.column_lps * row_mm
        if self.tilt is not None:
            step = (step @ self.stack.normal_lps) * self.stack.normal_lps
            origin = origin + along_column * self.tilt.origin[0] + along_row * self.tilt.origin[1]
        affine = np.eye(4)
        affine[:3] = _LPS_TO_RAS @ np.column_stack([along_row, along_column, step, origin])
        return affine + 0.0  # no negative zeros

    def read(self) -> tuple[np.ndarray, tuple[str, ...]]:
        """Read the voxels.

        Returns:
            int16 HU, shape (slices, rows, columns), C-contiguous; and warnings.

        Raises:
            InputError: when a slice cannot be read or decoded, or memory does not suffice.
            InstallationError: when a package for compressed pixels is not installed.
        """
        voxels, warnings = read_hounsfield(self.stack.slices, self.path)
        if self.tilt is not None:
            voxels = tilt_corrected(voxels, self.tilt, self.path)
        return voxels, warnings


def find_series(folder: Path) -> Series:
    """The only CT scan among the files of a folder; its subfolders are not searched.

    Raises:
        InputError: when there is no CT scan or more than one, files of it are damaged, or its slices lack attributes,
            differ, are missing, duplicated or shifted.
        InstallationError: when pydicom is not installed.
    """
    return series_of(inventory_of_folder(folder), folder)


def find_series_of_file(path: Path) -> Series:
    """The CT scan of one multi-frame file.

    Raises:
        InputError: when it is a single slice or not a CT scan, is damaged, or its frames are not evenly spaced.
        InstallationError: when pydicom is not installed.
    """
    inventory = inventory_of_file(path)
    if [len(entry.slices) for entry in inventory.objects] == [1] and not inventory.objects[0].problem:
        raise InputError(
            "is a single DICOM file of one slice",
            path=path,
            expected="a folder with all slices of one series, or a multi-frame file",
            remedy="Give the folder that it lies in.",
        )
    return series_of(inventory, path)


def series_of(inventory: Inventory, path: Path, unpacked: object = None) -> Series:
    """The only CT scan of an inventory.

    Args:
        inventory: The files.
        path: The path that messages name.
        unpacked: Owner of unpacked temporary files.

    Raises:
        InputError: as `find_series`.
    """
    candidate = _chosen(inventory, path)
    _refuse_damaged(inventory, candidate, path)
    unit_warnings = check_consistency(candidate.slices, path)
    check_storage(candidate.slices, path)
    try:
        slices, copy_warnings = without_copies(candidate.slices)
    except DamagedHeaderError as error:
        raise InputError(
            "duplicate slices cannot be compared",
            path=path,
            seen=str(error),
            remedy="Copy or export the series again.",
        ) from error
    stack, choice_warnings = chosen_acquisition(slices, path)
    tilt = _tilt(stack, path)
    warnings = [
        *_inventory_warnings(inventory, candidate),
        *copy_warnings,
        *choice_warnings,
        *_frame_warnings(stack.slices),
        *_storage_warnings(stack.slices),
        *unit_warnings,
    ]
    series = Series(path, stack, tilt, tuple(warnings), unpacked)
    return series if tilt is None else replace(series, warnings=(*warnings, _tilt_warning(series, tilt)))


def _chosen(inventory: Inventory, path: Path) -> Candidate:
    """The only series that may be the scan."""
    found = candidates_of(inventory.objects)
    scans = [candidate for candidate in found if len(candidate.slices) > 1]
    if len(scans) > 1:
        raise SeveralSeriesError(
            "holds several CT series",
            path=path,
            seen=_listing(path, scans),
            expected="one CT series",
            remedy=CHOOSE_SERIES,
        )
    if scans:
        return scans[0]
    damaged = [*inventory.unusable, *damaged_objects(inventory.objects)]
    if damaged:
        raise damage_error(damaged, path)
    if not inventory.objects:
        seen = left_out((), inventory.others)
        raise InputError(
            "holds no DICOM slices" if path.is_dir() else "is not a DICOM file",
            path=path,
            seen=seen or "nothing",
            expected="the slices of one CT series",
            remedy=_WHOLE_FOLDER,
        )
    if found:
        raise InputError(
            "has a single slice",
            path=path,
            seen="; ".join([str(found[0]), *filter(None, [left_out(_kinds(inventory.objects), inventory.others)])]),
            expected="a CT series of several slices",
            remedy="Give the folder of the whole axial CT series.",
        )
    raise InputError(
        "holds no CT scan",
        path=path,
        seen=left_out(_kinds(inventory.objects), inventory.others),
        expected="a CT series of several slices",
        remedy="Give the folder of an axial CT series.",
    )


def _listing(path: Path, scans: Sequence[Candidate]) -> str:
    """The series to choose from."""
    if not path.is_dir():
        return "; ".join(map(str, scans))
    from flarecli.dicom.collection.opening import catalogue_of  # needed for this message only

    return catalogue_of(path).listing()


def _refuse_damaged(inventory: Inventory, candidate: Candidate, path: Path) -> None:
    """Refuse when a file that may belong to the scan cannot be used."""
    uid = candidate.objects[0].series_uid
    others = {entry.series_uid for entry in inventory.objects if not entry.problem} - {uid, ""}
    damaged = [
        *inventory.unusable,
        *damaged_objects(entry for entry in inventory.objects if entry.series_uid not in others),
    ]
    if damaged:
        raise damage_error(damaged, path)


def _kinds(objects: Sequence[DicomObject]) -> list[tuple[str, str]]:
    """Kind and series description of objects that are not slices."""
    return [(entry.kind, entry.header.elements.shown(tags.SERIES_DESCRIPTION)) for entry in objects if entry.kind]


def _inventory_warnings(inventory: Inventory, candidate: Candidate) -> tuple[str, ...]:
    taken = {id(entry) for entry in candidate.objects}
    kinds = _kinds(inventory.objects)
    for entry in inventory.objects:
        if id(entry) in taken or entry.kind:
            continue
        description = entry.header.elements.shown(tags.SERIES_DESCRIPTION)
        kind = "reformatted slice" if entry.rank == 1 else "slice of another series"
        kinds += [(kind, description)] * max(1, len(entry.slices))
    said = left_out(kinds, inventory.others)
    if not said:
        return ()
    files = sum(map(len, inventory.others.values()))
    numbers = (
        f"{counted(len(kinds), 'other slice or object', 'other slices or objects')}, {counted(files, 'other file')}"
    )
    return (
        Remark(
            f"the CT series {candidate} was used; left out: {said}",
            f"the CT series of {counted(len(candidate.slices), 'slice')} was used; left out: {numbers}",
        ),
    )


def _storage_warnings(slices: Sequence[Slice]) -> tuple[str, ...]:
    longer = [slice_ for slice_ in slices if slice_.header.trailing]
    if not longer:
        return ()
    text = counted(
        len(longer),
        "file has bytes that are not DICOM after its pixel data",
        "files have bytes that are not DICOM after their pixel data",
    )
    damage = "it may be damaged" if len(longer) == 1 else "they may be damaged"
    first = f"{longer[0].header.trailing} in {longer[0].name}"
    return (Remark(f"{text} ({first}): {damage}", f"{text}: {damage}"),)


def _frame_warnings(slices: Sequence[Slice]) -> tuple[str, ...]:
    numbers = (
        (len({slice_.attributes.get(tag, "") for slice_ in slices}), names)
        for tag, names in ((tags.FRAME_OF_REFERENCE, "Frames of Reference"), (tags.PATIENT_ID, "Patient IDs"))
    )
    return tuple(
        f"the slices have {count} different {names}: check that they belong together"
        for count, names in numbers
        if count > 1
    )


def _tilt(stack: Stack, path: Path) -> Tilt | None:
    first = stack.slices[0]
    row_mm, column_mm = first.vector(tags.PIXEL_SPACING)
    shape = len(stack.slices), int(first.number(tags.ROWS)), int(first.number(tags.COLUMNS))
    tilt = tilt_of(stack.step_lps, stack.row_lps, stack.column_lps, (row_mm, column_mm), shape)
    if tilt is not None:
        check_tilt(tilt, path)
    return tilt


def _tilt_warning(series: Series, tilt: Tilt) -> str:
    columns, rows, slices = series.shape_ijk
    return (
        f"the gantry is tilted by {tilt.angle_deg:.1f}°: the slices were resampled to a rectangular grid of "
        f"{columns} × {rows} × {slices} voxels, filled with air outside them; the label map lies on that grid (each of "
        "its slices in the plane of one slice of the scan), so overlay it in world coordinates"
    )
