"""The cache of training arrays: its files, and how they are read.

    CACHE/cache.json                         manifest of the cache, and whether the last run was finished
    CACHE/figures.json                       statistics of the dataset
    CACHE/cases/<case>/case.json             sources, findings and statistics of the case
    CACHE/cases/<case>/hu_counts.npy         histograms of HU
    CACHE/cases/<case>/<network>-image.npy   one pair of arrays a network, or one for several that share it
    CACHE/cases/<case>/<network>-labels.npy

Arrays are plain `.npy` files and are mapped into memory: a process that needs a few slices reads no more than these,
and several processes share what the operating system has read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flarecli.errors import InputError, UsageError
from flarecli.files.names import check_name

CACHE_VERSION = 1
"""Of the layout above; a cache of another version is refused."""

MANIFEST_NAME = "cache.json"
FIGURES_NAME = "figures.json"
CASES_FOLDER = "cases"
RECORD_NAME = "case.json"
HU_COUNTS_NAME = "hu_counts.npy"

_MAKE = "Make it with `flare preprocess DATASET CACHE --system NAME`."


@dataclass(frozen=True)
class CachedCase:
    """The training arrays of one case for one network.

    Attributes:
        name: Name of the case.
        image: Shape (z, y, x) in the orientation of the network; int16 HU.
        labels: uint8 array of the same shape: FLARE labels, 0 background, 1 to 4 the organs.
        spacing_mm: Distance of voxel centres along the three axes of the arrays.
    """

    name: str
    image: np.ndarray
    labels: np.ndarray
    spacing_mm: tuple[float, float, float]


@dataclass(frozen=True)
class TrainingCache:
    """A finished cache. Small enough to be sent to other processes.

    Attributes:
        folder: Its folder.
        system: Name of the system that it was made for.
        networks: Keys of the system's networks.
        names: Names of the cases, sorted.
        figures: Statistics of the dataset: see `flarecli.datasets.figures`.
    """

    folder: Path
    system: str
    networks: tuple[str, ...]
    names: tuple[str, ...]
    figures: Mapping[str, Any]

    @classmethod
    def open(cls, folder: Path) -> TrainingCache:
        """Open a cache.

        Raises:
            InputError: when there is none, it was not finished, or it is of another version.
        """
        folder = Path(folder)
        if not (folder / MANIFEST_NAME).is_file():
            raise InputError(
                "is not a cache of training arrays",
                path=folder,
                expected=f"a folder with {MANIFEST_NAME}",
                remedy=_MAKE,
            )
        manifest = _read_json(folder / MANIFEST_NAME)
        if manifest.get("cache_version") != CACHE_VERSION:
            raise InputError(
                "is a cache of another version of flare",
                path=folder,
                seen=f"cache version {manifest.get('cache_version')}",
                expected=str(CACHE_VERSION),
                remedy="Make it again with this version, in another folder.",
            )
        if not manifest.get("is_finished"):
            raise InputError(
                "is a cache that was not finished",
                path=folder,
                remedy="Run the same `flare preprocess` command again: it resumes.",
            )
        try:
            system, networks, names = manifest["system"], tuple(manifest["networks"]), tuple(manifest["names"])
        except (KeyError, TypeError) as error:
            raise _damaged(folder / MANIFEST_NAME, error) from error
        return cls(folder, system, networks, names, _read_json(folder / FIGURES_NAME))

    def key_of(self, name: str) -> str:
        """The key of a case, which depends on the contents of scan and label map, on settings and on code.

        Raises:
            InputError: when its record is missing or damaged.
        """
        path = case_folder(self.folder, name) / RECORD_NAME
        key = _read_json(path).get("key")
        if not isinstance(key, str):
            raise _damaged(path, "no key")
        return key

    def load(self, name: str, network: str) -> CachedCase:
        """Memory-map the arrays of one case and network; they are read on access.

        Returns:
            The case; its arrays are read-only.

        Raises:
            UsageError: when the cache has no such case or network.
            InputError: when its files are missing, damaged, or of a version that stored something else than HU.
        """
        _check_among(network, self.networks, "network", self.folder)
        _check_among(name, self.names, "case", self.folder)
        case = case_folder(self.folder, name)
        record = _read_json(case / RECORD_NAME)
        try:
            stored = record["networks"][network]
            z, y, x = (float(step) for step in stored["spacing_mm"])
            image_path, labels_path = array_paths(case, stored["files"])
        except (KeyError, TypeError, ValueError) as error:
            raise _damaged(case / RECORD_NAME, error) from error
        image = _mapped(image_path)
        if image.dtype != np.int16:
            raise InputError(
                "this file of the cache is of another version of flare",
                path=image_path,
                seen=str(image.dtype),
                expected="int16 HU",
                remedy="Run the same `flare preprocess` command again: it makes the arrays anew.",
            )
        return CachedCase(name, image, _mapped(labels_path), (z, y, x))


def case_folder(cache: Path, name: str) -> Path:
    """The folder of a case, always directly in the cache's folder of cases.

    Raises:
        InputError: when the name or a link in the cache leads elsewhere.
    """
    cases = cache / CASES_FOLDER
    folder = cases / check_name(name, "case", cache)
    if folder.resolve().parent != cases.resolve():
        raise InputError(
            "is a link that leads out of the cache",
            path=folder,
            seen=str(folder.resolve()),
            expected=f"a folder in {cases}",
            remedy="Remove the link, or choose another folder for the cache.",
        )
    return folder


def array_paths(case: Path, files: str) -> tuple[Path, Path]:
    """Image and labels in the folder of a case; `files` is the first network that they belong to.

    Raises:
        InputError: when `files` cannot be part of a file name.
    """
    check_name(files, "network", case)
    return case / f"{files}-image.npy", case / f"{files}-labels.npy"


def _mapped(path: Path) -> np.ndarray:
    try:
        array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error
    return array


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(path, error) from error
    if not isinstance(content, dict):
        raise _damaged(path, "no table of keys and values")
    return content


def _damaged(path: Path, error: Exception | str) -> InputError:
    return InputError(
        "this file of the cache is missing or damaged",
        path=path,
        seen=error if isinstance(error, (OSError, str)) else f"{type(error).__name__}: {error}",
        remedy="Run the same `flare preprocess` command again: it makes what is missing.",
    )


def _check_among(value: str, known: tuple[str, ...], kind: str, folder: Path) -> None:
    if value not in known:
        raise UsageError(
            f"the cache has no such {kind}",
            path=folder,
            seen=value,
            expected=f"one of {', '.join(known[:8])}{' ...' if len(known) > 8 else ''}",
            remedy=f"Choose one of its {len(known)} {kind}s.",
        )
