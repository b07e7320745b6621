"""From scan files to label-map files, around a system that needs no networks."""

from __future__ import annotations

import json
import threading
import weakref
from pathlib import Path

import nibabel
import numpy as np
import pytest

from flarecli.errors import InputError, OutputError, UnexpectedError
from flarecli.organs import LABEL_NAMES
from flarecli.prediction.batch import predict_cases
from flarecli.prediction.cases import Case, find_cases
from flarecli.prediction.output_options import OutputOptions
from flarecli.prediction.predictor import Predictor
from flarecli.prediction.record import is_complete
from flarecli.volume import Volume, read_volume, write_labels, write_scan
from tests.prediction.batch_run import run
from tests.synthetic_ct import affine, ct_voxels, write_ct
from tests.threshold_system import DEFECT_HU, LIVER_HU, NO_ORGAN_HU

pytestmark = pytest.mark.usefixtures("threshold_system")


def test_label_map_lies_on_the_scan(tmp_path: Path) -> None:
    scan = write_ct(tmp_path / "scan.nii.gz")
    (outcome,) = run(scan, tmp_path / "organs.nii.gz")
    assert outcome.status == "done"
    written, original = nibabel.load(tmp_path / "organs.nii.gz"), nibabel.load(scan)
    assert np.array_equal(written.affine, original.affine)
    assert written.get_data_dtype() == np.uint8
    assert np.array_equal(np.asarray(written.dataobj), np.asarray(original.dataobj) > LIVER_HU)


def test_record_tells_what_happened(tmp_path: Path) -> None:
    run(write_ct(tmp_path / "scan.nii.gz"), tmp_path / "organs.nii.gz")
    record = json.loads((tmp_path / "organs.json").read_text(encoding="utf-8"))
    assert record["system"] == "threshold"
    assert record["labels"]["names"] == {str(label): name for label, name in LABEL_NAMES.items()}
    assert record["runtime"]["precision"] in ("float32", "bfloat16")
    assert record["warnings"][-1] == "made by a threshold"
    assert [step["name"] for step in record["steps"]] == ["read", "load", "segment", "write", "describe"]
    voxels = np.count_nonzero(np.asarray(nibabel.load(tmp_path / "organs.nii.gz").dataobj))
    assert record["organs"]["liver"]["voxels"] == voxels
    assert record["organs"]["liver"]["volume_ml"] == pytest.approx(voxels * 4.0 * 4.5 * 5.0 / 1000, rel=1e-3)
    assert record["organs"]["spleen"]["volume_ml"] == 0


def test_split_writes_one_mask_an_organ(tmp_path: Path) -> None:
    run(write_ct(tmp_path / "scan.nii.gz"), tmp_path / "organs.nii.gz", extras=OutputOptions(split=True))
    whole = np.asarray(nibabel.load(tmp_path / "organs.nii.gz").dataobj)
    for label, name in list(LABEL_NAMES.items())[1:]:
        mask = np.asarray(nibabel.load(tmp_path / f"organs_{name}.nii.gz").dataobj)
        assert np.array_equal(mask, whole == label)


def test_preview_is_written(tmp_path: Path) -> None:
    extras = OutputOptions(preview=lambda case: tmp_path / f"{case.name}.png")
    run(write_ct(tmp_path / "scan.nii.gz"), tmp_path / "organs.nii.gz", extras=extras)
    assert (tmp_path / "scan.png").read_bytes().startswith(b"\x89PNG")


def test_bad_scans_of_a_folder_fail_alone(tmp_path: Path) -> None:
    scans = tmp_path / "scans"
    write_ct(scans / "a_0000.nii.gz")
    (scans / "b_0000.nii.gz").write_bytes(b"no image")
    write_ct(scans / "c_0000.nii.gz", peak_hu=NO_ORGAN_HU + 500)
    write_ct(scans / "d_0000.nii.gz", peak_hu=DEFECT_HU + 60)
    write_ct(scans / "e_0000.nii.gz", seed=1)
    outcomes = run(scans, tmp_path / "out")
    assert [outcome.status for outcome in outcomes] == ["done", "failed", "failed", "failed", "done"]
    assert isinstance(outcomes[1].error, InputError)
    assert isinstance(outcomes[2].error, InputError)
    assert isinstance(outcomes[3].error, UnexpectedError)
    assert isinstance(outcomes[3].error.__cause__, ZeroDivisionError)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "a.json",
        "a.nii.gz",
        "e.json",
        "e.nii.gz",
    ]


