"""Published weights into the user's folder, and trained ones out of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from flarecli.cli.main import app
from flarecli.weights.card import Card, read_card, sha256_of
from flarecli.weights.release import release_weights
from tests.shared_data import shared_path


@pytest.fixture
def user_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where imported weights go, with no others beside them."""
    monkeypatch.setattr("flarecli.weights.store.BUNDLED_ROOT", tmp_path / "none")
    monkeypatch.setenv("FLARE_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path / "weights"


def flare(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["weights", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def test_import_of_the_published_localization(user_folder: Path) -> None:
    published = shared_path("data/published/efficientscn/localization")
    options = ("--system", "efficientscn", "--network", "localization")
    code, stdout, stderr = flare("import", published, *options, "--json")
    assert code == 0, stderr
    card = json.loads(stdout)
    assert card["licence"] == "GPL-3.0"
    assert card["details"]["parameters"] == 637_474
    written = Path(card["path"])
    assert written.is_relative_to(user_folder)
    assert sha256_of(written) == card["sha256"]

    import keras

    from flarecli_models.efficientscn import localization_unet

    model = localization_unet()
    model.load_weights(written)
    fixture = np.load(shared_path("fixtures/scn_localization.npz"))
    stored = keras.ops.convert_to_numpy(model.get_layer("expanding0_conv0").kernel)
    assert np.array_equal(stored, fixture["weights/expanding0/conv0/kernel"])

    assert flare("verify")[0] == 0
    with written.open("r+b") as file:
        file.seek(5000)
        file.write(b"\0\1\2\3")
    code, stdout, _ = flare("verify")
    assert code == 3
    assert "DAMAGED" in stdout
    assert "is not the weights file that its card describes" in stdout


@pytest.mark.parametrize(
    ("options", "expected", "exit_code"),
    [
        (("--system", "efficientscn", "--network", "localization"), "no variable bundle", 3),
        (("--system", "efficientscn", "--network", "fusion"), "no published weights of this network", 2),
    ],
)
def test_import_of_something_else(
    user_folder: Path, tmp_path: Path, options: tuple[str, ...], expected: str, exit_code: int
) -> None:
    code, _, stderr = flare("import", tmp_path, *options)
    assert code == exit_code
    assert expected in stderr
    assert not user_folder.exists()


def test_release_halves_the_file_and_loads_again(tmp_path: Path) -> None:
    import keras

    from flarecli_models.efficientscn import localization_unet

    model = localization_unet(filters=4, levels=3)
    model.save_weights(tmp_path / "trained.weights.h5")
    card = Card("efficientscn", "localization", "mine", "t", "s", "MIT", "2026-01-01", "")
    released = release_weights(tmp_path / "trained.weights.h5", tmp_path / "mine", card)
    assert read_card(released).sha256 == sha256_of(released)
    copy = localization_unet(filters=4, levels=3)
    copy.load_weights(released)
    for ours, theirs in zip(copy.weights, model.weights, strict=True):
        assert ours.dtype == "float32"
        half = keras.ops.convert_to_numpy(theirs).astype(np.float16)
        assert np.array_equal(keras.ops.convert_to_numpy(ours), half)
