"""Which backend is chosen where none is named, and whether a GPU is seen."""

from __future__ import annotations

import sys

import keras
import pytest

from flarecli.engine import BACKENDS, backend_choice
from flarecli.errors import InstallationError

RUNNING = keras.backend.backend()
OTHER = next(name for name in BACKENDS if name != RUNNING)


@pytest.fixture
def fresh_process(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A process that has not imported Keras, on a machine without a GPU and with every backend."""
    monkeypatch.delitem(sys.modules, "keras")
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setattr(backend_choice, "is_installed", lambda backend: True)
    monkeypatch.setattr(backend_choice, "_machine_has_nvidia_gpu", lambda: False)
    monkeypatch.setattr(backend_choice, "_backend_sees_gpu", lambda backend: False)
    return monkeypatch


def with_gpu_for(monkeypatch: pytest.MonkeyPatch, *backends: str) -> None:
    monkeypatch.setattr(backend_choice, "_machine_has_nvidia_gpu", lambda: True)
    monkeypatch.setattr(backend_choice, "_backend_sees_gpu", lambda backend: backend in backends)


@pytest.mark.usefixtures("fresh_process")
class TestAuto:
    def test_openvino_where_nothing_speaks_for_another(self) -> None:
        assert backend_choice.chosen_backend("auto", "auto") == "openvino"

    @pytest.mark.parametrize("name", BACKENDS)
    def test_the_backend_of_the_environment(self, name: str, fresh_process: pytest.MonkeyPatch) -> None:
        fresh_process.setenv("KERAS_BACKEND", name)
        assert backend_choice.chosen_backend("auto", "auto") == name

    @pytest.mark.parametrize("name", ["theano", ""])
    def test_an_environment_that_names_none_of_ours(self, name: str, fresh_process: pytest.MonkeyPatch) -> None:
        fresh_process.setenv("KERAS_BACKEND", name)
        assert backend_choice.chosen_backend("auto", "auto") == "openvino"

    def test_an_environment_that_names_one_not_installed(self, fresh_process: pytest.MonkeyPatch) -> None:
        fresh_process.setenv("KERAS_BACKEND", "torch")
        fresh_process.setattr(backend_choice, "is_installed", lambda backend: backend == "openvino")
        assert backend_choice.chosen_backend("auto", "auto") == "openvino"

    def test_a_gpu_goes_before_the_environment(self, fresh_process: pytest.MonkeyPatch) -> None:
        fresh_process.setenv("KERAS_BACKEND", "openvino")
        with_gpu_for(fresh_process, "tensorflow")
        assert backend_choice.chosen_backend("auto", "auto") == "tensorflow"

    def test_pytorch_goes_before_tensorflow_on_a_gpu(self, fresh_process: pytest.MonkeyPatch) -> None:
        with_gpu_for(fresh_process, "torch", "tensorflow")
        assert backend_choice.chosen_backend("auto", "gpu") == "torch"

    def test_the_cpu_asked_for_leaves_the_gpu_aside(self, fresh_process: pytest.MonkeyPatch) -> None:
        with_gpu_for(fresh_process, "torch")
        assert backend_choice.chosen_backend("auto", "cpu") == "openvino"

    def test_a_gpu_that_no_backend_sees(self, fresh_process: pytest.MonkeyPatch) -> None:
        with_gpu_for(fresh_process)
        assert backend_choice.chosen_backend("auto", "auto") == "openvino"
        with pytest.raises(InstallationError, match="no installed backend sees a GPU") as caught:
            backend_choice.chosen_backend("auto", "gpu")
        assert caught.value.exit_code == 5


def test_auto_is_the_backend_that_keras_runs_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", OTHER)
    assert backend_choice.chosen_backend("auto", "auto") == RUNNING


def test_no_driver_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    pynvml = pytest.importorskip("pynvml")

    def fail() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", fail)
    assert not backend_choice._machine_has_nvidia_gpu()


@pytest.mark.parametrize(("count", "found"), [(0, False), (2, True)])
def test_the_driver_counts_gpus(count: int, found: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    pynvml = pytest.importorskip("pynvml")
    closed = []
    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetCount", lambda: count)
    monkeypatch.setattr(pynvml, "nvmlShutdown", lambda: closed.append(True))
    assert backend_choice._machine_has_nvidia_gpu() is found
    assert closed == [True]
