"""Datasets that a `dataset.json` describes: the Medical Segmentation Decathlon's, and both of nnU-Net's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from flarecli.datasets.organ_values import OrganValues, values_of_names
from flarecli.datasets.pairs import Dataset, Pair, with_unique_names
from flarecli.errors import InputError
from flarecli.files.names import CHANNEL_SUFFIX, NIFTI_SUFFIXES, case_name, image_stem

_REMEDY = "Mend dataset.json, or list the pairs in a .csv file: scan,labels in each row."


def read_decathlon(description: Path) -> Dataset:
    """Read a dataset by its `dataset.json`.

    Pairs are those that it lists under "training" (Decathlon, nnU-Net 1) or "dataset" (nnU-Net 2), or else all files
    of `imagesTr` and `labelsTr`. Organs are found by the names of "labels"; other structures become background.

    Raises:
        InputError: when the file is damaged, or describes several channels.
    """
    try:
        content = json.loads(description.read_text(encoding="utf-8"))
        channels = content.get("channel_names") or content.get("modality") or {}
        values = _values(content["labels"])
        pairs = list(_pairs(content, description.parent))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            "is no description of a dataset",
            path=description,
            seen=f"{type(error).__name__}: {error}",
            expected='"labels", and "training" or files in imagesTr and labelsTr',
            remedy=_REMEDY,
        ) from error
    if len(channels) > 1:
        raise InputError(
            "describes scans of several channels",
            path=description,
            seen=", ".join(str(name) for name in channels.values()),
            expected="one channel: CT",
            remedy="Give a dataset of CT scans.",
        )
    layout = "nnU-Net" if "channel_names" in content else "Medical Decathlon"
    return Dataset(description.parent, layout, with_unique_names(pairs, description), values)


def _values(labels: dict[str, Any]) -> OrganValues:
    """Values by name (nnU-Net 2), a list of them for a region, or names by value (Decathlon, nnU-Net 1)."""
    by_name: dict[str, list[int]] = {}
    for key, meaning in labels.items():
        if isinstance(meaning, str):
            by_name.setdefault(meaning, []).append(int(key))
        else:
            by_name.setdefault(key, []).extend(int(value) for value in _listed(meaning))
    return values_of_names(by_name)


def _pairs(content: dict[str, Any], folder: Path) -> Iterator[Pair]:
    if content.get("training"):
        for entry in content["training"]:
            scan, labels = folder / entry["image"], folder / entry["label"]
            yield Pair(case_name(labels), _numbered(scan), labels)
    elif content.get("dataset"):
        for name, entry in content["dataset"].items():
            yield Pair(name, folder / entry["images"][0], folder / entry["label"])
    else:
        ending = content.get("file_ending")
        endings = (ending,) if ending else NIFTI_SUFFIXES
        scans = {case_name(path): path for path in _files(folder / "imagesTr", endings)}
        labels_by_name = {image_stem(path): path for path in _files(folder / "labelsTr", endings)}
        for name in scans.keys() | labels_by_name.keys():
            yield Pair(name, scans.get(name), labels_by_name.get(name))


def _listed(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else [value]


def _numbered(scan: Path) -> Path:
    """nnU-Net 1 lists scans without the number of their channel."""
    suffix = scan.name[len(image_stem(scan)) :]
    numbered = scan.with_name(f"{image_stem(scan)}{CHANNEL_SUFFIX}{suffix}")
    return numbered if not scan.exists() and numbered.exists() else scan


def _files(folder: Path, endings: tuple[str, ...]) -> list[Path]:
    if not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if path.name.endswith(endings) and not path.name.startswith(".")]
