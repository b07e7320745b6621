"""The inventory of a folder: every entry is a file to be read, a file that cannot be, or passed over for a reason."""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from flarecli.counts import counted
from flarecli.errors import InputError
from flarecli.files.listed_paths import ListedPaths
from flarecli.files.names import SCAN_SUFFIXES, image_suffix
from flarecli.files.sources import check_regular_file, is_folder

_DETACHED_HEADERS = (".nhdr", ".mhd")
_DETACHED_VOXELS = (".raw", ".zraw", ".raw.gz")
_PAIR = {".img": ".hdr", ".img.gz": ".hdr.gz"}
_VOXELS = (*_DETACHED_VOXELS, *_PAIR)
_DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".7z", ".rar")
_OTHER_IMAGES = (
    *(".mgz", ".mgh", ".mnc", ".gipl", ".gipl.gz", ".nia", ".vti", ".tif", ".tiff", ".npy", ".npz", ".b2nd"),
    *(".h5", ".hdf5", ".par", ".rec", ".ima.gz", ".dcm.gz"),
)
_SIDECARS = (
    ".json",
    ".txt",
    ".csv",
    ".tsv",
    ".md",
    ".xml",
    ".log",
    ".html",
    ".png",
    ".jpg",
    ".md5",
    ".sha1",
    ".sha256",
)
_MOST_LOOKED_AT = 20_000
_SHOWN = 3
_DICOM_MARK_AT, _DICOM_MARK = 128, b"DICM"  # DICOM PS3.10 §7.1


@dataclass(frozen=True)
class PassedOver:
    """Entries of a folder that are not used, for one reason.

    Attributes:
        names: Their names, sorted.
        reason: Why, to be put after the names: "DICOM files beside images: a series needs a folder of its own".
    """

    names: tuple[str, ...]
    reason: str

    def __str__(self) -> str:
        more = f" and {len(self.names) - _SHOWN} more" if len(self.names) > _SHOWN else ""
        return f"{', '.join(self.names[:_SHOWN])}{more} ({self.reason})"


@dataclass(frozen=True)
class FolderInventory:
    """How each entry of a folder is used; hidden ones (`.name`) are skipped without a warning.

    Attributes:
        folder: The folder, or the pattern that named the entries.
        files: Entries whose names have a suffix that is wanted, sorted by name, whether they can be read or not.
        passed_over: Entries that look like images, or hold some, and are not used.
        dicom: Names of files that are DICOM slices by name or content.
        others: Names of files of which neither name nor first bytes tell what they are; they may be slices, too.
        entries: Number of all entries that are not hidden.
    """

    folder: Path
    files: Sequence[Path]
    passed_over: tuple[PassedOver, ...] = ()
    dicom: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    entries: int = 0

    @property
    def names(self) -> Sequence[str]:
        """Names of the files."""
        return _names_of(self.files)

    def readable(self) -> tuple[Path, ...]:
        """The files that can be read; looks at each."""
        return tuple(path for path in self.files if problem_of_file(path) is None)

    def warning(self) -> str | None:
        """One sentence that names what is passed over and why; None where nothing is."""
        if not self.passed_over:
            return None
        return f"not used from {self.folder}: {'; '.join(map(str, self.passed_over))}"

    def nothing_found(self, expected: str) -> InputError:
        """The error where no file of the folder is of use.

        Args:
            expected: What should be there: "NIfTI files (.nii.gz, .nii)".
        """
        seen = "; ".join(map(str, self.passed_over)) or counted(
            self.entries, "file of another kind", "files of other kinds"
        )
        return InputError(
            "holds nothing that can be used" if self.entries else "is an empty folder",
            path=self.folder,
            seen=seen if self.entries else None,
            expected=expected,
            remedy="Check the path; the folders below it are not searched.",
        )


def inventory_of_folder(folder: Path, suffixes: Sequence[str] = SCAN_SUFFIXES) -> FolderInventory:
    """List every entry of a folder; folders below it are looked into only to say that they hold images.

    Args:
        folder: The folder.
        suffixes: Endings of the file names that are wanted, in lower case.

    Raises:
        InputError: when the folder does not exist or cannot be listed.
    """
    try:
        with os.scandir(folder) as listing:
            names = [entry.name for entry in listing]
    except OSError as error:
        raise InputError(
            "the folder cannot be read",
            path=folder,
            seen=error.strerror or str(error),
            remedy="Check the path, the permissions of the folder, and the disk or network drive it lies on.",
        ) from error
    return _inventory(ListedPaths(folder, tuple(sorted(name for name in names if name[0] != "."))), folder, suffixes)


def problem_of_file(path: Path) -> InputError | None:
    """Why a file of a folder cannot be read: a link to nothing, a FIFO, a folder, no permission; None where it can."""
    try:
        check_regular_file(path)
    except InputError as error:
        return error
    if os.access(path, os.R_OK):
        return None
    return InputError(
        "cannot be read",
        path=path,
        seen="Permission denied",
        remedy="Have the permissions of the file changed, or take it out of the folder.",
    )


