"""A state dictionary of the VGG-13 U-Net's original program into the user's folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from flarecli.cli.main import app
from flarecli_models.vgg13_unet import vgg13_unet
from tests.models.originals.vgg13_state import original_state

torch = pytest.importorskip("torch", reason="writes a checkpoint with PyTorch")


def import_state(path: Path, state: dict[str, np.ndarray]) -> tuple[int, str, str]:
    torch.save({key: torch.from_numpy(array) for key, array in state.items()}, path)
    arguments = ("weights", "import", str(path), "--system", "vgg13", "--network", "segmentation", "--json")
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.stdout, result.stderr


def test_import_of_the_originals_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLARE_WEIGHTS", str(tmp_path / "weights"))
    state = original_state(base_filters=64, labels=5)
    code, stdout, stderr = import_state(tmp_path / "net.pth", state)
    assert code == 0, stderr
    card = json.loads(stdout)
    assert card["details"]["parameters"] == 20_735_897 - 2_900 + 9_984
    model = vgg13_unet((64, 64))
    model.load_weights(card["path"])
    stored = np.array(model.get_layer("decoder4_up").get_weights()[0])
    np.testing.assert_array_equal(stored, state["deblock1.up.weight"].transpose(2, 3, 1, 0))


def test_a_narrower_network_is_refused_with_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLARE_WEIGHTS", str(tmp_path / "weights"))
    code, stdout, stderr = import_state(tmp_path / "net.pth", original_state(base_filters=2, labels=5))
    assert code == 3
    assert "encoder.0.weight (=(2, 3, 3, 3)) must have the shape (64, 3, 3, 3)" in stdout + stderr
    assert not (tmp_path / "weights").exists()
