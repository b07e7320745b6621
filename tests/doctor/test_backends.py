"""Backends tried one by one."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from flarecli.doctor import CheckVerdict, backends
from flarecli.doctor.backends import backend_checks, run_probe
from flarecli.engine.backend_choice import BACKENDS

FOUND = {
    "backend": "openvino",
    "version": "2026.4",
    "device": "cpu",
    "precision": "float32",
    "threads": 2,
    "relative_error": 1e-6,
}
ERROR = {"error": {"problem": "libfoo.so is missing", "remedy": "Install libfoo."}}


@pytest.fixture(autouse=True)
def all_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setattr(backends, "is_installed", lambda backend: True)


def verdicts(found: dict[str, dict[str, Any]]) -> dict[str, CheckVerdict]:
    return {result.subject: result.verdict for result in backend_checks(lambda name: found.get(name, FOUND))}


def test_the_backend_in_use_computes() -> None:
    found = run_probe("openvino")
    assert found["backend"] == "openvino"
    assert 0 < found["relative_error"] < (1e-4 if found["precision"] == "float32" else 0.05)


def test_all_is_well() -> None:
    results = list(backend_checks(lambda name: FOUND))
    assert [result.subject for result in results] == ["predict", *(f"backend {name}" for name in BACKENDS)]
    assert {result.verdict for result in results} == {CheckVerdict.good}
    assert results[0].seen == "openvino 2026.4 on cpu, float32, 2 threads"
    assert results[0].facts == FOUND


def test_one_backend_that_fails_is_a_warning() -> None:
    assert verdicts({"torch": ERROR})["backend torch"] is CheckVerdict.warning
    assert verdicts({"torch": ERROR})["predict"] is CheckVerdict.good


def test_it_is_bad_where_predict_would_use_it() -> None:
    (result, *_) = backend_checks(lambda name: ERROR)
    assert result.verdict is CheckVerdict.bad
    assert (result.seen, result.remedy) == ("libfoo.so is missing", "Install libfoo.")


@pytest.mark.parametrize(
    ("precision", "error", "verdict"),
    [
        ("float32", 2e-3, CheckVerdict.bad),
        ("float32", float("nan"), CheckVerdict.bad),
        ("bfloat16", 0.02, CheckVerdict.good),
        ("bfloat16", 0.1, CheckVerdict.bad),
        ("int8", 0.02, CheckVerdict.good),
        ("int8", 0.1, CheckVerdict.bad),
    ],
)
def test_wrong_results_are_told(precision: str, error: float, verdict: CheckVerdict) -> None:
    found = {**FOUND, "precision": precision, "relative_error": error}
    assert verdicts({"auto": found})["predict"] is verdict


def test_what_is_not_installed_is_noted_and_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "is_installed", lambda backend: backend == "openvino")
    tried = []

    def probe(name: str) -> dict[str, Any]:
        tried.append(name)
        return FOUND

    results = {result.subject: result for result in backend_checks(probe)}
    assert tried == ["auto"], "which is openvino here"
    assert results["backend openvino"].facts == FOUND
    assert results["backend torch"].verdict is CheckVerdict.note
    assert "pip install 'flarecli[torch]'" in results["backend torch"].seen


@pytest.mark.parametrize("default", [ERROR, {**FOUND, "backend": "torch", "device": "gpu"}])
def test_the_usual_default_is_tried_where_it_is_not_used(default: dict[str, Any]) -> None:
    found = {result.subject: result for result in backend_checks(lambda name: default if name == "auto" else FOUND)}
    assert found["predict"].facts == default
    assert found["backend openvino"].facts == FOUND


def test_an_unknown_backend_is_an_error_of_the_probe() -> None:
    found = run_probe("abacus")
    assert found["error"]["seen"] == "abacus"


@pytest.mark.parametrize(
    ("stderr", "problem"), [("a\nImportError: no libfoo\n", "ImportError: no libfoo"), ("", "it ended with code -11")]
)
def test_a_process_that_dies_is_told(monkeypatch: pytest.MonkeyPatch, stderr: str, problem: str) -> None:
    monkeypatch.setattr(
        subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], -11, stdout="", stderr=stderr)
    )
    assert run_probe("torch")["error"]["problem"] == problem


def test_a_process_that_hangs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired([], 180)

    monkeypatch.setattr(subprocess, "run", hang)
    assert "no answer within" in run_probe("torch")["error"]["problem"]
