"""Loading a network with its weights, as a function from array to array."""

from __future__ import annotations

import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest

from flarecli.engine import load_network
from flarecli.engine.openvino_network import OpenVinoNetwork, openvino_network_of
from flarecli.errors import InputError, InstallationError
from flarecli_models.efficientscn import localization_unet, spatial_configuration_net
from flarecli_models.efficientsegnet import coarse_unet
from tests.engine.small_network import build_localization, image_of
from tests.models import efficientscn_reference as reference
from tests.models import model_checks as checks

pytestmark = pytest.mark.usefixtures("weights_of_zero")


def build_segmentation() -> keras.Model:
    return spatial_configuration_net(local_filters=2, local_levels=2, spatial_filters=2, spatial_levels=2)


@pytest.fixture(scope="module")
def weights() -> dict[str, np.ndarray]:
    return checks.seeded_weights(build_localization(), seed=21)


@pytest.fixture(scope="module")
def weights_file(weights: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "localization.weights.h5"
    checks.with_weights(build_localization(), weights).save_weights(path)
    return path


def test_sizes_one_after_the_other(weights: dict[str, np.ndarray], weights_file: Path) -> None:
    network = load_network(build_localization, weights_file, checks.runtime())
    for shape in [(8, 6, 4), (4, 8, 8), (8, 6, 4)]:
        image = image_of(shape)
        expected = reference.localization(image[None], weights, levels=2)
        checks.assert_close(network(image), expected, atol=1e-5)


def test_results_are_the_callers_own(weights_file: Path) -> None:
    network = load_network(build_localization, weights_file, checks.runtime())
    image = image_of((4, 4, 4))
    first = network(image)
    kept = first.copy()
    network(image + 1)
    np.testing.assert_array_equal(first, kept)


def test_giving_memory_back_changes_nothing(weights_file: Path) -> None:
    kept = load_network(build_localization, weights_file, checks.runtime())
    given_back = load_network(build_localization, weights_file, checks.runtime(), keep_memory=False)
    for shape in [(8, 6, 4), (8, 6, 4), (4, 4, 4)]:
        image = image_of(shape)
        np.testing.assert_array_equal(given_back(image), kept(image))


def test_a_network_may_be_told_what_comes(weights: dict[str, np.ndarray], weights_file: Path) -> None:
    network = load_network(build_localization, weights_file, checks.runtime())
    if not isinstance(network, OpenVinoNetwork):
        pytest.skip("is ready for any size on this backend")
    for announced, shape in [((8, 6, 4), (8, 6, 4)), ((4, 4, 4), (4, 8, 8)), ((1, 4, 8, 8), (4, 8, 8))]:
        network.prepare(announced)
        image = image_of(shape)
        checks.assert_close(network(image), reference.localization(image[None], weights, levels=2), atol=1e-5)


def places_of_threads(weights_file: Path) -> set[frozenset[int]]:
    """On which processors each thread of this process may run while a network computes."""
    network = load_network(build_localization, weights_file, checks.runtime())
    places = set()
    with ThreadPoolExecutor(1) as background:
        computing = background.submit(lambda: [network(image_of((64, 64, 64))) for _ in range(5)])
        while not computing.done():
            for task in Path("/proc/self/task").iterdir():
                with suppress(ProcessLookupError):  # a thread that has ended meanwhile
                    places.add(frozenset(os.sched_getaffinity(int(task.name))))
    computing.result()
    return places


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells where threads may run")
@pytest.mark.skipif(checks.BACKEND != "openvino", reason="is about OpenVINO's threads")
def test_threads_may_run_on_every_processor(weights_file: Path) -> None:
    """Else two processes would compute on the same ones."""
    # In a process of its own, without the threads of other tests.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as alone:
        places = alone.submit(places_of_threads, weights_file).result()
    assert places == {frozenset(os.sched_getaffinity(0))}


def test_threads_may_share_a_network(weights_file: Path) -> None:
    network = load_network(build_localization, weights_file, checks.runtime())
    images = [image_of(shape) for shape in [(8, 16, 24), (16, 16, 8), (24, 8, 8), (8, 16, 24)] * 6]
    images = [image + number for number, image in enumerate(images)]
    expected = [network(image) for image in images]
    with ThreadPoolExecutor(6) as threads:
        together = list(threads.map(network, images))
    for scores, alone in zip(together, expected, strict=True):
        np.testing.assert_array_equal(scores, alone)


@keras.saving.register_keras_serializable(package="tests")
class Unwilling(keras.layers.Layer):
    """Raises what it is told, always or only where a size is not known."""

    def __init__(self, error: Exception, sized_too: bool) -> None:
        super().__init__()
        self.error, self.sized_too = error, sized_too

    def call(self, inputs: object) -> object:
        shape = tuple(inputs.shape)  # type: ignore[attr-defined]
        if type(inputs).__name__ == "OpenVINOKerasTensor" and (self.sized_too or None in shape):
            raise self.error
        return inputs * 2  # type: ignore[operator]

    def compute_output_shape(self, input_shape: object) -> object:
        return input_shape


def unwilling(error: Exception, sized_too: bool) -> keras.Model:
    image = keras.Input((1, None, None, None))
    return keras.Model(image, Unwilling(error, sized_too)(image), name="unwilling")


@pytest.mark.skipif(checks.BACKEND != "openvino", reason="is about OpenVINO's graphs")
@pytest.mark.parametrize("error", [TypeError("NoneType"), ValueError("size"), RuntimeError("to_shape was called")])
def test_a_layer_that_must_know_the_size_gets_a_graph_for_each(error: Exception) -> None:
    network = openvino_network_of(unwilling(error, sized_too=False), None, checks.runtime())
    for shape in [(2, 3, 4), (4, 3, 2)]:
        image = image_of(shape)
        np.testing.assert_allclose(network(image)[0], 2 * image)


@pytest.mark.skipif(checks.BACKEND != "openvino", reason="is about OpenVINO's graphs")
def test_other_reasons_for_which_there_is_no_graph_are_said() -> None:
    with pytest.raises(InstallationError, match=r"cannot be exported to OpenVINO; seen: AttributeError: .*no opset16"):
        openvino_network_of(unwilling(AttributeError("no opset16"), sized_too=False), None, checks.runtime())
    network = openvino_network_of(unwilling(ValueError("never"), sized_too=True), None, checks.runtime())
    with pytest.raises(InstallationError, match=r"ValueError: .*never"):
        network(image_of((2, 3, 4)))


@pytest.mark.parametrize("make", [np.asfortranarray, lambda image: image[::-1, :, ::-1], lambda image: image[None]])
def test_any_memory_order_and_a_channel_axis(make: object, weights_file: Path) -> None:
    network = load_network(build_localization, weights_file, checks.runtime())
    image = image_of((4, 6, 8))
    arranged = make(image)  # type: ignore[operator]
    plain = arranged[0] if arranged.ndim == 4 else arranged
    np.testing.assert_array_equal(network(arranged), network(np.ascontiguousarray(plain)))


def test_one_output_of_several(tmp_path: Path) -> None:
    weights = checks.seeded_weights(build_segmentation(), seed=23)
    path = tmp_path / "segmentation.weights.h5"
    checks.with_weights(build_segmentation(), weights).save_weights(path)
    image = image_of((8, 8, 16))
    expected = reference.segmentation(image[None], weights, 2, 2, labels=5)
    network = load_network(build_segmentation, path, checks.runtime(), output="local")
    checks.assert_close(network(image), expected["local"], atol=1e-5)


def test_bfloat16_gives_float32_scores_near_the_exact_ones(weights: dict[str, np.ndarray], weights_file: Path) -> None:
    image = image_of((8, 8, 8))
    expected = reference.localization(image[None], weights, levels=2)
    scores = load_network(build_localization, weights_file, checks.runtime("bfloat16"))(image)
    deviation = np.abs(scores - expected).max()
    assert scores.dtype == np.float32
    assert 1e-5 < deviation < 0.05
    assert keras.config.dtype_policy().name == "float32"


def test_weights_of_another_network(tmp_path: Path) -> None:
    path = tmp_path / "segmentation.weights.h5"
    build_segmentation().save_weights(path)
    with pytest.raises(InputError, match="does not hold weights of efficientscn_localization") as caught:
        load_network(build_localization, path, checks.runtime())
    assert caught.value.path == path
    assert caught.value.seen


def test_weights_of_another_width(tmp_path: Path) -> None:
    path = tmp_path / "wide.weights.h5"
    localization_unet(filters=3, levels=2).save_weights(path)
    with pytest.raises(InputError, match="does not hold weights"):
        load_network(build_localization, path, checks.runtime())


def test_a_size_that_the_network_cannot_have(weights_file: Path) -> None:
    with pytest.raises(InputError, match="says a size which its network cannot have"):
        load_network(partial(coarse_unet, (20, 16, 16)), weights_file, checks.runtime())


@pytest.mark.parametrize("content", [b"", b"not an HDF5 file" * 100])
def test_a_file_that_holds_no_weights(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.weights.h5"
    path.write_bytes(content)
    with pytest.raises(InputError, match="is not a weights file"):
        load_network(build_localization, path, checks.runtime())


def test_a_weights_file_that_is_cut(weights_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.weights.h5"
    path.write_bytes(weights_file.read_bytes()[:5000])
    with pytest.raises(InputError, match="is not a weights file"):
        load_network(build_localization, path, checks.runtime())


def test_a_weights_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.weights\.h5"):
        load_network(build_localization, tmp_path / "absent.weights.h5", checks.runtime())
