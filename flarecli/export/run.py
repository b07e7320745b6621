"""`export_system`: a folder with a system's networks, its contract, self-test and reference runner."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flarecli import __version__
from flarecli.engine import start_runtime
from flarecli.engine.keras_model import model_with_weights
from flarecli.engine.openvino_graph import export_graph, open_shape
from flarecli.engine.openvino_network import network_of_graph
from flarecli.engine.weights.file import checked_sha256
from flarecli.errors import OutputError, UsageError
from flarecli.export.contract import contract_of, network_entry
from flarecli.export.descriptions import description_of
from flarecli.export.onnx_graph import INPUT, OUTPUT, import_onnx, onnx_model
from flarecli.export.read_back import check_network, import_onnxruntime
from flarecli.export.runner_file import runner_source
from flarecli.export.vectors import (
    NetworkVectors,
    RecordingNetwork,
    most_differing,
    network_vectors,
    write_self_test_scan,
)
from flarecli.files.atomic import atomic_folder, write_json
from flarecli.steps import Steps
from flarecli.systems.base import RegionRequest
from flarecli.volume import read_volume, write_labels
from flarecli.weights.card import sha256_of
from flarecli.weights.selection import WeightedSystem, weighted_system

if TYPE_CHECKING:
    from flarecli.engine import Runtime

FORMATS = {"onnx": (".onnx", "onnxruntime"), "openvino": (".xml", "openvino")}
"""By name: suffix of a network's file, and the package that runs it."""

CONTRACT, RUNNER, SELF_TEST = "contract.json", "run.py", "self_test"


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        folder: Where.
        contract: The content of `contract.json`.
        differences: Largest difference from the self-test's scores, by network and by the runtime that read it back.
    """

    folder: Path
    contract: dict[str, Any]
    differences: dict[str, dict[str, float]]


def export_system(
    name: str,
    folder: Path,
    format_name: str = "onnx",
    weights: tuple[str, ...] = (),
    *,
    overwrite: bool = False,
    on_phase: Callable[[str], None] = lambda _: None,
) -> Exported:
    """Write a system for use without flare; the folder appears whole or not at all.

    Every network is read back by each runtime that knows its format and has to give the scores of its self-test.

    Args:
        name: Name of the system.
        folder: Where to.
        format_name: One of `FORMATS`.
        weights: Choices of weights; see `flarecli.weights.store.resolve_weights`.
        overwrite: Whether an earlier export in the folder is replaced.
        on_phase: Called with a description of each phase as it begins.

    Raises:
        UsageError: for an unknown system or format.
        InputError: for weights that are not there or damaged.
        OutputError: when the folder exists and may not be replaced, or cannot be written.
        InstallationError: when a package is missing, or a runtime gives other scores than flare.
    """
    if format_name not in FORMATS:
        raise UsageError(
            "there is no such format", seen=format_name, expected=" or ".join(FORMATS), remedy="Choose one of those."
        )
    chosen = weighted_system(name, weights)
    _check_folder(folder, overwrite=overwrite)
    if format_name == "onnx":
        import_onnx()
        import_onnxruntime()
    runtime = start_runtime("openvino", precision="float32")
    with atomic_folder(folder) as temporary:
        exported = _written(temporary, folder, chosen, format_name, runtime, on_phase)
        _check_folder(folder, overwrite=overwrite)  # it may have appeared since
    return exported


def _written(
    temporary: Path,
    folder: Path,
    chosen: WeightedSystem,
    format_name: str,
    runtime: Runtime,
    on_phase: Callable[[str], None],
) -> Exported:
    system, description = chosen.system, description_of(chosen.system)
    (suffix, runtime_name), tests = FORMATS[format_name], temporary / SELF_TEST
    tests.mkdir()
    recorders, shapes = {}, {}
    for spec in system.networks:
        on_phase(f"writing {spec.key}")
        checked_sha256(chosen.paths[spec.key], chosen.cards[spec.key].sha256)
        model = model_with_weights(spec.build, chosen.paths[spec.key], runtime)
        shapes[spec.key] = open_shape(model)
        graph = export_graph(model, spec.output, shapes[spec.key], precision="float32")
        _save(graph, temporary / f"{spec.key}{suffix}", f"{system.name}_{spec.key}", format_name)
        recorders[spec.key] = RecordingNetwork(network_of_graph(graph, runtime))
    on_phase("making the self-test")
    scan, self_test = write_self_test_scan(tests)
    volume = read_volume(scan)
    segmentation = system.segment(volume, recorders, RegionRequest(), Steps())
    write_labels(tests / "labels.nii.gz", segmentation.labels, volume)
    self_test["most_differing"] = most_differing(segmentation.labels)
    networks, differences = {}, {}
    for spec in system.networks:
        on_phase(f"reading {spec.key} back")
        file = f"{spec.key}{suffix}"
        vectors: NetworkVectors = network_vectors(recorders[spec.key], shapes[spec.key])
        vectors_file = f"{SELF_TEST}/{spec.key}.npz"
        vectors.write(temporary / vectors_file)
        differences[spec.key] = check_network(temporary / file, spec.key, vectors)
        networks[spec.key] = network_entry(
            spec, description, chosen.cards[spec.key], file, shapes[spec.key], vectors, vectors_file
        )
    runner = runner_source(system.name, title=system.title, runtime=runtime_name, version=__version__)
    (temporary / RUNNER).write_text(runner, encoding="utf-8")
    written = sorted(path for path in temporary.rglob("*") if path.is_file())
    files = {path.relative_to(temporary).as_posix(): sha256_of(path) for path in written}
    contract = contract_of(system, description, networks, self_test, files)
    write_json(temporary / CONTRACT, contract)
    return Exported(folder, contract, differences)


def _save(graph: Any, path: Path, name: str, format_name: str) -> None:
    if format_name == "onnx":
        path.write_bytes(onnx_model(graph, name).SerializeToString(deterministic=True))
        return
    import openvino

    graph.set_friendly_name(name)
    for ports, label in ((graph.inputs, INPUT), (graph.outputs, OUTPUT)):
        ports[0].get_tensor().set_names({label})
    openvino.save_model(graph, path, compress_to_fp16=False)


def _check_folder(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that holds anything else than an earlier export.

    Raises:
        OutputError: then.
    """
    if not folder.exists() and not folder.is_symlink():
        return
    if not folder.is_dir():
        raise OutputError(
            "is a file, not a folder",
            path=folder,
            expected="a folder that does not exist yet",
            remedy="Give the name of a folder to make.",
        )
    if not any(folder.iterdir()):
        return
    if not _is_export(folder):
        raise OutputError(
            "holds other files than an export",
            path=folder,
            seen=", ".join(sorted(path.name for path in folder.iterdir())[:3]),
            expected="a folder that does not exist yet",
            remedy="Choose another folder: an export takes the place of the whole one.",
        )
    if not overwrite:
        raise OutputError(
            "exists already",
            path=folder,
            expected="a folder that does not exist yet",
            remedy="Give --overwrite to replace the earlier export, or choose another folder.",
        )


def _is_export(folder: Path) -> bool:
    """Whether the files of a folder are those of its contract."""
    try:
        contract = json.loads((folder / CONTRACT).read_text(encoding="utf-8"))
        known = {CONTRACT, *contract["files"]}
    except (OSError, ValueError, TypeError, KeyError):
        return False
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()} <= known
