"""What a run is going to write, checked as a whole before anything is computed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from flarecli.errors import Blame, OutputError, UsageError
from flarecli.files.refusals import check_name_length, write_refused

_STANDARD_OUTPUT = ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")
_KINDS = (
    (stat.S_ISDIR, "folder"),
    (stat.S_ISFIFO, "FIFO"),
    (stat.S_ISCHR, "device"),
    (stat.S_ISBLK, "device"),
    (stat.S_ISSOCK, "socket"),
)
_SHOWN = 3
_EXPECTED = "no file of this name"
_REMEDY = "Give --overwrite to replace what exists, or choose another name."


@dataclass(frozen=True)
class Destination:
    """One file that a run is going to write.

    Attributes:
        path: Where.
        content: What, for messages: "label map of case_1", "table of scores".
        replaces: Whether an existing file may be replaced.
        is_reserved: Whether it is written by other runs only, so that no output of this one may have its name.
    """

    path: Path
    content: str
    replaces: bool = False
    is_reserved: bool = False


def is_standard_output(path: Path | str) -> bool:
    """Whether a name stands for standard output."""
    return str(path) in _STANDARD_OUTPUT


def target_of(destination: Path) -> Path:
    """The file that is written for a name: the end of its links, absolute."""
    return Path(os.path.realpath(destination))


def check_suffix(path: Path, content: str, *suffixes: str) -> None:
    """Refuse the name of a file whose suffix is none of those that can be written.

    Args:
        path: The file.
        content: What is written to it, for the message: "report", "table of statistics".
        suffixes: In lower case, the usual one first.

    Raises:
        UsageError: when it has another suffix, or none.
    """
    if path.suffix.lower() not in suffixes:
        raise UsageError(
            f"the {content} has an unknown format",
            path=path,
            seen=path.suffix or "no suffix",
            expected=" or ".join(suffixes),
            remedy=f"Name it {path.stem or content.split()[-1]}{suffixes[0]}, for example.",
        )


def check_destination(destination: Path) -> None:
    """Refuse a destination that is, or can be, no regular file.

    Raises:
        OutputError: when it is a folder, device, FIFO or socket, ends in a circle of links, or when its name is empty
            or too long or its folder is a file.
    """
    if not destination.name or is_standard_output(destination):
        raise OutputError(
            "is not a file name",
            path=destination,
            seen=str(destination) or "an empty name",
            expected="the path of a file to write",
            remedy="Give the file's whole name, with its suffix.",
            blame=Blame.INPUT,
        )
    check_name_length(destination)
    try:
        mode = destination.stat().st_mode
    except FileNotFoundError:
        _check_folder(target_of(destination))
        return
    except OSError as error:
        raise write_refused(destination, error) from error
    for is_kind, kind in _KINDS:
        if is_kind(mode):
            raise OutputError(
                f"is a {kind}, not a file",
                path=destination,
                seen=f"a {kind}",
                expected="a regular file, or a name that does not exist yet",
                remedy="Give the name of a file to write.",
                blame=Blame.INPUT,
            )


def check_destinations(
    destinations: Iterable[Destination],
    inputs: Iterable[Path],
    *,
    expected: str = _EXPECTED,
    remedy: str = _REMEDY,
) -> None:
    """Check all that a run is going to write, before it computes anything. Standard output is passed over.

    Args:
        destinations: Every file of every case, and the tables, reports and pictures of the run.
        inputs: Every file that the run reads. Of a folder that is read as one scan, the folder.
        expected: What is expected where a file exists that may not be replaced.
        remedy: What to do then.

    Raises:
        UsageError: when two outputs would be one file, or an output is an input.
        OutputError: when an output exists and may not be replaced, or cannot be a file.
    """
    read = {target_of(path) for path in inputs}
    by_target: dict[Path, Destination] = {}
    existing, reserved = [], []
    for destination in destinations:
        if is_standard_output(destination.path):
            continue
        target = target_of(destination.path)
        if destination.is_reserved:
            reserved.append((target, destination))
            continue
        check_destination(destination.path)
        if target in read:
            raise UsageError(
                f"the {destination.content} would replace a file that is read",
                path=destination.path,
                remedy="Choose another name for the output.",
            )
        other = by_target.setdefault(target, destination)
        if other is not destination:
            raise clash(other, destination)
        if not destination.replaces and target.exists():
            existing.append(destination)
    for target, destination in reserved:
        if target in by_target:
            raise clash(by_target[target], destination)
    if existing:
        raise exist_already(existing, expected, remedy)


def clash(first: Destination, second: Destination) -> UsageError:
    """The error for two outputs that would be one file."""
    return UsageError(
        "two outputs would be written to one file",
        path=second.path,
        seen=f"{first.content} and {second.content}",
        expected="a file of its own for each",
        remedy="Choose other names, or another folder, for one of them.",
    )


def exist_already(existing: Sequence[Destination], expected: str = _EXPECTED, remedy: str = _REMEDY) -> OutputError:
    """The error for files that may not be replaced."""
    first = existing[0]
    names = ", ".join(f"{destination.path.name} ({destination.content})" for destination in existing[:_SHOWN])
    count = f"{len(existing)} files: " if len(existing) > 1 else ""
    more = f" and {len(existing) - _SHOWN} more" if len(existing) > _SHOWN else ""
    return OutputError(
        "exists already",
        path=first.path,
        seen=count + names + more,
        expected=expected,
        remedy=remedy,
        blame=Blame.INPUT,
    )


def _check_folder(target: Path) -> None:
    """Refuse a target whose folder, or a folder above it, is a file or may not be written to."""
    for folder in target.parents:
        if folder.is_dir():
            if not os.access(folder, os.W_OK | os.X_OK):
                raise write_refused(target, PermissionError(13, "Permission denied"))
            return
        if folder.exists() or folder.is_symlink():
            raise write_refused(target, NotADirectoryError(20, f"{folder} is not a folder"))
