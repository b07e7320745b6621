"""The inventory of a folder: each file is a slice, another DICOM object, or unusable."""

from __future__ import annotations

import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from flarecli.counts import counted
from flarecli.dicom import encapsulation, tags
from flarecli.dicom.damage import Damage
from flarecli.dicom.header import DEFLATED, DamagedHeaderError, Header, looks_like_dicom, read_header
from flarecli.dicom.multi_frame import frame_count, frame_slices
from flarecli.dicom.objects import DicomObject, kind_of
from flarecli.dicom.slices import Slice, single_slice
from flarecli.errors import Blame, InputError, blame_of

_DICOM_SUFFIXES = (".dcm", ".dicom", ".ima", ".dc3")
_NAMED = 3  # files that a message names of each kind


@dataclass
class Inventory:
    """The files of a folder, by what they are.

    Attributes:
        objects: DICOM files.
        others: Names of files and folders that are not DICOM, by kind.
        unusable: Files that cannot be used: not DICOM by content, but named like slices, or damaged.
    """

    objects: list[DicomObject] = field(default_factory=list)
    others: dict[str, list[str]] = field(default_factory=dict)
    unusable: list[Damage] = field(default_factory=list)

    def add_other(self, kind: str, name: str) -> None:
        """Record the name of a file that is left out."""
        self.others.setdefault(kind, []).append(name)


def is_dicom_file(path: Path) -> bool:
    """Whether a path is a regular file that begins as DICOM does; devices and pipes are not opened."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return looks_like_dicom(file.read(256))
    except (OSError, ValueError):
        return False


def inventory_of_folder(folder: Path) -> Inventory:
    """Read the headers of all files directly in a folder.

    Raises:
        InputError: when the folder cannot be listed.
        InstallationError: when pydicom is not installed.
    """
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise InputError(
            "cannot be read", path=folder, seen=error.strerror, remedy="Check that the folder is there and readable."
        ) from error
    return inventory_of_files(entries)


def inventory_of_files(paths: Iterable[Path]) -> Inventory:
    """Read the headers of files, of one folder or several.

    Raises:
        InstallationError: when pydicom is not installed.
    """
    inventory = Inventory()
    for path in paths:
        _enter(inventory, path)
    slice_names = {name_pattern(entry.path) for entry in inventory.objects if entry.slices or entry.problem}
    for damage in list(inventory.unusable):
        if not damage.is_dicom and not is_named_like_slices(damage.path, slice_names):
            inventory.unusable.remove(damage)
            inventory.add_other(f"file that is not DICOM ({damage.problem})", damage.path.name)
    return inventory


def inventory_of_file(path: Path) -> Inventory:
    """Read the header of one file.

    Raises:
        InputError: when it cannot be read.
        InstallationError: when pydicom is not installed.
    """
    inventory = Inventory()
    _enter(inventory, path)
    return inventory


def left_out(kinds: Iterable[tuple[str, str]], others: dict[str, list[str]]) -> str:
    """A phrase that counts objects by kind and series description, and names other files by kind."""
    parts = [
        f"{count} × {kind}{f' ({description!r})' if description else ''}"
        for (kind, description), count in Counter(kinds).items()
    ]
    for kind, names in others.items():
        shown = ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
        parts.append(f"{len(names)} × {kind}: {shown}")
    return "; ".join(parts)


def name_pattern(path: Path) -> str:
    """A file's name with each number replaced by 0: slices of a series differ in numbers only."""
    return re.sub(r"\d+", "0", path.name)


def is_named_like_slices(path: Path, slice_names: set[str]) -> bool:
    """Whether a file is named as slices are.

    Args:
        path: The file.
        slice_names: The patterns (`name_pattern`) of the names of slices.
    """
    return path.suffix.lower() in _DICOM_SUFFIXES or name_pattern(path) in slice_names


def _enter(inventory: Inventory, path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        problem = "a link to a file that is not there" if path.is_symlink() else "cannot be accessed"
        inventory.unusable.append(Damage(path, problem, blame=blame_of(error) or Blame.INPUT))
        return
    if stat.S_ISDIR(mode):
        inventory.add_other("subfolder, not searched", path.name)
    elif not stat.S_ISREG(mode):
        inventory.add_other("FIFO, device or socket", path.name)
    elif path.name.startswith("."):
        inventory.add_other("hidden file", path.name)
    else:
        _enter_file(inventory, path)


def _enter_file(inventory: Inventory, path: Path) -> None:
    try:
        header = read_header(path)
    except DamagedHeaderError as error:
        inventory.unusable.append(Damage(path, str(error), is_dicom=True))
        return
    except InputError as error:
        inventory.unusable.append(Damage(path, error.seen or error.problem, blame=error.blame))
        return
    if header is None:
        empty = path.stat().st_size == 0
        inventory.unusable.append(Damage(path, "empty" if empty else "does not begin as DICOM does"))
        return
    try:
        inventory.objects.extend(objects_of(header))
    except DamagedHeaderError as error:
        inventory.unusable.append(Damage(path, str(error), is_dicom=True))


def objects_of(header: Header, *, pixels: bool = True) -> list[DicomObject]:
    """The DICOM object of a file; one for each kind of frame in a multi-frame file.

    Args:
        header: Its header.
        pixels: Whether to check the pixel data, which needs the file itself.

    Raises:
        DamagedHeaderError: when it has neither SOP class nor modality.
    """
    if not header.sop_class and not header.elements.text(tags.MODALITY):
        raise DamagedHeaderError("its header is truncated or damaged: it has neither SOP class nor modality")
    return list(_objects(header, pixels=pixels))


def _objects(header: Header, *, pixels: bool) -> Iterator[DicomObject]:
    kind, rank = kind_of(header, header.elements.text(tags.IMAGE_TYPE))
    if kind and kind != "localizer":
        yield DicomObject(header, kind, rank, (), "")
        return
    try:
        count = frame_count(header)
        problem = _pixel_problem(header) if pixels else ""
        if count is None:
            yield DicomObject(header, kind, rank, () if kind else (single_slice(header),), "" if kind else problem)
            return
        kinds: dict[tuple[str, int], list[Slice]] = {}
        for frame, frame_type in frame_slices(header, count):
            kinds.setdefault(kind_of(header, frame_type) if frame_type else (kind, rank), []).append(frame)
        for (frame_kind, frame_rank), slices in kinds.items():
            usable = () if frame_kind else tuple(slices)
            yield DicomObject(header, frame_kind, frame_rank, usable, "" if frame_kind else problem)
    except DamagedHeaderError as error:
        yield DicomObject(header, "", rank, (), str(error))


def _pixel_problem(header: Header) -> str:
    """What is wrong with the length of the pixel data; empty where nothing is."""
    pixels = header.pixels
    if pixels is None:
        return "it is truncated before its pixel data"
    if pixels.length is None:
        return encapsulation.problem(header)
    missing = pixels.start + pixels.length - header.size
    if missing > 0:
        return f"its pixel data lack {missing} of {counted(pixels.length, 'byte')}" + (
            " after inflating" if header.syntax == DEFLATED else ""
        )
    return ""
