"""`flare doctor`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flarecli.cli.main import app
from flarecli.doctor import Finding, Verdict, examination
from flarecli.weights import store


@pytest.fixture
def backend_verdict(monkeypatch: pytest.MonkeyPatch) -> list[Verdict]:
    """Replaces trying the backends, which takes seconds, by a finding with the verdict in the list."""
    verdict = [Verdict.good]
    monkeypatch.setattr(
        examination, "backend_findings", lambda: iter([Finding("predict", verdict[0], "a backend", "Mend it.")])
    )
    return verdict


@pytest.mark.parametrize(("verdict", "code"), [(Verdict.good, 0), (Verdict.warning, 0), (Verdict.bad, 5)])
def test_exit_code_for_programs(backend_verdict: list[Verdict], verdict: Verdict, code: int) -> None:
    backend_verdict[0] = verdict
    result = CliRunner().invoke(app, ["doctor", "--json"])
    assert result.exit_code == code, result.stderr
    report = json.loads(result.stdout)
    assert report["predict_works"] == (code == 0)
    findings = {finding["subject"]: finding for finding in report["findings"]}
    assert {"python", "packages", "processor", "memory", "gpu", "weights", "predict"} <= set(findings)
    assert findings["predict"]["verdict"] == verdict.value
    assert findings["memory"]["facts"]["needed_mb"] == 3000
    assert "efficientscn" in findings["weights"]["facts"]["ready"]


def test_remedies_are_printed(backend_verdict: list[Verdict]) -> None:
    backend_verdict[0] = Verdict.bad
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 5
    assert "Mend it." in result.stdout
    assert "processor" in result.stdout


@pytest.mark.parametrize(("device", "told"), [("cpu", True), ("gpu", False)])
def test_a_gpu_that_predict_does_not_use_is_told(monkeypatch: pytest.MonkeyPatch, device: str, told: bool) -> None:
    gpu = Finding("gpu", Verdict.good, "one", facts={"gpus": [{"name": "one"}]})
    monkeypatch.setattr(examination, "machine_findings", lambda: iter([gpu]))
    predict = Finding("predict", Verdict.good, "a backend", facts={"device": device})
    monkeypatch.setattr(examination, "backend_findings", lambda: iter([predict]))
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 0
    assert ("predict does not use it" in result.stdout) == told


@pytest.mark.usefixtures("backend_verdict")
def test_no_weights_at_all_are_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "BUNDLED_ROOT", tmp_path / "none")
    monkeypatch.setenv("FLARE_WEIGHTS", str(tmp_path))
    result = CliRunner().invoke(app, ["doctor", "--json"])
    assert result.exit_code == 5
    (weights,) = [finding for finding in json.loads(result.stdout)["findings"] if finding["subject"] == "weights"]
    assert weights["verdict"] == "bad"
    assert "flare train CACHE" in weights["remedy"]
