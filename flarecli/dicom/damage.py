"""Files of a scan that cannot be used, and the error that names them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from flarecli.dicom.objects import DicomObject
from flarecli.errors import Blame, InputError

_NAMED = 5  # files that a message names


@dataclass(frozen=True)
class Damage:
    """A file that cannot be used.

    Attributes:
        path: The file.
        problem: What is wrong with it.
        is_dicom: Whether it is certainly DICOM; otherwise its name decides whether it counts as a slice.
        blame: Whose fault it is; see `flarecli.errors.Blame`.
    """

    path: Path
    problem: str
    is_dicom: bool = False
    blame: Blame = Blame.INPUT


def damaged_objects(objects: Iterable[DicomObject]) -> list[Damage]:
    """Those of some DICOM objects that cannot be used."""
    return [Damage(entry.path, entry.problem) for entry in objects if entry.problem]


def damage_error(damaged: Sequence[Damage], path: Path) -> InputError:
    """The error for a scan some of whose files cannot be used; the host's fault where it is for one of them.

    Args:
        damaged: The files, at least one.
        path: The folder or file of the scan.
    """
    listed = [f"{damage.path.name}: {damage.problem}" for damage in damaged[:_NAMED]]
    return InputError(
        f"{len(damaged)} of its files cannot be read" if path.is_dir() else "is damaged",
        path=path,
        seen="; ".join(listed) + ("; …" if len(damaged) > _NAMED else ""),
        expected="every slice complete",
        remedy="Copy or export them again; move files that do not belong to the scan out of the folder.",
        blame=next((damage.blame for damage in damaged if damage.blame is not Blame.INPUT), Blame.INPUT),
    )
