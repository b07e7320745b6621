"""What is written for a case besides its label map and record."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from flarecli.errors import InstallationError, UsageError
from flarecli.files.names import SCAN_SUFFIXES, image_suffix
from flarecli.meshes.formats import MESH_SUFFIXES
from flarecli.prediction.cases import Case

_PACKAGES = {"highdicom": "dicom", "pydicom": "dicom", "trimesh": "mesh"}
"""Packages that some outputs need, and the extra that brings each."""

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
class OutputOptions:
    """What to write besides the label map and its record.

    Attributes:
        split: Whether to write one mask file an organ, too.
        preview: Picture file for a case, where one is wanted; a `PreviewFolder` where other processes are to write it.
        sides: Whether the label map tells the kidneys apart: 2 right, 5 left.
        dicom: DICOM objects to write, among `DICOM_OBJECTS`; only of scans that are DICOM.
        labelmap: Whether the Segmentation object has one frame a slice with all organs (LABELMAP) in place of one a
            slice and organ (BINARY).
        mesh: Format of one surface mesh an organ, among "stl", "obj" and "glb"; None for none.

    Raises:
        UsageError: when `preview` is no function, or an object or format does not exist.
    """

    split: bool = False
    preview: Callable[[Case], Path] | None = None
    sides: bool = False
    dicom: tuple[str, ...] = ()
    labelmap: bool = False
    mesh: str | None = None

    def __post_init__(self) -> None:
        if self.preview is not None and not callable(self.preview):
            raise UsageError(
                "the preview's file must be given by a function of the case",
                seen=repr(self.preview),
                expected="for example: lambda case: folder / f'{case.name}.png'",
                remedy="Give such a function, or None for no preview.",
            )
        formats = tuple(suffix.removeprefix(".") for suffix in MESH_SUFFIXES)
        for value, known in ((self.mesh, formats), *((name, DICOM_OBJECTS) for name in self.dicom)):
            if value is not None and value not in known:
                raise UsageError(
                    "there is no such output", seen=value, expected=", ".join(known), remedy="Choose one of those."
                )


def check_options(cases: Iterable[Case], options: OutputOptions) -> None:
    """Refuse what cannot be written of these cases, before anything is computed.

    Raises:
        UsageError: when DICOM objects are asked of a scan that is no DICOM.
        InstallationError: when a package is missing.
    """
    needed = [*(("pydicom", "highdicom") if options.dicom else ()), *(("trimesh",) if options.mesh else ())]
    for package in needed:
        if find_spec(package) is None:
            raise InstallationError(
                f"this output needs {package}, which is not installed",
                remedy=f"Install it with: pip install 'flarecli[{_PACKAGES[package]}]'.",
            )
    if not options.dicom:
        return
    for case in cases:
        if image_suffix(case.scan) in SCAN_SUFFIXES and not case.scan.is_dir():
            raise UsageError(
                "a DICOM object needs a scan that is DICOM, whose study it belongs to",
                path=case.scan,
                seen=image_suffix(case.scan),
                expected="a folder with a DICOM series, or a multi-frame file",
                remedy="Give the series itself, or leave out --dicom-seg, --rtstruct and --sr.",
            )
