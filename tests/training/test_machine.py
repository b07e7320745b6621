"""Which backend trains where nobody says."""

from __future__ import annotations

import pytest

from flarecli.errors import InstallationError, UsageError
from flarecli.training import machine
from flarecli.training.machine import Machine
from flarecli.training.recipe import PrecisionSettings

BOTH = ("tensorflow", "torch")


def chosen(monkeypatch: pytest.MonkeyPatch, device: str = "auto", **facts: object) -> str:
    """The backend that a machine like this trains with."""
    seen = {"running": None, "with_gpu": None, "installed": BOTH, "has_bfloat16": True, **facts}
    monkeypatch.setattr(machine, "backend_in_use", lambda: seen["running"])
    monkeypatch.setattr(machine, "backend_with_gpu", lambda: seen["with_gpu"])
    monkeypatch.setattr(machine, "is_installed", lambda backend: backend in seen["installed"])
    monkeypatch.setattr(machine, "processor_computes_bfloat16", lambda: seen["has_bfloat16"])
    started: list[str] = []

    def start(backend: str, *_: object) -> None:
        started.append(backend)
        raise KeyboardInterrupt

    monkeypatch.setattr(machine, "start_runtime", start)
    with pytest.raises(KeyboardInterrupt):
        Machine(device=device).start(PrecisionSettings())
    return started[0]


@pytest.fixture(autouse=True)
def _no_wish(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KERAS_BACKEND", raising=False)


@pytest.mark.parametrize(("has_bfloat16", "backend"), [(True, "tensorflow"), (False, "torch")])
def test_the_faster_one_on_this_processor_trains(
    monkeypatch: pytest.MonkeyPatch, has_bfloat16: bool, backend: str
) -> None:
    assert chosen(monkeypatch, has_bfloat16=has_bfloat16) == backend


@pytest.mark.parametrize("backend", ["jax", "openvino"])
def test_a_backend_that_does_not_train_is_refused_with_those_that_do(backend: str) -> None:
    with pytest.raises(UsageError, match="this backend cannot train") as caught:
        Machine(backend).start(PrecisionSettings())
    assert (caught.value.seen, caught.value.expected) == (backend, "tensorflow or torch")


@pytest.mark.parametrize("backend", BOTH)
def test_the_only_one_installed_trains(monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    assert {chosen(monkeypatch, installed=(backend,), has_bfloat16=has) for has in (False, True)} == {backend}


def test_a_gpu_counts_more_than_a_wish_and_a_running_keras_more_than_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert chosen(monkeypatch, has_bfloat16=False) == "tensorflow"
    assert chosen(monkeypatch, with_gpu="torch") == "torch"
    assert chosen(monkeypatch, with_gpu="torch", device="cpu") == "tensorflow"
    assert chosen(monkeypatch, with_gpu="torch", running="tensorflow") == "tensorflow"
    monkeypatch.setenv("KERAS_BACKEND", "openvino")
    assert chosen(monkeypatch, has_bfloat16=False) == "torch"


def test_without_either_nothing_can_be_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InstallationError, match="neither is installed"):
        chosen(monkeypatch, installed=())
    with pytest.raises(UsageError, match="cannot train"):
        chosen(monkeypatch, running="openvino")
