"""`contract.json`: everything that another program needs to use the exported networks as flare does."""

from __future__ import annotations

from typing import Any

from flarecli import __version__
from flarecli.dicom.results.segments import SEGMENTS
from flarecli.export.descriptions import SystemDescription, method_of
from flarecli.export.onnx_graph import INPUT, OUTPUT
from flarecli.export.vectors import NetworkVectors
from flarecli.organs import LABEL_NAMES
from flarecli.systems.base import NetworkSpec, System
from flarecli.weights.card import Card

VERSION = 1
"""Version of the contract's format; it rises where programs that read it have to change."""


def contract_of(
    system: System,
    description: SystemDescription,
    networks: dict[str, dict[str, Any]],
    self_test: dict[str, Any],
    files: dict[str, str],
) -> dict[str, Any]:
    """The contract of an exported system.

    Args:
        system: At the sizes of its weights.
        description: Its description.
        networks: What `network_entry` gives for each network.
        self_test: Files and tolerance of the whole method's test.
        files: SHA-256 of every other file of the folder.
    """
    return {
        "contract": VERSION,
        "made_by": f"flare {__version__}",
        "system": system.name,
        "title": system.title,
        "paper": system.paper,
        "not_for": "Not a medical device; not for diagnosis or treatment.",
        "axes": {
            "scan": "z, y, x; indices grow to the patient's Superior, Anterior and Right",
            "units": "Hounsfield units rounded to whole numbers (int16), voxel sizes in mm",
        },
        "labels": [_label_entry(value, name) for value, name in LABEL_NAMES.items()],
        "networks": networks,
        "method": method_of(system, description),
        "rules": dict(description.rules),
        "self_test": self_test,
        "licences": {
            "weights": {name: entry["weights"]["licence"] for name, entry in networks.items()},
            "run.py": "Apache-2.0",
        },
        "files": files,
    }


def network_entry(
    spec: NetworkSpec,
    description: SystemDescription,
    card: Card,
    file: str,
    shape: tuple[int, ...],
    vectors: NetworkVectors,
    vectors_file: str,
) -> dict[str, Any]:
    """The contract's entry of one network.

    Args:
        spec: The network.
        description: Of its system.
        card: Of its weights.
        file: Name of the exported network.
        shape: Shape of its input; -1 for sizes that may vary.
        vectors: Its self-test.
        vectors_file: Where that is.
    """
    network = description.networks[spec.key]
    axes = ["batch", "channel", "z", "y", "x"] if len(shape) == 5 else ["batch", "channel", "row", "column"]
    return {
        "file": file,
        "input": {
            "name": INPUT,
            "type": "float32",
            "axes": axes,
            "shape": [None if size < 0 else size for size in shape],
            "sizes": network.sizes,
            "channels": network.channels_in,
        },
        "output": {
            "name": OUTPUT,
            "type": "float32",
            "axes": axes,
            "channels": network.channels_out,
            "values": network.values,
        },
        "weights": {
            "set": card.set_name,
            "title": card.title,
            "source": card.source,
            "licence": card.licence,
            "date": card.date,
            "sha256": card.sha256,
        },
        "self_test": {"file": vectors_file, "every": vectors.every, "tolerance": vectors.tolerance},
    }


def _label_entry(value: int, name: str) -> dict[str, Any]:
    """A label with its code; both kidneys share one."""
    entry: dict[str, Any] = {"value": value, "name": name}
    for segment in SEGMENTS:
        if segment.number == value:
            entry["snomed_ct"] = {"code": segment.property_type.value, "meaning": segment.property_type.meaning}
    return entry
