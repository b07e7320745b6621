"""`flare predict --max-gpu-mb` from end to end, the processor in the place of a GPU."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from nibabel import load
from typer.testing import CliRunner, Result

from flarecli.cli.main import app
from flarecli.engine import gpu_limit, runtime
from flarecli.engine.runtime import Runtime
from flarecli.geometry import Box
from flarecli.steps import Steps
from flarecli.systems.base import Network, NetworkSpec, RegionRequest, Segmentation, System
from flarecli.volume import Volume, write_scan
from flarecli.weights.card import Card
from tests.engine import slabs
from tests.models import model_checks as checks
from tests.synthetic_ct import affine, ct_voxels

SHAPE = (16, 12, 8)
CONTEXT_MB = 400.0


def build() -> Any:
    from flarecli_models.flarelite import locate_unet

    return locate_unet(filters=(4, 6))


class OneNetwork(System):
    """The labels of one small network on the whole scan."""

    name: ClassVar[str] = "one"
    title: ClassVar[str] = "One network"
    paper: ClassVar[str] = "none"
    networks: tuple[NetworkSpec, ...] = (NetworkSpec("all", build),)

    def segment(
        self, volume: Volume, networks: Mapping[str, Network], region: RegionRequest, steps: Steps
    ) -> Segmentation:
        with steps("segment"):
            scores = networks["all"](volume.voxels.astype(np.float32) / 500)
        return Segmentation(scores.argmax(axis=0).astype(np.uint8), Box((0.0, 0.0, 0.0), volume.grid.extent_mm))


@pytest.fixture
def scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scan; `--system one` is known, and the processor passes for a GPU."""
    weights = tmp_path / "all.weights.h5"
    slabs.one_thread()
    slabs.seeded(build()).save_weights(weights)
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    card = Card("one", "all", "made", "Random", "none", "none", "2000-01-01", digest)
    monkeypatch.setattr("flarecli.weights.selection.system_named", lambda name: OneNetwork())
    monkeypatch.setattr("flarecli.systems.system_named", lambda name: OneNetwork())
    monkeypatch.setattr("flarecli.weights.selection.resolve_weights", lambda *_: {"all": weights})
    monkeypatch.setattr("flarecli.weights.selection.read_card", lambda path: card)
    for name in ("_set_up_torch", "_set_up_tensorflow"):
        monkeypatch.setattr(runtime, name, lambda device, precision, threads: ("gpu", "float32"))
    monkeypatch.setattr(runtime, "_limited_allocator_mb", lambda _, __, mb: gpu_limit._remaining_mb(mb, CONTEXT_MB))
    monkeypatch.setattr(Runtime, "torch_device", "cpu")
    monkeypatch.setattr(gpu_limit, "LEAST_ALLOCATOR_MB", 0.0)
    path = tmp_path / "scan.nii.gz"
    write_scan(path, ct_voxels(SHAPE, 0), affine())
    return path


def predict(scan: Path, name: str, *options: object) -> Result:
    arguments = [scan, scan.with_name(f"{name}.nii.gz"), "--system", "one", "--backend", checks.BACKEND, *options]
    return CliRunner().invoke(app, ["predict", *map(str, arguments)])


def labels(scan: Path, name: str) -> np.ndarray:
    return np.asarray(load(scan.with_name(f"{name}.nii.gz")).dataobj)


def record(scan: Path, name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(scan.with_name(f"{name}.json").read_text(encoding="utf-8"))
    return content


@checks.needs_eager
def test_the_same_labels_in_less_memory(scan: Path) -> None:
    assert predict(scan, "whole").exit_code == 0
    assert "max_gpu_mb" not in record(scan, "whole")["runtime"]
    assert "memory" not in record(scan, "whole")["facts"]

    result = predict(scan, "slabs", "--max-gpu-mb", CONTEXT_MB + 0.2)
    assert result.exit_code == 0, result.output
    np.testing.assert_array_equal(labels(scan, "slabs"), labels(scan, "whole"))
    assert len(np.unique(labels(scan, "whole"))) > 1
    told = record(scan, "slabs")
    assert told["runtime"]["max_gpu_mb"] == CONTEXT_MB + 0.2
    assert told["runtime"]["allocator_mb"] == pytest.approx(0.2)
    assert told["facts"]["memory"]["all"]["computed"] == "in slabs"
    assert told["facts"]["memory"]["all"]["slab_rows"] < told["facts"]["memory"]["all"]["input_rows"] == SHAPE[0]
    assert told["facts"]["memory"]["all"]["predicted_mb"] <= 0.2
    assert told["warnings"] == record(scan, "whole")["warnings"]


@checks.needs_eager
def test_an_impossible_limit_is_wrong_usage(scan: Path) -> None:
    result = predict(scan, "none", "--max-gpu-mb", CONTEXT_MB + 0.03)
    assert result.exit_code == 2
    assert "even in the thinnest slabs" in result.stderr
    assert not scan.with_name("none.nii.gz").exists()


@checks.needs_eager
def test_memory_that_runs_out_is_told(scan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert predict(scan, "whole").exit_code == 0

    def scores(*_: Any) -> np.ndarray:
        raise slabs.full_memory()

    network = {"torch": "TorchNetwork", "tensorflow": "TensorFlowNetwork"}[checks.BACKEND]
    monkeypatch.setattr(f"flarecli.engine.keras_networks.{network}._scores", scores)
    result = predict(scan, "slabs")
    assert result.exit_code == 0, result.output
    np.testing.assert_array_equal(labels(scan, "slabs"), labels(scan, "whole"))
    assert "ran out in the network 'all'" in result.stderr
    assert record(scan, "slabs")["facts"]["memory"]["all"]["out_of_memory"] == 1


def test_a_limit_without_a_gpu_is_wrong_usage(tmp_path: Path) -> None:
    scan = tmp_path / "scan.nii.gz"
    write_scan(scan, ct_voxels(SHAPE, 0), affine())
    out = tmp_path / "organs.nii.gz"
    arguments = [scan, out, "--device", "cpu", "--backend", checks.BACKEND, "--max-gpu-mb", 1500]
    result = CliRunner().invoke(app, ["predict", *map(str, arguments)])
    assert result.exit_code == 2, result.output
    assert "a limit of GPU memory needs a GPU" in result.stderr
