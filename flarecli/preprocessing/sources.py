"""Which files a cached case was made from, and whether they are still the same."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from io import BufferedReader
from pathlib import Path
from typing import Any, cast

from flarecli.addresses import shown
from flarecli.datasets.organ_values import OrganValues
from flarecli.dicom.collection.choice import chosen_scan
from flarecli.dicom.collection.series_files import SeriesFiles
from flarecli.errors import InputError
from flarecli.files.sources import opened
from flarecli.preprocessing.cache import CACHE_VERSION
from flarecli.volume.image_files import files_of_image


@dataclass(frozen=True)
class SourceState:
    """What tells quickly whether a file has changed.

    Attributes:
        path: The file, or folder of DICOM slices; absolute, or its address on a server.
        size_bytes: Its size; of a folder, of all files in it; of a detached header, with the files that it names.
        modified_ns: When it was last changed; the latest of several files.
        files: Of several files, a checksum of the name, size and time of each; empty of one file.
    """

    path: str
    size_bytes: int
    modified_ns: int
    files: str = ""

    @classmethod
    def of(cls, path: Path) -> SourceState:
        """The present state of a file or folder.

        Raises:
            InputError: when it is not there.
        """
        try:
            files = _files(path)
            states = [file.stat() for file in files]
        except OSError as error:
            raise InputError(
                "cannot be read", path=path, seen=error.strerror, remedy="Check that the file is there and readable."
            ) from error
        latest_ns = max((state.st_mtime_ns for state in states), default=0)
        checksum = "" if files == [path] else _checksum_of_states(path, files, states)
        return cls(shown(path.resolve()), sum(state.st_size for state in states), latest_ns, checksum)


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
        files = _files(path)
        if files == [path]:
            return cls(state, _sha256(path))
        digest = hashlib.sha256()
        for file in files:
            digest.update(f"{file.name} {_sha256(file)}\n".encode())
        return cls(state, digest.hexdigest())

    def as_dict(self) -> dict[str, Any]:
        """For records."""
        return {**asdict(self.state), "sha256": self.sha256}

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Source:
        """Restore what `as_dict` gave.

        Records without a checksum of several files were written by former versions: such files count as changed.
        """
        state = SourceState(facts["path"], facts["size_bytes"], facts["modified_ns"], facts.get("files", ""))
        return cls(state, facts["sha256"])


@dataclass(frozen=True)
class KeyFacts:
    """What decides about a cached case besides its files.

    Attributes:
        values: What the values of label maps mean.
        settings: What the system's arrays depend on, see `TrainingArrays.settings`.
        code: The code that makes them, see `code_digest`.
        ignore_geometry: Whether scan and label map may lie at different places in the world.
    """

    values: OrganValues
    settings: Mapping[str, Any]
    code: Mapping[str, str]
    ignore_geometry: bool = False

    def keys(self, scan: Source, labels: Source) -> tuple[str, ...]:
        """The keys under which the case may be kept, its own first.

        A pair that lies at the same place is the same whether or not others would be accepted.
        """
        own = case_key(scan, labels, self)
        return (own, case_key(scan, labels, replace(self, ignore_geometry=False))) if self.ignore_geometry else (own,)


def case_key(scan: Source, labels: Source, facts: KeyFacts) -> str:
    """The name of what comes out: the same for the same contents, settings and code, whatever the files are called."""
    content = {
        "cache_version": CACHE_VERSION,
        "scan": scan.sha256,
        "labels": labels.sha256,
        "values": facts.values.as_dict(),
        "settings": facts.settings,
        "code": facts.code,
        "ignore_geometry": facts.ignore_geometry,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _files(path: Path) -> list[Path]:
    """All files that are read for a scan or label map."""
    found = chosen_scan(path)
    if isinstance(found, SeriesFiles):
        return list(found.paths)
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file())
    return list(files_of_image(path))


def _checksum_of_states(path: Path, files: Sequence[Path], states: Sequence[os.stat_result]) -> str:
    """Checksum of the names, sizes and times of files; their order does not count.

    A sum of sizes and the latest time would miss a file that another one of the same size and an earlier time
    replaces, as copies that keep times do.
    """
    folder = path if path.is_dir() else path.parent
    lines = sorted(
        os.fsencode(os.path.relpath(file, folder)) + f"\0{state.st_size}\0{state.st_mtime_ns}\n".encode()
        for file, state in zip(files, states, strict=True)
    )
    return hashlib.sha256(b"".join(lines)).hexdigest()


def _sha256(path: Path) -> str:
    with opened(path) as file:
        return hashlib.file_digest(cast(BufferedReader, file), "sha256").hexdigest()
