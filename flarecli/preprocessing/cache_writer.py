"""Writing the cache: each case is written atomically, the manifest last."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from flarecli import __version__
from flarecli.errors import InputError, OutputError, UsageError
from flarecli.files.atomic import atomic_folder, write_json
from flarecli.files.refusals import write_refused
from flarecli.files.unfinished import PREFIX, clear_abandoned
from flarecli.preprocessing.cache import (
    CACHE_VERSION,
    CASES_FOLDER,
    FIGURES_NAME,
    MANIFEST_NAME,
    RECORD_NAME,
    CachedCase,
    array_paths,
    case_folder,
)
from flarecli.systems.training_arrays import NetworkArrays

_LOCK_NAME = ".lock"
_CASE_SUFFIXES = (".npy", ".json")


def write_case(
    cache: Path,
    name: str,
    arrays: Mapping[str, NetworkArrays | CachedCase],
    record: Mapping[str, Any],
    tables: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Write the arrays of one case; its folder atomically replaces an earlier one.

    Args:
        cache: Folder of the cache.
        name: Name of the case.
        arrays: The arrays of each network; an object that several networks share is written once.
        record: Further entries of its `case.json`; JSON-serialisable.
        tables: Further arrays, by the names of their files.

    Raises:
        InputError: when the folder cannot be written to, or holds something else than a case.
    """
    folder = case_folder(cache, name)
    _check_is_case(folder)
    with atomic_folder(folder) as temporary:
        networks: dict[str, Any] = {}
        first_network: dict[int, str] = {}
        for network, case in arrays.items():
            files = first_network.setdefault(id(case), network)
            if files == network:
                image_path, labels_path = array_paths(temporary, files)
                _save(image_path, case.image)
                _save(labels_path, case.labels.astype(np.uint8, copy=False))
            networks[network] = {
                "files": files,
                "spacing_mm": [float(step) for step in case.spacing_mm],
                "shape": list(case.image.shape),
                "dtype": case.image.dtype.name,
            }
        for file_name, table in (tables or {}).items():
            _save(temporary / file_name, table)
        write_json(temporary / RECORD_NAME, {**record, "networks": networks})


def finish_cache(
    cache: Path,
    system: str,
    networks: Iterable[str],
    names: Iterable[str],
    figures: Mapping[str, Any],
    **facts: Any,
) -> None:
    """Write figures and manifest: from here on the cache can be opened.

    Args:
        cache: Folder of the cache.
        system: Name of the system.
        networks: Keys of its networks.
        names: The cases that belong to the cache.
        figures: Statistics of the dataset, JSON-serialisable.
        facts: Further entries of the manifest, JSON-serialisable.
    """
    write_json(cache / FIGURES_NAME, figures)
    write_json(
        cache / MANIFEST_NAME,
        {
            "cache_version": CACHE_VERSION,
            "is_finished": True,
            "flare": __version__,
            "system": system,
            "networks": list(networks),
            "names": sorted(names),
            **facts,
        },
    )


def begin_cache(cache: Path, system: str, networks: Iterable[str], **facts: Any) -> None:
    """Mark a cache as unfinished, and delete temporary files of killed runs. Needs the lock of the cache.

    Args:
        cache: Folder of the cache.
        system: Name of the system.
        networks: Keys of its networks.
        facts: Entries `dataset` and `names` of the manifest, where they are to be known from now on and none are.
    """
    clear_abandoned(cache / CASES_FOLDER)
    unfinished = {"cache_version": CACHE_VERSION, "is_finished": False, "system": system, "networks": list(networks)}
    write_json(cache / MANIFEST_NAME, {**facts, **_earlier_dataset(cache), **unfinished})


def check_same_kind(cache: Path, system: str) -> None:
    """Refuse a cache that another system or version has made.

    Raises:
        UsageError: then; also when its manifest is damaged.
    """
    manifest = read_manifest(cache)
    if manifest is None:
        return
    seen = manifest.get("system", "unknown"), manifest.get("cache_version")
    if seen != (system, CACHE_VERSION):
        raise UsageError(
            "is the cache of another system or version",
            path=cache,
            seen=f"system {seen[0]}, version {seen[1]}",
            expected=f"system {system}, version {CACHE_VERSION}",
            remedy="Choose another folder for the cache.",
        )


def read_manifest(cache: Path) -> dict[str, Any] | None:
    """The manifest of a cache; None where there is none, empty where it is damaged."""
    path = cache / MANIFEST_NAME
    if not path.is_file():
        return None
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def _earlier_dataset(cache: Path) -> dict[str, Any]:
    """The manifest's entries about the dataset that are kept while the cache is unfinished."""
    manifest = read_manifest(cache) or {}
    return {key: manifest[key] for key in ("dataset", "names") if key in manifest}


@contextmanager
def locked_cache(cache: Path, *, share: bool = False) -> Iterator[None]:
    """Make the folder of a cache, and lock it against other processes until the block ends.

    Args:
        cache: The folder.
        share: Whether other processes that share it may fill it, too.

    Raises:
        UsageError: when the folder holds something else, or another process is writing to it.
        OutputError: when the folder cannot be made, read or locked.
    """
    try:
        _check_no_foreign_files(cache)
        cache.mkdir(parents=True, exist_ok=True)
        lock = (cache / _LOCK_NAME).open("a+")
    except OSError as error:
        raise write_refused(cache, error) from error
    with lock:
        try:
            fcntl.flock(lock, (fcntl.LOCK_SH if share else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(
                "is being written to by another process",
                path=cache,
                remedy="Wait until that has finished, or choose another folder.",
            ) from error
        except OSError as error:
            raise OutputError(
                "the folder cannot be locked against other processes",
                path=cache,
                seen=error.strerror,
                remedy="Choose a folder on a local disk, or on a network drive with file locks.",
            ) from error
        yield


def _check_no_foreign_files(cache: Path) -> None:
    """Refuse a folder that is neither empty nor a cache, before anything is written to it."""
    if cache.is_file():
        raise UsageError("is a file, not a folder", path=cache, remedy="Choose another folder for the cache.")
    if not cache.is_dir() or (cache / MANIFEST_NAME).is_file():
        return
    names = sorted(path.name for path in cache.iterdir())
    foreign = [name for name in names if name != _LOCK_NAME and not name.startswith(PREFIX)]
    if foreign:
        raise UsageError(
            "holds something else than a cache",
            path=cache,
            seen=", ".join(foreign[:5]),
            expected="an empty folder, one that does not exist, or a cache to resume",
            remedy="Choose another folder for the cache.",
        )


def _check_is_case(folder: Path) -> None:
    """Refuse to replace a folder in which other files lie than those of a case."""
    if not folder.is_dir():
        return
    foreign = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() or entry.suffix not in _CASE_SUFFIXES)
    if foreign:
        raise InputError(
            "holds something else than a case of the cache, and is not replaced",
            path=folder,
            seen=", ".join(foreign[:5]),
            expected="arrays (.npy) and their record (.json)",
            remedy="Move it away, or choose another folder for the cache.",
        )


def _save(path: Path, array: np.ndarray) -> None:
    with path.open("wb") as file:
        np.save(file, np.ascontiguousarray(array), allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