def test_existing_files_are_refused_resumed_or_replaced(tmp_path: Path) -> None:
    scans, out = tmp_path / "scans", tmp_path / "out"
    for index, name in enumerate("abc"):
        write_ct(scans / f"{name}.nii.gz", seed=index)
    run(scans, out)
    (out / "b.json").write_bytes((out / "b.json").read_bytes()[:900])
    (out / "c.nii.gz").write_bytes((out / "a.nii.gz").read_bytes())

    with pytest.raises(OutputError, match=r"6 files: .* and 3 more.*--resume"):
        run(scans, out)

    resumed = run(scans, out, existing="resume")
    assert [outcome.status for outcome in resumed] == ["skipped", "done", "done"]
    assert [outcome.redone for outcome in resumed] == [
        None,
        "its record is damaged",
        "the label map is not the one of its record",
    ]
    assert all(is_complete(out / f"{name}.nii.gz", out / f"{name}.json") for name in "abc")

    assert [outcome.status for outcome in run(scans, out, existing="overwrite")] == ["done"] * 3


def test_interrupted_case_leaves_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    scan = write_ct(tmp_path / "scan.nii.gz")
    monkeypatch.setattr("flarecli.prediction.result.organ_statistics", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(scan, tmp_path / "out" / "organs.nii.gz")
    assert not (tmp_path / "out" / "organs.json").exists()
    assert not is_complete(tmp_path / "out" / "organs.nii.gz", tmp_path / "out" / "organs.json")


def test_region_in_world_millimetres(tmp_path: Path) -> None:
    scan = tmp_path / "scan.nii.gz"
    write_scan(scan, ct_voxels(), affine(spacing_mm=(4.0, 4.0, 3.0), origin_mm=(10, 20, 30)))
    cases = [Case("scan", scan, tmp_path / "organs.nii.gz")]
    inside = Predictor("threshold", region=(10, 20, 30, 18, 28, 36))
    (outcome,) = predict_cases(inside, cases, extras=OutputOptions())
    assert outcome.record is not None
    assert outcome.record["region_mm_zyx"] == {"start": [1.5, 2.0, 2.0], "end": [7.5, 10.0, 10.0]}

    outside = Predictor("threshold", region=(100, 20, 30, 140, 24, 36))
    (outcome,) = predict_cases(outside, cases, extras=OutputOptions(), existing="overwrite")
    assert isinstance(outcome.error, InputError)
    assert "outside the scan" in str(outcome.error)


def test_steps_are_announced(tmp_path: Path) -> None:
    started, steps = [], []
    scans = tmp_path / "scans"
    write_ct(scans / "a.nii.gz")
    write_ct(scans / "b.nii.gz")
    cases = find_cases(scans, tmp_path / "out")
    list(
        predict_cases(
            Predictor("threshold"),
            cases,
            extras=OutputOptions(),
            on_start=lambda case: started.append(case.name),
            on_step=steps.append,
        )
    )
    assert started == ["a", "b"]
    assert steps.count("segment") == 2


def scans_named(names: str, folder: Path) -> Path:
    for index, name in enumerate(names):
        write_ct(folder / f"{name}.nii.gz", seed=index)
    return folder


def test_next_scan_begins_while_the_last_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    second_began = threading.Event()
    waited = []

    def write_late(path: Path, labels: np.ndarray, volume: Volume) -> None:
        if path.name == "a.nii.gz":
            waited.append(second_began.wait(timeout=30))
        write_labels(path, labels, volume)

    monkeypatch.setattr("flarecli.prediction.result_files.write_labels", write_late)
    cases = find_cases(scans_named("ab", tmp_path / "scans"), tmp_path / "out")
    outcomes = predict_cases(
        Predictor("threshold"),
        cases,
        extras=OutputOptions(),
        on_start=lambda case: second_began.set() if case.name == "b" else None,
    )
    assert [(outcome.case.name, outcome.status) for outcome in outcomes] == [("a", "done"), ("b", "done")]
    assert waited == [True]


def test_a_label_map_that_cannot_be_written_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse_one(path: Path, labels: np.ndarray, volume: Volume) -> None:
        if path.name == "b.nii.gz":
            raise InputError("cannot be written", path=path, remedy="Choose another folder.")
        write_labels(path, labels, volume)

    monkeypatch.setattr("flarecli.prediction.result_files.write_labels", refuse_one)
    outcomes = run(scans_named("abc", tmp_path / "scans"), tmp_path / "out")
    assert [outcome.status for outcome in outcomes] == ["done", "failed", "done"]
    assert isinstance(outcomes[1].error, InputError)


def test_few_scans_in_memory_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[weakref.ref[np.ndarray]] = []
    most = []

    def read_and_count(path: Path) -> Volume:
        volume = read_volume(path)
        held.append(weakref.ref(volume.voxels))
        most.append(sum(reference() is not None for reference in held))
        return volume

    monkeypatch.setattr("flarecli.prediction.batch.read_volume", read_and_count)
    outcomes = run(scans_named("abcdefghijkl", tmp_path / "scans"), tmp_path / "out")
    assert {outcome.status for outcome in outcomes} == {"done"}
    assert len(most) == 12
    assert max(most) <= 3
