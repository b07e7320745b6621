"""Masks of single organs beside the label maps that hold these organs, as `flare predict --split` writes them.

A mask has the value 1 whatever its organ is, so that one taken for a label map would make every organ a liver.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from flarecli.files.folder import FolderInventory, PassedOver
from flarecli.files.names import label_map_stem, label_map_suffix
from flarecli.metrics.pairing import names_one_file
from flarecli.organs import ORGANS, ORGANS_WITH_SIDES

_ENDINGS = tuple(dict.fromkeys(f"_{organ.name.replace(' ', '_')}" for organ in (*ORGANS, *ORGANS_WITH_SIDES)))
_REASON = "masks of single organs of a label map beside them"


def is_organ_mask(stem: str, stems: Collection[str]) -> bool:
    """Whether a file is a mask of one organ of a label map, by the names alone.

    Args:
        stem: Its name, as `label_map_stem` gives it.
        stems: Those of the label maps of its folder, as `stems_of_label_maps` gives them.
    """
    return any(stem.endswith(ending) and stem.removesuffix(ending) in stems for ending in _ENDINGS)


def stems_of_label_maps(names: Collection[str]) -> frozenset[str]:
    """The names, without suffixes, of what can be label maps among the files of a folder."""
    return frozenset(label_map_stem(name) for name in names if label_map_suffix(name))


def without_organ_masks(inventory: FolderInventory) -> FolderInventory:
    """An inventory of label maps in which masks of single organs are passed over; a file that was named is kept."""
    if names_one_file(inventory):
        return inventory
    stems = {folder: _stems_in(folder) for folder in dict.fromkeys(path.parent for path in inventory.files)}
    files: list[Path] = []
    masks: list[Path] = []
    for path in inventory.files:
        (masks if is_organ_mask(label_map_stem(path), stems[path.parent]) else files).append(path)
    if not masks:
        return inventory
    passed_over = PassedOver(tuple(path.name for path in masks), _REASON)
    return replace(inventory, files=files, passed_over=(*inventory.passed_over, passed_over))


def _stems_in(folder: Path) -> frozenset[str]:
    try:
        return stems_of_label_maps([entry.name for entry in folder.iterdir()])
    except OSError:
        return frozenset()
