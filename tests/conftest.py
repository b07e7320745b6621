"""Settings of the whole test run."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator, Iterator

import pytest

from flarecli.garbage_collection import garbage_collection_paused
from flarecli.hardware.processors import available_processors
from tests.made_once import shared_folder
from tests.shared_data import list_skips

# The backend of a plain install; `KERAS_BACKEND=torch pytest` runs the same tests on another one. Keras reads the
# variable when it is first imported, so it stands here and not in a fixture.
os.environ.setdefault("KERAS_BACKEND", "openvino")

# Several tests run at a time: threads of PyTorch that wait for each other should leave the processors to the others.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

LONGEST = ("tests/wheel/", "tests/test_no_network.py", "tests/cluster/", "tests/cli/test_train.py")


@pytest.fixture(autouse=True, scope="session")
def cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Graphs of networks go to a folder of this test run, which its processes share, and not to the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLARE_CACHE", str(shared_folder(tmp_path_factory) / "flare-cache"))
        yield


@pytest.fixture
def threshold_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every system is the one that needs no networks and calls soft tissue liver."""
    from tests.threshold_system import ThresholdSystem  # no sooner: a test of less should not wait for its imports

    monkeypatch.setattr("flarecli.weights.selection.system_named", lambda name: ThresholdSystem())


@pytest.fixture(scope="module")
def weights_of_zero() -> Iterator[None]:
    """Models are built without random weights, which take seconds where a test sets or loads weights anyway."""
    from flarecli.engine.zero_weights import built_without_random_weights

    with built_without_random_weights():
        yield


def pytest_configure(config: pytest.Config) -> None:
    # Keras 3.15 turns its variables into numpy arrays by a protocol that numpy 2 deprecates.
    config.addinivalue_line(
        "filterwarnings", "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
    )


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """The objects of tests and packages stay to the end. Garbage collection does not walk through them again and again,
    which took a tenth of the time of the tests, and runs less often."""
    with garbage_collection_paused():
        result = yield
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)
    return result


def pytest_sessionstart() -> None:
    """The processes of a whole run import Keras as the command does, without what takes seconds and is not used."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        from flarecli.engine.keras_import import import_keras

        import_keras()
        _leave_tensorflow_out()


def _leave_tensorflow_out() -> None:
    """Another backend's Keras finds no TensorFlow, as in a plain install; else it imports it to describe a layer."""
    if os.environ["KERAS_BACKEND"] != "tensorflow":
        from keras.src.utils import module_utils

        module_utils.tensorflow._available = False


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """With `-n auto` one process for each processor, and one more for the whole suite: many of its tests wait for
    files, signals and other processes."""
    return available_processors() + (1 if os.environ["KERAS_BACKEND"] == "openvino" else 0)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that take longest, so that the processes of pytest-xdist end together."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    list_skips(terminalreporter)