def inventory_of_entries(
    entries: Iterable[Path], folder: Path, suffixes: Sequence[str] = SCAN_SUFFIXES
) -> FolderInventory:
    """List entries that were found otherwise, such as by a pattern; see `inventory_of_folder`.

    Args:
        entries: Files, folders, links.
        folder: What is named in warnings: the folder or pattern that the entries come from.
        suffixes: Endings of the file names that are wanted, in lower case.
    """
    visible = [entry for entry in entries if not entry.name.startswith(".")]
    return _inventory(sorted(visible, key=attrgetter("name")), folder, suffixes)


def _inventory(entries: Sequence[Path], folder: Path, suffixes: Sequence[str]) -> FolderInventory:
    """The inventory of entries, sorted by name. What is wanted is known by its name alone: of 100,000 scans none is
    looked at."""
    original = _names_of(entries)
    lower = [name.lower() for name in original]
    wanted = tuple(suffixes)
    rest = [index for index, name in enumerate(lower) if not name.endswith(wanted) or name.endswith(_VOXELS)]
    files = set(range(len(lower))).difference(rest) if rest else None
    names = set(lower) if rest else set()
    has_detached_headers = any(name.endswith(_DETACHED_HEADERS) for name in names)
    dicom: list[str] = []
    others: list[str] = []
    reasons: dict[str, list[str]] = {}
    unseen = _MOST_LOOKED_AT
    for index in rest:
        name = lower[index]
        if _belongs_to_another(name, names, has_detached_headers):
            continue
        if name.endswith(wanted) and files is not None:
            files.add(index)
            continue
        reason: str | None = None
        if is_folder(entries[index]):
            holds, unseen = _holds_images(entries[index], unseen)
            reason = "a folder with images: folders below are not searched" if holds else None
        elif _is_dicom(entries[index]):
            dicom.append(original[index])
        else:
            reason = _why_not(name)
            if reason is None and not name.endswith(_SIDECARS):
                others.append(original[index])
        if reason is not None:
            reasons.setdefault(reason, []).append(original[index])
    found = entries if files is None else _chosen(entries, sorted(files))
    if dicom and found:
        reasons["DICOM: a series needs a folder of its own"] = dicom
    passed_over = tuple(PassedOver(tuple(names), reason) for reason, names in reasons.items())
    return FolderInventory(folder, found, passed_over, tuple(dicom), tuple(others), len(entries))


def _names_of(entries: Sequence[Path]) -> Sequence[str]:
    return entries.names if isinstance(entries, ListedPaths) else [entry.name for entry in entries]


def _chosen(entries: Sequence[Path], indices: Sequence[int]) -> Sequence[Path]:
    if isinstance(entries, ListedPaths):
        return ListedPaths(entries.folder, tuple(entries.names[index] for index in indices))
    return [entries[index] for index in indices]


def _belongs_to_another(name: str, names: set[str], has_detached_headers: bool) -> bool:
    """Whether a file holds the voxels of another one, its header."""
    if not name.endswith(_VOXELS):
        return False
    for voxels, header in _PAIR.items():
        if name.endswith(voxels) and f"{name.removesuffix(voxels)}{header}" in names:
            return True
    return has_detached_headers and name.endswith(_DETACHED_VOXELS)


def _why_not(name: str) -> str | None:
    """Why a file that looks like an image is not used; None where it does not look like one."""
    if image_suffix(name):
        return "a format that is not read here"
    if name.endswith(tuple(_PAIR)):
        return "half of a pair: its .hdr is not there"
    if name.endswith(_ARCHIVES):
        return "an archive: unpack it"
    if name.endswith(_OTHER_IMAGES):
        return "a format that is not read: convert it to NIfTI"
    if not name.endswith(_SIDECARS) and any(f"{suffix}{mark}" in name for suffix in SCAN_SUFFIXES for mark in ".~ _"):
        return "the suffix is not one of an image: unpack, complete or rename it"
    return None


def _is_dicom(path: Path) -> bool:
    """Whether a file is a DICOM slice, by its name or, where it has no telling suffix, by its content."""
    name = path.name.lower()
    if name.endswith(_DICOM_SUFFIXES):
        return True
    suffix = path.suffix.lower().removeprefix(".")
    if suffix and not suffix.isdigit():
        return False
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return False
        with path.open("rb") as file:
            file.seek(_DICOM_MARK_AT)
            return file.read(len(_DICOM_MARK)) == _DICOM_MARK
    except OSError:
        return False


def _holds_images(folder: Path, most: int) -> tuple[bool, int]:
    """Whether images or DICOM slices lie in a folder or below it, and how many entries may still be looked at."""
    waiting = deque([folder])
    while waiting and most > 0:
        try:
            entries = list(os.scandir(waiting.popleft()))
        except OSError:
            continue
        for entry in entries:
            most -= 1
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                waiting.append(Path(entry.path))
            elif image_suffix(entry.name) or _is_dicom(Path(entry.path)):
                return True, most
    return False, most
