"""Imports published weights into the user's folder, as Keras weights files with their cards."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from flarecli.engine.weights.values import check_values, constant_layers
from flarecli.errors import InputError, UsageError
from flarecli.files.destinations import Destination, check_destinations
from flarecli.files.room import reserve_room
from flarecli.systems import system_named
from flarecli.systems.description import Publication
from flarecli.weights.card import WEIGHTS_SUFFIX, Card, sha256_of, write_weights

Shapes = Callable[[], Mapping[str, tuple[int, ...]]]
"""Tells the shape of every weight of a network, by `layer/part`."""

_SHOWN = 400
_LARGEST_ITEM_BYTES = 4


@dataclass(frozen=True)
class PublishedNetwork:
    """One published network that can be imported.

    Attributes:
        read: Reads the arrays of all weights (`layer/kernel`, `layer/bias`) and the files they came from; is given
            what tells the shapes that the network has, and compares them before it reads an array.
        files: What the authors published, as the user has to give it.
    """

    read: Callable[[Path, Shapes], tuple[Mapping[str, np.ndarray], list[Path]]]
    files: str


def import_published(path: Path, system: str, network: str, root: Path) -> tuple[Path, Card]:
    """Convert published weights and store them under `<root>/<system>/published/`.

    A backend must have been chosen before (`flarecli.engine.start_runtime`).

    Args:
        path: The published files, as their authors published them.
        system: Name of the system.
        network: Key of the network.
        root: Folder of weights to store them in.

    Returns:
        The new weights file and its card.

    Raises:
        UsageError: for a network without an importer.
        InputError: when the files are missing, damaged or of another network, or hold values that are not finite.
    """
    published, publication = _published(system, network)
    destination = root / system / "published" / f"{network}{WEIGHTS_SUFFIX}"
    check_destinations([Destination(destination, "weights", replaces=True)], [path])
    spec = next(spec for spec in system_named(system).networks if spec.key == network)
    model = _LazyModel(spec.build)
    try:
        arrays, files = published.read(path, model.shapes)
        model.fill(arrays)
    except ValueError as error:
        raise InputError(
            "published weights cannot be read",
            path=path,
            seen=str(error)[:_SHOWN],
            remedy=f"Give {published.files} that the authors published for {system}/{network}, complete.",
        ) from error
    check_values(model.keras, path)
    card = Card(
        system=system,
        network=network,
        set_name="published",
        title=f"Published weights of {system}/{network}, imported by the user",
        source=f"{system_named(system).paper}; {publication.repository}",
        licence=publication.licence,
        date=datetime.date.today().isoformat(),
        sha256="",
        details={
            "parameters": int(sum(array.size for array in arrays.values())),
            "imported_from": {file.name: sha256_of(file) for file in files},
            "constant_layers": list(constant_layers(model.keras)),
        },
    )
    return destination, write_weights(destination, card, model.save)


class _LazyModel:
    """A network that is built when the shapes of its weights are asked for: after the keys of a file have been read,
    and before its arrays are."""

    def __init__(self, build: Callable[[], Any]) -> None:
        self._build = build

    @cached_property
    def keras(self) -> Any:
        from flarecli.engine.zero_weights import built_without_random_weights

        with built_without_random_weights():
            return self._build()

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every weight, by `layer/part`."""
        from flarecli_models.importers.efficientscn_variables import weight_shapes

        return weight_shapes(self.keras)

    def fill(self, arrays: Mapping[str, np.ndarray]) -> None:
        from flarecli_models.importers.efficientscn_variables import assign_weights

        assign_weights(self.keras, arrays)

    def save(self, path: Path) -> None:
        reserve_room(path, _LARGEST_ITEM_BYTES * sum(math.prod(variable.shape) for variable in self.keras.weights))
        self.keras.save_weights(path)


def _published(system: str, network: str) -> tuple[PublishedNetwork, Publication]:
    importable = _importable()
    publication = system_named(system).publication if (system, network) in importable else None
    if publication is None:
        raise UsageError(
            "no published weights of this network can be imported",
            seen=f"{system}/{network}",
            expected=", ".join("/".join(key) for key in sorted(importable)),
            remedy="Choose --system and --network of one of those.",
        )
    return importable[system, network], publication


def _importable() -> dict[tuple[str, str], PublishedNetwork]:
    return {**_efficientscn(), **_efficientsegnet(), **_vgg13()}


def _efficientscn() -> dict[tuple[str, str], PublishedNetwork]:
    from flarecli_models.importers import efficientscn_variables as scn

    variables = {"localization": scn.localization_variables(), "segmentation": scn.segmentation_variables()}
    return {
        ("efficientscn", network): PublishedNetwork(partial(_read_bundle, names=names), "the folder of the SavedModel")
        for network, names in variables.items()
    }


def _efficientsegnet() -> dict[tuple[str, str], PublishedNetwork]:
    from flarecli_models.importers import efficientsegnet_state as segnet

    keys = {"coarse": segnet.coarse_state_keys(), "fine": segnet.fine_state_keys()}
    return {
        ("efficientsegnet", network): PublishedNetwork(
            partial(_read_efficientsegnet, keys=keys_by_layer), "the file best_model.pt"
        )
        for network, keys_by_layer in keys.items()
    }


def _vgg13() -> dict[tuple[str, str], PublishedNetwork]:
    return {("vgg13", "segmentation"): PublishedNetwork(_read_vgg13, "the state dictionary (.pt, .pth)")}


def _read_bundle(path: Path, shapes: Shapes, names: Mapping[str, str]) -> tuple[Mapping[str, np.ndarray], list[Path]]:
    from flarecli_models.importers.efficientscn_variables import check_variables, read_variables
    from flarecli_models.importers.tensorflow_bundle import TensorFlowBundle

    bundle = TensorFlowBundle(path)
    check_variables(bundle, names)
    arrays = read_variables(bundle, names, shapes())
    return arrays, bundle.data_files()


def _read_efficientsegnet(
    path: Path, shapes: Shapes, keys: Mapping[str, str]
) -> tuple[Mapping[str, np.ndarray], list[Path]]:
    from flarecli_models.importers.efficientsegnet_state import check_shapes, layer_weights
    from flarecli_models.importers.torch_checkpoint import read_state_dict

    return layer_weights(read_state_dict(path, lambda seen: check_shapes(seen, keys, shapes)), keys), [path]


def _read_vgg13(path: Path, shapes: Shapes) -> tuple[Mapping[str, np.ndarray], list[Path]]:
    from flarecli_models.importers.torch_checkpoint import read_state_dict
    from flarecli_models.importers.vgg13_state import check_shapes, layer_weights

    return layer_weights(read_state_dict(path, check_shapes)), [path]
