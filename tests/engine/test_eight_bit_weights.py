"""Weights in 8 bits a kernel: what is stored is what the network computes with, and nothing else reads it wrongly."""

from __future__ import annotations

from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from flarecli.engine.keras_model import model_with_weights
from flarecli.engine.runtime import start_runtime
from flarecli.engine.weights.eight_bits import CODES, SCALE, coded, decoded, is_coded
from flarecli.errors import InputError
from flarecli.weights.card import Card
from flarecli.weights.release import release_weights
from tests.models import model_checks as checks

CARD = Card("flarelite", "locate", "mine", "t", "s", "MIT", "2026-01-01", "")


def build() -> keras.Model:
    image = keras.Input((None, None, None, 4))
    features = keras.layers.Conv3D(24, 3, padding="same", name="wide")(image)
    features = keras.layers.Conv3DTranspose(20, 2, strides=2, name="up")(features)
    return keras.Model(image, keras.layers.Conv3D(3, 1, name="last")(features), name="small")


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    generator = np.random.default_rng(0)
    model = build()
    for variable in model.variables:
        size = 1 if len(variable.shape) == 1 else generator.uniform(0.01, 1, variable.shape[-1])
        variable.assign(generator.normal(size=variable.shape).astype(np.float32) * size)
    model.save_weights(tmp_path / "trained.weights.h5")
    return tmp_path / "trained.weights.h5"


def values_of(path: Path) -> list[np.ndarray]:
    model = model_with_weights(build, path, start_runtime(checks.BACKEND, "cpu", "float32"))
    return [keras.ops.convert_to_numpy(variable) for variable in model.variables]


def test_a_network_loads_the_product_of_codes_and_scale(trained: Path, tmp_path: Path) -> None:
    released = release_weights(trained, tmp_path / "eight", CARD, bits=8)
    with h5py.File(released) as file:
        kernel = file["layers/conv3d/vars/0"]
        assert is_coded(kernel)
        assert kernel[CODES].dtype == np.int8
        assert kernel[SCALE].size == 24
        expected = kernel[CODES][()] * kernel[SCALE][()]
        assert not is_coded(file["layers/conv3d_1/vars/0"]), "small kernels stay as they are"
    exact, stored = values_of(trained), values_of(released)
    np.testing.assert_array_equal(stored[0], expected)
    for before, after in zip(exact, stored, strict=True):
        assert np.linalg.norm(after - before) <= 0.01 * np.linalg.norm(before)
    assert released.stat().st_size < 0.75 * release_weights(trained, tmp_path / "sixteen", CARD).stat().st_size


@pytest.mark.parametrize(
    "form", [{"fs_strategy": "page"}, {"fs_strategy": "page", "fs_persist": True}, {"userblock_size": 512}]
)
def test_any_form_of_the_file_is_read(trained: Path, tmp_path: Path, form: dict[str, object]) -> None:
    released = release_weights(trained, tmp_path / "eight", CARD, bits=8)
    other = tmp_path / "other.weights.h5"
    with h5py.File(released) as file, h5py.File(other, "w", **form) as copy:
        for name in file:
            file.copy(name, copy)
        for name, value in file.attrs.items():
            copy.attrs[name] = value
    for expected, found in zip(values_of(released), values_of(other), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_the_scale_follows_the_channels(tmp_path: Path) -> None:
    """Transposed convolutions have their output channels before their input channels."""
    generator = np.random.default_rng(1)
    along_last = generator.normal(size=(3, 3, 8, 6)) * 10.0 ** -np.arange(6)
    for values, shape in ((along_last, (1, 1, 1, 6)), (along_last.swapaxes(2, 3), (1, 1, 6, 1))):
        codes, scale = coded(values) or pytest.fail("is not coded")
        assert scale.shape == shape
        for channel in range(6):
            one = [np.moveaxis(array, np.argmax(shape), 0)[channel] for array in (codes * scale, values)]
            assert np.linalg.norm(one[0] - one[1]) < 0.01 * np.linalg.norm(one[1])


@pytest.mark.parametrize(
    "values",
    [np.ones(5000), np.zeros((50, 50)), np.full((4, 4), np.nan), np.full((4, 4), 1e-50), np.eye(2) * 1e-44],
    ids=["one axis", "zero", "no numbers", "below float32", "denormal"],
)
def test_what_eight_bits_cannot_hold_is_not_coded(values: np.ndarray) -> None:
    assert coded(values) is None


def test_kernels_with_few_large_values_stay_in_float16(tmp_path: Path) -> None:
    values = np.random.default_rng(2).normal(size=(3, 3, 3, 32, 32)).astype(np.float32)
    values[0, 0, 0] *= 1000
    assert coded(values) is not None
    values[1:] *= 1e-3
    values[0, 0, 0] = 0
    values[0, 0, 0, 0] = values[0, 0, 0, :, 0] = 500
    with h5py.File(tmp_path / "trained.weights.h5", "w") as file:
        file["layers/conv/vars/0"] = values
    with h5py.File(release_weights(tmp_path / "trained.weights.h5", tmp_path / "mine", CARD, bits=8)) as file:
        stored = file["layers/conv/vars/0"]
        found = decoded(stored, tmp_path) if is_coded(stored) else np.asarray(stored, np.float32)
    assert np.linalg.norm(found - values) <= np.linalg.norm(values) / 64


def test_keras_alone_refuses_the_file(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever Keras raises, it must not load other values
        build().load_weights(release_weights(trained, tmp_path / "eight", CARD, bits=8))


def test_parts_that_do_not_fit_are_refused(trained: Path, tmp_path: Path) -> None:
    released = release_weights(trained, tmp_path / "eight", CARD, bits=8)
    with h5py.File(released, "r+") as file:
        del file[f"layers/conv3d/vars/0/{SCALE}"]
        file[f"layers/conv3d/vars/0/{SCALE}"] = np.ones((1, 1, 1, 1, 7), np.float32)
    with pytest.raises(InputError, match="parts do not fit each other"):
        values_of(released)


def test_other_widths_are_a_mistake_of_the_caller(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="8 or 16 bits, not in 4"):
        release_weights(trained, tmp_path, CARD, bits=4)
