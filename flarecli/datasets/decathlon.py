"""Datasets that a `dataset.json` describes: the Medical Segmentation Decathlon's, and both of nnU-Net's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flarecli.datasets.listed_paths import in_any_case, listed_file
from flarecli.datasets.organ_values import HIGHEST_VALUE, OrganValues, values_of_names
from flarecli.datasets.pairs import Dataset, LabelledPair, pairs_of_folders, with_unique_names
from flarecli.errors import InputError
from flarecli.files.names import CHANNEL_SUFFIX, SCAN_SUFFIXES, case_name, image_stem
from flarecli.files.sources import exists, opened

_MOST_BYTES = 64 << 20  # a list of 100,000 cases has 20 MB
_REMEDY = "Correct dataset.json, or list the pairs in a .csv file: scan,labels in each row."


def read_decathlon(description: Path, values: OrganValues | None = None) -> Dataset:
    """Read a dataset by its `dataset.json`, in UTF-8, UTF-16 or UTF-32 with or without a byte-order mark.

    Pairs are those that it lists under "training" (Decathlon, nnU-Net 1) or "dataset" (nnU-Net 2), or else all files
    of `imagesTr` and `labelsTr`. Organs are found by the names of "labels"; other structures become background,
    nnU-Net's "ignore" excepted.

    Args:
        description: The file.
        values: Meaning of the values, instead of what the file states.

    Raises:
        InputError: when the file is damaged, describes several channels, or gives a value two meanings.
    """
    content = _content(description)
    channels = content.get("channel_names") or content.get("modality") or {}
    if len(_table(channels, "channel_names", description)) > 1:
        raise InputError(
            "describes scans of several channels",
            path=description,
            seen=", ".join(str(name) for name in channels.values()),
            expected="one channel: CT",
            remedy="Give a dataset of CT scans.",
        )
    by_name = _values_by_name(_table(content.get("labels"), "labels", description), description)
    values = values_of_names(by_name, description) if values is None else values
    pairs, warnings = _pairs(content, description)
    layout = "nnU-Net" if "channel_names" in content else "Medical Decathlon"
    return Dataset(description.parent, layout, with_unique_names(pairs, description), values, warnings)


def _content(description: Path) -> dict[str, Any]:
    with opened(description) as file:
        text = file.read(_MOST_BYTES + 1)
    if len(text) > _MOST_BYTES:
        raise _no_description(description, f"more than {_MOST_BYTES >> 20} MiB")
    try:
        content = json.loads(text, object_pairs_hook=_unrepeated)
    except (ValueError, RecursionError) as error:
        raise _no_description(description, f"{type(error).__name__}: {error}") from error
    return _table(content, "the file", description)


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"{max(keys, key=keys.count)!r} stands twice in one table")
    return content


def _values_by_name(labels: dict[str, Any], description: Path) -> dict[str, list[int]]:
    """Values by name (nnU-Net 2), a list of them for a region, or names by value (Decathlon, nnU-Net 1)."""
    by_name: dict[str, list[int]] = {}
    for key, meaning in labels.items():
        name, values = (meaning, [key]) if isinstance(meaning, str) else (key, meaning)
        for value in values if isinstance(values, list) else [values]:
            by_name.setdefault(name, []).append(_value(value, name, description))
    return by_name


def _value(value: Any, name: str, description: Path) -> int:
    try:
        number = -1 if isinstance(value, bool) else int(value)
        if 0 <= number <= HIGHEST_VALUE and (isinstance(value, str) or number == value):
            return number
    except (ValueError, TypeError, OverflowError):
        pass
    raise _no_description(
        description, f"{ascii(value)[:40]} as the value of {name[:80]}", f"a whole number from 0 to {HIGHEST_VALUE}"
    )


def _pairs(content: dict[str, Any], description: Path) -> tuple[list[LabelledPair], tuple[str, ...]]:
    """The pairs, and what lies beside them and is not used."""
    if training := content.get("training"):
        if not isinstance(training, list):
            raise _no_description(description, '"training" that is not a list')
        return [_listed_pair(None, entry, "image", description) for entry in training], ()
    if cases := content.get("dataset"):
        entries = _table(cases, "dataset", description).items()
        return [_listed_pair(name, entry, "images", description) for name, entry in entries], ()
    ending = content.get("file_ending")
    if ending is not None and not isinstance(ending, str):
        raise _no_description(description, f"file_ending {ascii(ending)[:40]}")
    images, labels = (in_any_case(description.parent, name) for name in ("imagesTr", "labelsTr"))
    if not images.is_dir() and not labels.is_dir():
        return [], ()
    return pairs_of_folders(images, labels, (ending.lower(),) if ending else SCAN_SUFFIXES)


def _listed_pair(name: str | None, entry: Any, images_key: str, description: Path) -> LabelledPair:
    entry = _table(entry, "each case", description)
    images = entry.get(images_key)
    if isinstance(images, list):
        if len(images) != 1:
            raise _no_description(description, f"a case of {len(images)} images", "one image per case")
        images = images[0]
    scan, scan_notes = listed_file(description.parent, images, description)
    labels, label_notes = listed_file(description.parent, entry.get("label"), description)
    return LabelledPair(
        case_name(labels) if name is None else name, _numbered(scan), labels, (*scan_notes, *label_notes)
    )


def _numbered(scan: Path) -> Path:
    """nnU-Net 1 lists scans without the number of their channel."""
    suffix = scan.name[len(image_stem(scan)) :]
    numbered = scan.with_name(f"{image_stem(scan)}{CHANNEL_SUFFIX}{suffix}")
    return numbered if not exists(scan) and exists(numbered) else scan


def _table(content: Any, what: str, description: Path) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise _no_description(description, f"{what}: {ascii(content)[:40]}")
    return content


def _no_description(description: Path, seen: str, expected: str | None = None) -> InputError:
    return InputError(
        "does not describe a dataset",
        path=description,
        seen=seen,
        expected=expected or '"labels", and "training" or files in imagesTr and labelsTr',
        remedy=_REMEDY,
    )
