"""Additional outputs of a case: everything but its label map and record."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from flarecli.addresses import is_staged
from flarecli.errors import InputError, InstallationError, UsageError
from flarecli.files.destinations import target_of
from flarecli.files.names import SCAN_SUFFIXES, image_suffix, is_segmentation_name
from flarecli.files.sources import exists, is_folder
from flarecli.meshes.formats import MESH_SUFFIXES
from flarecli.prediction.case import Case

if TYPE_CHECKING:
    from flarecli.prediction.dicom.study import DicomStudy
    from flarecli.volume import Volume

_PACKAGES = {"highdicom": "dicom", "pydicom": "dicom", "trimesh": "mesh"}
"""Packages that some outputs need, and the extra that brings each."""

_ONE_FORMAT_SUFFIXES = (".nrrd", ".nhdr", ".mha", ".mhd")
"""Files of these names are read as what their names say, whatever they hold."""

DICOM_OBJECTS = ("seg", "rtstruct", "sr")
"""Segmentation, RT Structure Set, Structured Report."""


@dataclass(frozen=True)
class PreviewFile:
    """One picture, of whatever case.

    Attributes:
        path: Its file.
    """

    path: Path

    def __call__(self, case: Case) -> Path:
        """The file."""
        return self.path


@dataclass(frozen=True)
class PreviewFolder:
    """A picture of each case in a folder, called as the case.

    Attributes:
        folder: The folder.
    """

    folder: Path

    def __call__(self, case: Case) -> Path:
        """The file of a case."""
        return self.folder / f"{case.name}.png"


@dataclass(frozen=True)
class ReferenceSeries:
    """One DICOM series, of whatever case.

    Attributes:
        path: Its folder, or multi-frame file.
    """

    path: Path

    def __call__(self, case: Case) -> Path:
        """The series."""
        return self.path


@dataclass(frozen=True)
class ReferenceFolder:
    """A series of each case in a folder, called as the case.

    Attributes:
        folder: The folder.
    """

    folder: Path

    def __call__(self, case: Case) -> Path:
        """The series of a case."""
        return self.folder / case.name


@dataclass(frozen=True)
class OutputOptions:
    """Outputs in addition to the label map and its record.

    Attributes:
        split: Whether to write one mask file per organ.
        preview: Picture file for a case, where one is wanted; a `PreviewFolder` where other processes are to write it.
        sides: Whether the label map tells the kidneys apart: 2 right, 5 left.
        dicom: DICOM objects to write, among `DICOM_OBJECTS`; only of scans that are DICOM.
        labelmap: Whether the Segmentation object has one frame per slice with all organs (LABELMAP) instead of one per
            slice and organ (BINARY).
        mesh: Format of the surface meshes, one per organ, among "stl", "obj" and "glb"; None for none.
        reference: For a scan that is not DICOM, the series that it was converted from; None where none is given. A
            `ReferenceFolder` where other processes are to read it.
        anonymous: Whether nothing that is written or shown may hold what identifies the patient: no path, no name of a
            file, no text of a header; DICOM objects then belong to no study.

    Raises:
        UsageError: when `preview` or `reference` is not a function, or an object or format does not exist.
    """

    split: bool = False
    preview: Callable[[Case], Path] | None = None
    sides: bool = False
    dicom: tuple[str, ...] = ()
    labelmap: bool = False
    mesh: str | None = None
    reference: Callable[[Case], Path] | None = None
    anonymous: bool = False

    def __post_init__(self) -> None:
        for name, given, ending in (("preview", self.preview, ".png"), ("reference", self.reference, "")):
            if given is not None and not callable(given):
                raise UsageError(
                    f"the {name} must be given by a function of the case",
                    seen=repr(given),
                    expected=f"for example: lambda case: folder / f'{{case.name}}{ending}'",
                    remedy="Give such a function, or None.",
                )
        formats = tuple(suffix.removeprefix(".") for suffix in MESH_SUFFIXES)
        for value, known in ((self.mesh, formats), *((name, DICOM_OBJECTS) for name in self.dicom)):
            if value is not None and value not in known:
                raise UsageError(
                    "there is no such output", seen=value, expected=", ".join(known), remedy="Choose one of those."
                )

    def writes_dicom(self, case: Case) -> bool:
        """Whether a DICOM object is written of a case."""
        return bool(self.dicom) or is_segmentation_name(case.labels)

    def reference_of(self, case: Case) -> Path | None:
        """The series that a scan was converted from; None for scans that are DICOM, and where none is given."""
        return None if self.reference is None or not _is_other_format(case) else self.reference(case)

    def study_of(self, case: Case, volume: Volume) -> DicomStudy | None:
        """The series that the DICOM objects of a case belong to; None where none is written.

        Raises:
            InputError: as `flarecli.prediction.dicom.study.study_of` does.
        """
        from flarecli.prediction.dicom.study import study_of

        if not self.writes_dicom(case):
            return None
        return study_of(volume, self.reference_of(case), anonymous=self.anonymous)


def segmentation_type(options: OutputOptions) -> str:
    """Kind of a DICOM segmentation, as it says itself."""
    return "LABELMAP" if options.labelmap else "BINARY"


def check_options(cases: Iterable[Case], options: OutputOptions) -> None:
    """Refuse what cannot be written of these cases, before anything is computed.

    Raises:
        UsageError: when DICOM objects are asked of a scan that is not DICOM and has no reference, when they would lie
            among the slices, or when options do not go together.
        InputError: when a reference does not exist.
        InstallationError: when a package is missing.
    """
    listed = list(cases)
    writing = [case for case in listed if options.writes_dicom(case)]
    needed = [*(("pydicom", "highdicom") if writing else ()), *(("trimesh",) if options.mesh else ())]
    for package in needed:
        if find_spec(package) is None:
            raise InstallationError(
                f"this output needs {package}, which is not installed",
                remedy=f"Install it with: pip install 'flarecli[{_PACKAGES[package]}]'.",
            )
    if options.labelmap and listed and not any(_names_segmentation(case, options) for case in listed):
        raise UsageError(
            "there is no DICOM segmentation that could be a LABELMAP",
            seen="--labelmap alone",
            expected="--dicom-seg, --sr, or an OUT that ends in .dcm",
            remedy="Add one of these, or leave out --labelmap.",
        )
    may_be_of_others = isinstance(options.reference, ReferenceFolder) and bool(writing)  # a folder may hold both
    is_of_use = may_be_of_others or any(map(_is_other_format, writing))
    if options.reference is not None and listed and not is_of_use:
        raise UsageError(
            "a reference is of no use here",
            path=listed[0].scan,
            seen="--reference with " + ("a scan that is DICOM itself" if writing else "no DICOM object"),
            expected="a scan of another format, and an output that is DICOM",
            remedy="Leave out --reference, or add --dicom-seg, --rtstruct, --sr or an OUT that ends in .dcm.",
        )
    for case in writing:
        _check_dicom(case, options)


def _names_segmentation(case: Case, options: OutputOptions) -> bool:
    """Whether a segmentation of a case is written, or referred to by its report."""
    return bool({"seg", "sr"} & set(options.dicom)) or is_segmentation_name(case.labels)


def _check_dicom(case: Case, options: OutputOptions) -> None:
    reference = options.reference_of(case)
    if _is_other_format(case) and reference is None:
        raise UsageError(
            "a DICOM object needs a scan that is DICOM, whose study it belongs to",
            path=case.scan,
            seen=image_suffix(case.scan) or "a NIfTI file",
            expected="a folder with a DICOM series, a multi-frame file, or --reference SERIES",
            remedy="Give the series itself, or with --reference the one that the scan was converted from; or leave out "
            "--dicom-seg, --rtstruct, --sr and an OUT that ends in .dcm.",
        )
    if reference is not None and not exists(reference):
        raise InputError(
            "the reference does not exist",
            path=reference,
            expected="the DICOM series that the scan was converted from; for a folder of scans one folder each, named "
            "like the case",
            remedy="Check the path.",
        )
    if options.split and is_segmentation_name(case.labels):
        raise UsageError(
            "masks are not written as DICOM",
            path=case.labels,
            seen="--split",
            expected="a DICOM segmentation alone, in which every organ is a segment of its own",
            remedy="Leave out --split, or write the label map as NIfTI and add --dicom-seg.",
        )
    series = case.scan if reference is None else reference
    if is_folder(series) and target_of(case.labels.parent) == target_of(series):
        raise UsageError(
            "a DICOM object would lie among the slices of the scan",
            path=case.labels,
            expected="another folder",
            remedy="Choose a folder for the results; in the series' own folder they would be read with it.",
        )


def _is_other_format(case: Case) -> bool:
    """Whether a scan is a file of another format than DICOM; of files that have a name of none, their content tells.

    What cannot be read is none: when its turn comes, the work says so. Of files on a server, the names alone count.
    """
    if case.series is not None or is_folder(case.scan):
        return False
    suffix = image_suffix(case.scan)
    if suffix in _ONE_FORMAT_SUFFIXES or is_staged(case.scan):
        return suffix in SCAN_SUFFIXES
    from flarecli.dicom import is_dicom_file

    if is_dicom_file(case.scan):
        return False
    return suffix in SCAN_SUFFIXES or _is_image(case.scan)


def _is_image(path: Path) -> bool:
    from flarecli.volume.image_files import read_header

    try:
        read_header(path)
    except InputError:
        return False
    return True
