"""Wrong arguments of the library, and engines that do not start: typed errors, once, before anything is computed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flarecli.cli.main import app
from flarecli.errors import InputError, OutputError, UsageError
from flarecli.files.destinations import Destination
from flarecli.prediction.batch import predict_cases
from flarecli.prediction.cases import Case, find_cases
from flarecli.prediction.output_options import OutputOptions
from flarecli.prediction.outputs import check_outputs
from flarecli.prediction.predictor import Predictor
from tests.synthetic_ct import write_ct

pytestmark = pytest.mark.usefixtures("threshold_system")


@pytest.mark.parametrize(
    "arguments",
    [
        {"region": (0, 0, 0)},
        {"region": "box"},
        {"region": None},
        {"weights": "starter"},
        {"weights": [7]},
        {"weights": 7},
        {"engine": "torch"},
        {"engine": None},
        {"system": None},
        {"system": ["flarelite"]},
    ],
)
def test_predictors(arguments: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Predictor(**{"system": "threshold", **arguments})


@pytest.mark.parametrize("existing", ["skip", "", None, True, "REFUSE"])
def test_ways_to_treat_what_exists(tmp_path: Path, existing: Any) -> None:
    case = Case("a", write_ct(tmp_path / "a.nii.gz"), tmp_path / "o.nii.gz")
    with pytest.raises(UsageError, match="refuse, overwrite, resume"):
        predict_cases(Predictor("threshold"), [case], existing=existing)


@pytest.mark.parametrize("cases", [["a.nii.gz"], [None], [("a", "b")], 7, "a.nii.gz"])
def test_what_is_no_case(cases: Any) -> None:
    with pytest.raises(UsageError, match="not a list of cases"):
        predict_cases(Predictor("threshold"), cases)


def test_extras() -> None:
    with pytest.raises(UsageError, match="must be given by a function"):
        OutputOptions(preview="p.png")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="is not an OutputOptions object"):
        predict_cases(Predictor("threshold"), [], extras="split")  # type: ignore[arg-type]


def test_paths_may_be_texts(tmp_path: Path) -> None:
    write_ct(tmp_path / "a.nii.gz")
    cases = find_cases(str(tmp_path / "a.nii.gz"), str(tmp_path / "o.nii.gz"))  # type: ignore[arg-type]
    texts = [Case("a", str(cases[0].scan), str(cases[0].labels))]  # type: ignore[arg-type]
    (outcome,) = predict_cases(Predictor("threshold"), texts)
    assert outcome.status == "done"


def test_outputs_are_checked_before_the_first_case(tmp_path: Path) -> None:
    scan = write_ct(tmp_path / "a.nii.gz")
    case = Case("a", scan, tmp_path / "out" / "o.nii.gz")
    for labels, preview in ((scan, tmp_path / "p.png"), (case.labels.with_suffix(".txt"), tmp_path / "p.png")):
        with pytest.raises(UsageError):
            predict_cases(Predictor("threshold"), [Case("a", scan, labels)], existing="overwrite")
        with pytest.raises(UsageError, match="png"):
            check_outputs([case], OutputOptions(preview=lambda case, file=preview: file.with_suffix(".x")), "refuse")
    table = Destination(case.record, "table")
    with pytest.raises(UsageError, match="two outputs"):
        predict_cases(Predictor("threshold"), [case], tables=[table])


def test_weights_are_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = tmp_path / "coarse.json"
    monkeypatch.setattr(Predictor, "files", (tmp_path / "coarse.weights.h5", card))
    case = Case("a", write_ct(tmp_path / "a.nii.gz"), tmp_path / "coarse.nii.gz")
    with pytest.raises(UsageError, match="record of a would replace a file that is read"):
        predict_cases(Predictor("threshold"), [case], existing="overwrite")


def test_many_results_that_exist_are_counted(tmp_path: Path) -> None:
    cases = []
    for index in range(40):
        case = Case(str(index), tmp_path / f"{index}.nii", tmp_path / "out" / f"{index}.nii")
        case.labels.parent.mkdir(exist_ok=True)
        case.labels.touch()
        cases.append(case)
    with pytest.raises(OutputError, match=r"40 files: 0\.nii \(label map of 0\), .* and 37 more"):
        check_outputs(cases, OutputOptions(), "refuse")


@pytest.mark.parametrize("scans", ["ab", "!a"])
def test_an_engine_that_does_not_start_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scans: str
) -> None:
    for name in scans:
        write_ct(tmp_path / "scans" / f"{name}.nii.gz")
    if "!" in scans:
        (tmp_path / "scans" / "!.nii.gz").write_bytes(b"the first scan cannot be read")

    def no_driver(*_: object, **__: object) -> None:
        raise RuntimeError("no driver")

    monkeypatch.setattr("flarecli.prediction.predictor.start_runtime", no_driver)
    result = CliRunner().invoke(app, ["predict", str(tmp_path / "scans"), str(tmp_path / "out")])
    assert result.exit_code == 5, result.output
    assert result.output.count("no driver") == 1
    assert "defect" not in result.output
    assert not (tmp_path / "out").exists()


def test_weights_that_do_not_load_end_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "ab":
        write_ct(tmp_path / "scans" / f"{name}.nii.gz")

    def no_weights(*_: object, **__: object) -> None:
        raise InputError("does not hold weights of coarse", path="w.weights.h5", remedy="Choose others.")

    monkeypatch.setattr(Predictor, "_load", no_weights)
    result = CliRunner().invoke(app, ["predict", str(tmp_path / "scans"), str(tmp_path / "out"), "--resume"])
    assert result.exit_code == InputError.exit_code
    assert result.output.count("does not hold weights") == 1


def test_a_gpu_that_is_not_there(tmp_path: Path) -> None:
    for name in "ab":
        write_ct(tmp_path / "scans" / f"{name}.nii.gz")
    command = [sys.executable, "-m", "tests.limited_command", "-1", "predict"]
    ended = subprocess.run(
        [*command, tmp_path / "scans", tmp_path / "out", "--device", "gpu"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        timeout=100,
    )
    assert ended.returncode == 5, ended.stderr
    assert ended.stderr.count("sees a") + ended.stderr.count("sees no GPU") == 1
    assert not (tmp_path / "out").exists()
