"""Systems take the sizes that their weights were trained at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flarecli.errors import InputError
from flarecli.systems import system_named
from flarecli.systems.vgg13.restoring import restored_labels
from flarecli.weights import store
from flarecli.weights.card import WEIGHTS_SUFFIX, Card, read_card, write_card
from flarecli.weights.selection import weighted_system
from flarecli_models.vgg13_unet import vgg13_unet


@pytest.fixture(autouse=True)
def nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "BUNDLED_ROOT", tmp_path / "bundled")
    monkeypatch.setenv("FLARE_WEIGHTS", str(tmp_path / "user"))


def put(
    folder: Path, system: str, network: str, input_shape: tuple[int, ...] | None = None, filters: int | None = None
) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{network}{WEIGHTS_SUFFIX}"
    path.touch()
    write_card(path, Card(system, network, "mine", "t", "s", "MIT", "2026-01-01", "", input_shape, filters))
    return path


def test_cards_keep_the_size_and_need_none(tmp_path: Path) -> None:
    assert read_card(put(tmp_path, "efficientsegnet", "fine", (64, 96, 128))).input_shape == (64, 96, 128)
    without = put(tmp_path, "efficientscn", "segmentation")
    assert read_card(without).input_shape is None
    assert "input_shape" not in read_card(without).as_dict()


def test_each_network_has_the_size_of_its_weights(tmp_path: Path) -> None:
    coarse = put(tmp_path / "coarse", "efficientsegnet", "coarse")
    fine = put(tmp_path / "fine", "efficientsegnet", "fine", (64, 96, 128))
    chosen = weighted_system("efficientsegnet", [str(coarse), str(fine)])
    assert chosen.paths == {"coarse": coarse, "fine": fine}
    assert chosen.system.constants.coarse_shape_zyx == (160, 160, 160)
    assert chosen.system.constants.fine_shape_zyx == (64, 96, 128)
    small = chosen.system.networks[1].build()
    spatial = [size for size in small.inputs[0].shape[1:] if size != 1]
    assert spatial == [64, 96, 128]


def test_slices_have_the_size_of_their_weights(tmp_path: Path) -> None:
    put(tmp_path / "run", "vgg13", "segmentation", (128, 128))
    system = weighted_system("vgg13", [str(tmp_path / "run")]).system
    assert system.constants.slice_size == 128
    assert 128 in system.networks[0].build().inputs[0].shape
    assert 128 in system.networks[0].build_for_training().inputs[0].shape


def test_slices_have_the_width_of_their_weights(tmp_path: Path) -> None:
    path = put(tmp_path / "run", "vgg13", "segmentation", (64, 64), 8)
    assert read_card(path).base_filters == 8
    system = weighted_system("vgg13", [str(tmp_path / "run")]).system
    spec = system.networks[0]
    assert spec.build().get_layer("encoder1_conv0").filters == 8
    assert spec.build_for_training().get_layer("center_conv1").filters == 64
    assert spec.build().inputs[0].shape == vgg13_unet((64, 64), 8).inputs[0].shape


def test_slices_of_another_size_lose_nothing_at_the_border_of_organs() -> None:
    """Labels of the published training are too large by up to a pixel, those of ours are not."""
    published = system_named("vgg13")
    other = published.at_input_shapes({"segmentation": (160, 160)})
    assert (published.constants.restoring_share, other.constants.restoring_share) == (0.95, 0.5)
    assert published.at_input_shapes({"segmentation": (512, 512)}).constants == published.constants
    disc = np.hypot(*(np.indices((160, 160)) - 80)) < 50
    found = restored_labels(disc.astype(np.uint8), (240, 240), other.constants) > 0
    assert found.mean() == pytest.approx(disc.mean(), rel=0.01)


@pytest.mark.parametrize(("system", "filters"), [("efficientscn", 8), ("vgg13", 0), ("vgg13", 1000)])
def test_a_card_with_a_width_of_no_network_is_an_error(system: str, filters: int, tmp_path: Path) -> None:
    put(tmp_path / "run", "efficientscn", "localization")
    put(tmp_path / "run", system, "segmentation", filters=filters)
    with pytest.raises(InputError, match=r"base_filters|base filters|sizes which networks"):
        weighted_system(system, [str(tmp_path / "run")])


def test_networks_of_any_size_are_as_they_are(tmp_path: Path) -> None:
    for network in ("localization", "segmentation"):
        put(tmp_path / "run", "efficientscn", network)
    system = weighted_system("efficientscn", [str(tmp_path / "run")]).system
    assert system.networks is type(system).networks


@pytest.mark.parametrize(
    ("system", "network", "shape"), [("efficientsegnet", "fine", (96, 128)), ("vgg13", "segmentation", (128, 256))]
)
def test_a_card_with_a_size_of_no_network_is_an_error(
    system: str, network: str, shape: tuple[int, ...], tmp_path: Path
) -> None:
    put(tmp_path / "run", "efficientsegnet", "coarse")
    put(tmp_path / "run", system, network, shape)
    with pytest.raises(InputError, match="say sizes which networks") as caught:
        weighted_system(system, [str(tmp_path / "run")])
    assert str(tmp_path / "run" / f"{network}.json") in str(caught.value.seen)


def test_a_system_without_weights_is_an_error() -> None:
    with pytest.raises(InputError, match="no weights are installed for vgg13/segmentation"):
        weighted_system("vgg13")
