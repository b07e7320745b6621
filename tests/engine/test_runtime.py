"""What a backend is set up with, and what is said where that cannot be."""

from __future__ import annotations

import subprocess
import sys

import keras
import pytest

from flarecli.engine import BACKENDS, backend_choice, start_runtime
from flarecli.engine.precision_choice import INT8_BY_DEFAULT, INT8_ON_REQUEST, NO_INT8, Int8Support
from flarecli.errors import InstallationError, UsageError
from flarecli.hardware.processors import available_processors

RUNNING = keras.backend.backend()
OTHER = next(name for name in BACKENDS if name != RUNNING)


@pytest.mark.parametrize(
    ("options", "option", "known"),
    [
        ({"backend": "mxnet"}, "--backend", "openvino, tensorflow, torch, jax, auto"),
        ({"device": "tpu"}, "--device", "auto, cpu, gpu"),
        ({"precision": "int4"}, "--precision", "float32, bfloat16, float16, int8, auto"),
    ],
)
def test_unknown_names_are_refused_with_the_known_ones(options: dict[str, str], option: str, known: str) -> None:
    with pytest.raises(UsageError) as caught:
        start_runtime(**options)
    assert caught.value.problem == f"unknown value of {option}"
    assert caught.value.seen == next(iter(options.values()))
    assert caught.value.expected == known


@pytest.mark.parametrize("threads", [0, -2])
def test_no_threads_are_refused(threads: int) -> None:
    with pytest.raises(UsageError, match=f"seen: {threads}"):
        start_runtime(RUNNING, threads=threads)


@pytest.mark.parametrize(
    ("backend", "requirement"),
    [("torch", "'flarecli[torch]'"), ("tensorflow", "'flarecli[tensorflow]'"), ("jax", "'flarecli[jax]'")],
)
def test_a_backend_that_is_not_installed(backend: str, requirement: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend_choice, "is_installed", lambda name: False)
    with pytest.raises(InstallationError, match=f"the backend {backend} is not installed") as caught:
        start_runtime(backend)
    assert requirement in caught.value.remedy


def test_another_backend_than_the_running_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend_choice, "is_installed", lambda name: True)
    with pytest.raises(InstallationError, match="Keras already runs on another backend") as caught:
        start_runtime(OTHER)
    assert (caught.value.seen, caught.value.expected) == (RUNNING, OTHER)


def test_float16_on_the_cpu_is_refused() -> None:
    with pytest.raises(UsageError, match="float16"):
        start_runtime(RUNNING, "cpu", "float16")


@pytest.mark.skipif(RUNNING not in ("openvino", "jax"), reason="about the backends without a GPU")
def test_a_gpu_is_refused_where_there_is_none_in_flare() -> None:
    name = {"openvino": "OpenVINO", "jax": "JAX"}[RUNNING]
    with pytest.raises(UsageError, match=f"{name} runs on the CPU here") as caught:
        start_runtime(RUNNING, "gpu")
    assert "--backend torch or tensorflow" in caught.value.remedy


@pytest.mark.skipif(RUNNING != "jax", reason="about JAX")
@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_jax_computes_in_float32(precision: str) -> None:
    with pytest.raises(UsageError, match="JAX computes in float32 here") as caught:
        start_runtime("jax", "cpu", precision)
    assert caught.value.expected == "float32"


@pytest.mark.skipif(RUNNING != "openvino", reason="about OpenVINO")
@pytest.mark.parametrize(
    ("capabilities", "machine", "int8", "precision"),
    [
        (["FP32", "BF16"], "x86_64", NO_INT8, "bfloat16"),
        (["FP32", "BF16"], "x86_64", INT8_BY_DEFAULT, "bfloat16"),
        (["FP32"], "x86_64", NO_INT8, "float32"),
        (["FP32"], "x86_64", INT8_BY_DEFAULT, "int8"),
        (["FP32"], "x86_64", INT8_ON_REQUEST, "float32"),
        (["FP32"], "AMD64", INT8_BY_DEFAULT, "int8"),
        (["FP32"], "aarch64", INT8_BY_DEFAULT, "float32"),
    ],
)
def test_auto_precision_of_openvino_follows_processor_and_networks(
    capabilities: list[str], machine: str, int8: Int8Support, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import openvino

    monkeypatch.setattr(openvino.Core, "get_property", lambda *_: capabilities)
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert start_runtime("openvino", int8=int8).precision == precision


@pytest.mark.skipif(RUNNING == "openvino", reason="about the other backends")
def test_int8_is_openvinos_alone() -> None:
    assert start_runtime(RUNNING, "cpu", int8=INT8_BY_DEFAULT).precision == "float32"
    with pytest.raises(UsageError, match=f"{RUNNING} does not compute these networks in int8") as caught:
        start_runtime(RUNNING, "cpu", "int8", int8=INT8_BY_DEFAULT)
    assert "--backend openvino" in caught.value.remedy


@pytest.mark.skipif(RUNNING != "openvino", reason="about OpenVINO")
def test_int8_is_refused_for_networks_that_are_not_made_for_it() -> None:
    for support in (INT8_BY_DEFAULT, INT8_ON_REQUEST):
        assert start_runtime("openvino", precision="int8", int8=support).openvino_precision == "f32"
    with pytest.raises(UsageError, match="these networks are not computed in int8: it was tried"):
        start_runtime("openvino", precision="int8", int8=Int8Support(allowed=False, reason="it was tried"))


@pytest.mark.skipif(RUNNING == "jax", reason="JAX has no bfloat16 here on any processor")
def test_bfloat16_on_a_processor_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import openvino

    monkeypatch.setattr(openvino.Core, "get_property", lambda *_: ["FP32"])
    assert start_runtime(RUNNING, "cpu").precision == "float32"
    with pytest.raises(InstallationError, match="this processor does not compute bfloat16"):
        start_runtime(RUNNING, "cpu", precision="bfloat16")


@pytest.mark.skipif(RUNNING in ("openvino", "jax"), reason="about the backends that can have a GPU")
def test_a_gpu_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    if RUNNING == "torch":
        import torch

        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    else:
        import tensorflow

        monkeypatch.setattr(tensorflow.config, "list_physical_devices", lambda kind: [])
    with pytest.raises(InstallationError, match="sees no GPU"):
        start_runtime(RUNNING, "gpu")


def test_what_was_chosen_is_told() -> None:
    chosen = start_runtime(RUNNING, "cpu", "float32", threads=1)
    facts = chosen.as_dict()
    assert facts.pop("version")[0].isdigit()
    assert facts == {"backend": RUNNING, "device": "cpu", "precision": "float32", "threads": 1}


def test_all_available_processors_are_taken() -> None:
    assert start_runtime(RUNNING, "cpu").threads == available_processors() >= 1


def test_a_process_without_keras_gets_the_backend_it_asks_for() -> None:
    script = f"""
import sys
from flarecli.engine import start_runtime
assert "keras" not in sys.modules
start_runtime({RUNNING!r}, "cpu")
import keras
print(keras.backend.backend())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == RUNNING
