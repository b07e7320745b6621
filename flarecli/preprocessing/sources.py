"""Which files a cached case was made from, and whether they are still the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flarecli.datasets.organ_values import OrganValues
from flarecli.errors import InputError
from flarecli.preprocessing.cache import CACHE_VERSION


@dataclass(frozen=True)
class SourceState:
    """What tells quickly whether a file has changed.

    Attributes:
        path: The file, or folder of DICOM slices; absolute.
        size_bytes: Its size; of a folder, of all files in it.
        modified_ns: When it was last changed; of a folder, the latest of its files.
    """

    path: str
    size_bytes: int
    modified_ns: int

    @classmethod
    def of(cls, path: Path) -> SourceState:
        """The present state of a file or folder.

        Raises:
            InputError: when it is not there.
        """
        try:
            states = [file.stat() for file in _files(path)]
        except OSError as error:
            raise InputError(
                "cannot be read", path=path, seen=error.strerror, remedy="Check that the file is there and readable."
            ) from error
        latest_ns = max((state.st_mtime_ns for state in states), default=0)
        return cls(str(path.resolve()), sum(state.st_size for state in states), latest_ns)


@dataclass(frozen=True)
class Source:
    """A file of a case.

    Attributes:
        state: When it was read.
        sha256: Of its content; of a folder, of the names and contents of its files.
    """

    state: SourceState
    sha256: str

    @classmethod
    def of(cls, path: Path) -> Source:
        """Read a file or folder.

        Raises:
            InputError: when it is not there.
        """
        state = SourceState.of(path)
        if not path.is_dir():
            return cls(state, _sha256(path))
        digest = hashlib.sha256()
        for file in _files(path):
            digest.update(f"{file.name} {_sha256(file)}\n".encode())
        return cls(state, digest.hexdigest())

    def as_dict(self) -> dict[str, Any]:
        """For records."""
        return {**asdict(self.state), "sha256": self.sha256}

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Source:
        """Restore what `as_dict` gave."""
        return cls(SourceState(facts["path"], facts["size_bytes"], facts["modified_ns"]), facts["sha256"])


def case_key(scan: Source, labels: Source, values: OrganValues, settings: Mapping[str, Any]) -> str:
    """The name of what comes out: the same for the same contents and settings, whatever the files are called."""
    content = {
        "cache_version": CACHE_VERSION,
        "scan": scan.sha256,
        "labels": labels.sha256,
        "values": values.as_dict(),
        "settings": settings,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
