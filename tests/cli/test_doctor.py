"""`flare doctor`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flarecli.cli.main import app
from flarecli.doctor import CheckResult, CheckVerdict, examination
from flarecli.weights import store


@pytest.fixture
def backend_verdict(monkeypatch: pytest.MonkeyPatch) -> list[CheckVerdict]:
    """Replaces trying the backends, which takes seconds, by a result with the verdict in the list."""
    verdict = [CheckVerdict.good]
    monkeypatch.setattr(
        examination, "backend_checks", lambda: iter([CheckResult("predict", verdict[0], "a backend", "Mend it.")])
    )
    return verdict


@pytest.mark.parametrize(
    ("verdict", "code"), [(CheckVerdict.good, 0), (CheckVerdict.warning, 0), (CheckVerdict.bad, 5)]
)
def test_exit_code_for_programs(backend_verdict: list[CheckVerdict], verdict: CheckVerdict, code: int) -> None:
    backend_verdict[0] = verdict
    result = CliRunner().invoke(app, ["doctor", "--json"])
    assert result.exit_code == code, result.stderr
    report = json.loads(result.stdout)
    assert report["predict_works"] == (code == 0)
    results = {result["subject"]: result for result in report["findings"]}
    assert {"python", "packages", "processor", "memory", "gpu", "weights", "predict"} <= set(results)
    assert results["predict"]["verdict"] == verdict.value
    assert results["memory"]["facts"]["needed_mb"] == 3000
    assert "efficientscn" in results["weights"]["facts"]["ready"]


def test_remedies_are_printed(backend_verdict: list[CheckVerdict]) -> None:
    backend_verdict[0] = CheckVerdict.bad
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 5
    assert "Mend it." in result.stdout
    assert "processor" in result.stdout


@pytest.mark.parametrize(("device", "told"), [("cpu", True), ("gpu", False)])
def test_a_gpu_that_predict_does_not_use_is_told(monkeypatch: pytest.MonkeyPatch, device: str, told: bool) -> None:
    gpu = CheckResult("gpu", CheckVerdict.good, "one", facts={"gpus": [{"name": "one"}]})
    monkeypatch.setattr(examination, "machine_checks", lambda: iter([gpu]))
    predict = CheckResult("predict", CheckVerdict.good, "a backend", facts={"device": device})
    monkeypatch.setattr(examination, "backend_checks", lambda: iter([predict]))
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 0
    assert ("predict does not use it" in result.stdout) == told


@pytest.mark.usefixtures("backend_verdict")
def test_no_weights_at_all_are_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "BUNDLED_ROOT", tmp_path / "none")
    monkeypatch.setenv("FLARE_WEIGHTS", str(tmp_path))
    result = CliRunner().invoke(app, ["doctor", "--json"])
    assert result.exit_code == 5
    (weights,) = [result for result in json.loads(result.stdout)["findings"] if result["subject"] == "weights"]
    assert weights["verdict"] == "bad"
    assert "flare train CACHE" in weights["remedy"]
