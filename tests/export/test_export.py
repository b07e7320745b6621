"""`flare export`: the folder, its contract, and what is refused."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import keras
import nibabel
import numpy as np
import onnxruntime
import openvino
import pytest
from typer.testing import CliRunner

from flarecli.cli.main import app
from flarecli.errors import OutputError
from flarecli.export import read_back
from flarecli.export.contract import contract_of
from flarecli.export.descriptions import description_of, method_of
from flarecli.export.run import Exported, export_system
from flarecli.export.runner_file import runner_source
from flarecli.organs import LABEL_NAMES
from flarecli.systems import SYSTEM_NAMES, system_named
from flarecli.weights import store
from tests.export.runs import run_alone

pytestmark = pytest.mark.skipif(keras.backend.backend() != "openvino", reason="exports come from OpenVINO's graphs")

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_folder_holds_what_its_contract_says(exported: Exported) -> None:
    folder, contract = exported.folder, json.loads((exported.folder / "contract.json").read_text(encoding="utf-8"))
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {"contract.json"}

    assert contract == exported.contract
    assert set(contract["files"]) == files
    assert {"locate.onnx", "refine.onnx", "run.py", "self_test/scan.nii.gz", "self_test/locate.npz"} <= files
    for name, checksum in contract["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == checksum
    assert {label["value"]: label["name"] for label in contract["labels"]} == LABEL_NAMES
    assert contract["labels"][1]["snomed_ct"] == {"code": "10200004", "meaning": "Liver"}
    assert contract["labels"][2]["snomed_ct"] == {"code": "64033007", "meaning": "Kidney"}
    assert contract["licences"]["weights"] == {"locate": "Apache-2.0", "refine": "Apache-2.0"}
    refine = contract["networks"]["refine"]
    assert refine["input"]["shape"] == [1, 5, None, None, None]
    assert len(refine["input"]["channels"]) == len(refine["output"]["channels"]) == 5


@pytest.mark.parametrize("name", SYSTEM_NAMES)
def test_rules_name_numbers_of_the_method(name: str) -> None:
    """Every number that a rule names stands in the method, under that name."""
    system = system_named(name)
    description = description_of(system)
    method = method_of(system, description)

    assert set(description.networks) == {spec.key for spec in system.networks}
    assert set(method) == set(asdict(system.constants))
    parts = ("finest_mm", "coarsest_mm")  # of the ranges of spacing
    named = {
        word.strip(".,:;()'")
        for text in [*description.rules.values(), *(network.sizes for network in description.networks.values())]
        for word in text.split()
        if "_" in word
    }
    assert named
    assert named - set(method) - set(parts) == set()


def test_networks_are_read_back_by_both_runtimes(exported: Exported) -> None:
    for name, entry in exported.contract["networks"].items():
        assert set(exported.differences[name]) == {"onnxruntime", "openvino"}
        assert max(exported.differences[name].values()) <= entry["self_test"]["tolerance"]
        path = exported.folder / entry["file"]
        with np.load(exported.folder / entry["self_test"]["file"]) as vectors:
            image = vectors["image"].astype(np.float32)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        (ours,) = session.run([entry["output"]["name"]], {entry["input"]["name"]: image})
        compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        np.testing.assert_allclose(compiled({entry["input"]["name"]: image})[0], ours, atol=1e-4)
        np.testing.assert_allclose(ours.sum(axis=1), 1.0, atol=1e-5)


def test_openvino_as_format_of_networks(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["export", str(tmp_path / "out"), "--format", "openvino", "--json"])

    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["contract"]["networks"]["locate"]["file"] == "locate.xml"
    assert {"locate.xml", "locate.bin"} <= set(report["contract"]["files"])
    finished = run_alone(tmp_path / "out" / "run.py", "--self-test")
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.splitlines()[-1] == "self-test passed"
    labels = np.asarray(nibabel.load(tmp_path / "out" / report["contract"]["self_test"]["labels"]).dataobj)
    assert set(np.unique(labels)) == {0, *LABEL_NAMES}  # the scan shows every organ


def test_a_runtime_that_computes_otherwise_is_found(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = exported.contract["networks"]["locate"]
    with np.load(exported.folder / entry["self_test"]["file"]) as stored:
        image, scores = stored["image"].astype(np.float32), stored["scores"]
    vectors = read_back.NetworkVectors(image, scores, entry["self_test"]["every"], entry["self_test"]["tolerance"])
    path = exported.folder / "locate.onnx"
    assert set(read_back.check_network(path, "locate", vectors)) == {"onnxruntime", "openvino"}
    right = read_back.load_network(path)
    monkeypatch.setattr(read_back, "load_network", lambda path: lambda image: right(image) + np.float32(0.01))

    with pytest.raises(read_back.InstallationError, match="other scores"):
        read_back.check_network(path, "locate", vectors)


def test_an_earlier_export_is_replaced_when_asked_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flarecli.export.run._written", lambda temporary, *_: (temporary / "new").touch())
    earlier = tmp_path / "earlier"
    earlier.mkdir()
    (earlier / "contract.json").write_text('{"files": {"locate.onnx": ""}}')
    (earlier / "locate.onnx").touch()
    result = CliRunner().invoke(app, ["export", str(earlier), "--quiet"])
    assert result.exit_code == 3
    assert "--overwrite" in result.stderr
    (earlier / "letter.txt").touch()
    result = CliRunner().invoke(app, ["export", str(earlier), "--overwrite", "--quiet"])
    assert result.exit_code == 3
    assert "other files" in result.stderr
    (earlier / "letter.txt").unlink()

    export_system("flarelite", earlier, overwrite=True)

    assert [path.name for path in earlier.iterdir()] == ["new"]
    (tmp_path / "file").touch()
    result = CliRunner().invoke(app, ["export", str(tmp_path / "file"), "--overwrite"])
    assert result.exit_code == 3
    assert "is a file" in result.stderr


def test_a_folder_that_appears_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def written(*_: object) -> None:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "letter.txt").write_text("mine")

    monkeypatch.setattr("flarecli.export.run._written", written)
    for overwrite in (False, True):
        with pytest.raises(OutputError, match="other files"):
            export_system("flarelite", tmp_path / "out", overwrite=overwrite)
        assert [path.name for path in tmp_path.iterdir()] == ["out"]
        assert (tmp_path / "out" / "letter.txt").read_text() == "mine"
        (tmp_path / "out" / "letter.txt").unlink()
        (tmp_path / "out").rmdir()


def test_a_failed_export_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("flarecli.export.run._written", full)
    result = CliRunner().invoke(app, ["export", str(tmp_path / "out")])

    assert result.exit_code == 3
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    result = CliRunner().invoke(app, ["export", str(tmp_path / "out")])

    assert result.exit_code == 5
    assert "flarecli[export]" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("arguments", [["--system", "nonsense"], ["--format", "nonsense"]])
def test_unknown_names_are_refused(tmp_path: Path, arguments: list[str]) -> None:
    assert CliRunner().invoke(app, ["export", str(tmp_path / "out"), *arguments]).exit_code == 2


def test_a_system_without_weights_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "BUNDLED_ROOT", tmp_path / "bundled")
    monkeypatch.setenv("FLARE_WEIGHTS", str(tmp_path))
    result = CliRunner().invoke(app, ["export", str(tmp_path / "out"), "--system", "vgg13"])

    assert result.exit_code == 3
    assert "vgg13" in result.stderr


@pytest.mark.parametrize("name", SYSTEM_NAMES)
def test_the_runner_is_one_file_of_its_own(tmp_path: Path, name: str) -> None:
    source = runner_source(name, title="a system", runtime="onnxruntime", version="0")
    (tmp_path / "run.py").write_text(source, encoding="utf-8")

    imports = {line.split()[1].split(".")[0] for line in source.splitlines() if line.startswith(("import ", "from "))}
    assert imports - set(sys.stdlib_module_names) == {"numpy"}
    finished = run_alone(tmp_path / "run.py", "--help")
    assert finished.returncode == 0, finished.stderr
    assert "NIfTI" in finished.stdout
    checked = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F", tmp_path / "run.py"],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


def test_contracts_can_be_written(exported: Exported) -> None:
    system = system_named("efficientscn")
    assert json.loads(json.dumps(contract_of(system, description_of(system), {}, {}, {})))["method"]["growth_mm"] == 32
