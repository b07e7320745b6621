"""Checkpoints of EfficientSegNet's original program into the user's folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from flarecli.cli.main import app
from flarecli_models.efficientsegnet import coarse_unet
from flarecli_models.importers.efficientsegnet_state import coarse_state_keys
from tests.golden.drawn import efficientsegnet_state
from tests.models.originals.checkpoint_writer import storage, tensor, write_legacy


def write_checkpoint(path: Path, filters: tuple[int, ...]) -> dict[str, np.ndarray]:
    """A file like the published `best_model.pt`, from before PyTorch 1.6, with the prefix of training on many GPUs."""
    state = efficientsegnet_state(coarse_unet((16, 16, 16), filters), coarse_state_keys(), seed=41)
    tensors, storages = {}, {}
    for number, (key, array) in enumerate(state.items()):
        strides = tuple(step // array.itemsize for step in array.strides)
        name = str(number)
        tensors[f"module.{key}"] = tensor(storage(name, array.size, "FloatStorage", None), 0, array.shape, strides)
        storages[name] = array
    write_legacy(path, {"epoch": 200, "state_dict": tensors, "lr": 1e-3}, storages)
    return state


def import_coarse(path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    monkeypatch.setenv("FLARE_WEIGHTS", str(folder))
    arguments = ("weights", "import", str(path), "--system", "efficientsegnet", "--network", "coarse", "--json")
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.stdout + result.stderr


def test_import_of_the_published_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = write_checkpoint(tmp_path / "best_model.pt", filters=(8, 16, 32, 64, 128))
    code, output = import_coarse(tmp_path / "best_model.pt", tmp_path / "weights", monkeypatch)
    assert code == 0, output
    card = json.loads(output)
    assert card["details"]["parameters"] == 2_676_480
    assert card["licence"] == "NOASSERTION"
    assert list(card["details"]["imported_from"]) == ["best_model.pt"]
    model = coarse_unet((16, 16, 16))
    model.load_weights(card["path"])
    (stored,) = model.get_layer("decoder3_block0_shortcut").get_weights()
    np.testing.assert_array_equal(stored, state["conv3_1.shortcut_unit.conv.weight"].transpose(2, 3, 4, 1, 0))


def test_a_network_of_another_width_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_checkpoint(tmp_path / "best_model.pt", filters=(2, 2, 2, 2, 2))
    code, output = import_coarse(tmp_path / "best_model.pt", tmp_path / "weights", monkeypatch)
    assert code == 3
    assert "must have the shape" in output
    assert "Give the file best_model.pt" in output
    assert not (tmp_path / "weights").exists()
