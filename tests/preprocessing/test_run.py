"""Filling a cache, going on with one, and what is left out."""

from __future__ import annotations

import json
import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from flarecli.datasets.layouts import find_dataset
from flarecli.errors import InputError, OutputError, UsageError
from flarecli.preprocessing import TrainingCache, cache_writer, tasks
from flarecli.preprocessing.outcomes import PreprocessingStatus
from flarecli.preprocessing.run import WorkSettings, check_dataset, preprocess
from tests.datasets.labelled_files import AFFINE_RAS, flare_dataset, organ_blobs, save, scan_values

SYSTEM = "flarelite"  # the quickest


def statuses(outcomes) -> list[str]:
    return [outcome.status.value for outcome in outcomes]


def fill(source: Path, cache: Path, **options) -> list[str]:
    return statuses(preprocess(find_dataset(source), cache, SYSTEM, **options))


def modified_ns(cache: Path) -> dict[str, int]:
    return {path.parent.name: path.stat().st_mtime_ns for path in cache.glob("cases/*/case.json")}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return flare_dataset(tmp_path / "set")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.mark.parametrize("system", ["efficientscn", "efficientsegnet", "vgg13", "flarelite"])
def test_every_system(tmp_path: Path, system: str) -> None:
    source, cache = flare_dataset(tmp_path / "set", 1), tmp_path / "cache"
    assert statuses(preprocess(find_dataset(source), cache, system)) == ["written"]
    stored = TrainingCache.open(cache)
    assert (stored.system, stored.names) == (system, ("train_000",))
    for network in stored.networks:
        case = stored.load("train_000", network)
        assert case.image.shape == case.labels.shape
        assert case.image.dtype == np.int16
        assert set(np.unique(case.labels)) >= {0, 1, 2, 3}


def test_the_networks_are_those_of_the_systems() -> None:
    from flarecli.preprocessing.by_system import training_arrays_of
    from flarecli.systems.registry import SYSTEM_NAMES, system_named

    for name in SYSTEM_NAMES:
        assert training_arrays_of(name).networks == tuple(spec.key for spec in system_named(name).networks)


def test_figures_and_phases(source: Path, cache: Path) -> None:
    phases: list[tuple[str, int]] = []
    names: list[str] = []
    work = WorkSettings(1, lambda phase, total: phases.append((phase, total)), names.append)
    assert fill(source, cache, work=work) == ["written"] * 3
    assert phases == [("checking", 3), ("writing", 3)]
    assert names == ["train_000", "train_001", "train_002"] * 2
    figures = TrainingCache.open(cache).figures
    assert figures["dataset"]["cases"] == 3
    assert figures["cases"].keys() == {"train_000", "train_001", "train_002"}
    manifest = json.loads((cache / "cache.json").read_text())
    assert manifest["left_out"] == []
    assert manifest["values"] == {str(label): label for label in range(5)}


def test_a_second_run_keeps_what_is_complete(source: Path, cache: Path) -> None:
    fill(source, cache)
    before, figures = modified_ns(cache), (cache / "figures.json").read_bytes()
    assert fill(source, cache) == ["kept"] * 3
    assert modified_ns(cache) == before
    assert (cache / "figures.json").read_bytes() == figures
    assert fill(source, cache, overwrite=True) == ["written"] * 3


def test_complete_cases_are_not_even_read(source: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(source, cache)

    def fail(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(tasks, "check_pair", fail)
    assert fill(source, cache) == ["kept"] * 3


def test_a_touched_file_is_looked_at_and_kept_a_changed_one_is_made_anew(source: Path, cache: Path) -> None:
    fill(source, cache)
    os.utime(source / "TrainingImg" / "train_000_0000.nii.gz")
    save(source / "TrainingImg" / "train_001_0000.nii.gz", scan_values(9))
    assert fill(source, cache) == ["kept", "written", "kept"]


def test_damaged_and_missing_arrays_are_made_anew(source: Path, cache: Path) -> None:
    fill(source, cache)
    (cache / "cases" / "train_000" / "locate-image.npy").unlink()
    labels = cache / "cases" / "train_002" / "locate-labels.npy"
    labels.write_bytes(labels.read_bytes()[:-1])
    assert fill(source, cache) == ["written", "kept", "written"]


def test_another_meaning_of_the_values_makes_everything_anew(source: Path, cache: Path) -> None:
    from flarecli.datasets.organ_values import OrganValues

    fill(source, cache)
    dataset = find_dataset(source, OrganValues({0: 0, 1: 3, 2: 0, 3: 0, 4: 0}))
    assert statuses(preprocess(dataset, cache, SYSTEM)) == ["written"] * 3
    labels = TrainingCache.open(cache).load("train_000", "locate").labels
    assert set(np.unique(labels)) == {0, 3}


def test_an_interrupted_run_goes_on(source: Path, cache: Path) -> None:
    def interrupt(name: str) -> None:
        if list((cache / "cases").glob("train_*")):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill(source, cache, work=WorkSettings(advance=interrupt))
    with pytest.raises(InputError, match="was not finished"):
        TrainingCache.open(cache)
    assert fill(source, cache) == ["kept", "written", "written"]
    assert TrainingCache.open(cache).names == ("train_000", "train_001", "train_002")


def test_faulty_pairs_are_left_out(source: Path, cache: Path) -> None:
    (source / "TrainingMask" / "train_001.nii.gz").unlink()
    assert fill(source, cache) == ["written", "faulty", "written"]
    assert TrainingCache.open(cache).names == ("train_000", "train_002")
    assert json.loads((cache / "cache.json").read_text())["left_out"] == ["train_001"]
    save(source / "TrainingMask" / "train_001.nii.gz", organ_blobs())
    assert fill(source, cache) == ["kept", "written", "kept"]


def test_a_case_that_turned_faulty_is_no_longer_part_of_the_cache(source: Path, cache: Path) -> None:
    fill(source, cache)
    save(source / "TrainingMask" / "train_001.nii.gz", organ_blobs()[:-1])
    assert fill(source, cache) == ["kept", "faulty", "kept"]
    assert TrainingCache.open(cache).names == ("train_000", "train_002")


def test_no_sound_pair_no_cache(source: Path, cache: Path) -> None:
    for path in (source / "TrainingMask").iterdir():
        path.write_text("no image")
    assert fill(source, cache) == ["faulty"] * 3
    with pytest.raises(InputError, match="was not finished"):
        TrainingCache.open(cache)


@pytest.mark.parametrize(
    ("raised", "problem"),
    [
        (MemoryError("too large"), "needs more memory than is available"),
        (PermissionError(13, "Permission denied", "scan.nii"), "cannot be used"),
        (KeyError("x"), "KeyError while the case was worked on"),
    ],
)
def test_a_defect_in_one_case_stays_there(
    source: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, raised: Exception, problem: str
) -> None:
    read = tasks.read_labelled_scan

    def fail_once(pair, *rest, **options):
        if pair.name == "train_001":
            raise raised
        return read(pair, *rest, **options)

    monkeypatch.setattr(tasks, "read_labelled_scan", fail_once)
    outcomes = preprocess(find_dataset(source), cache, SYSTEM)
    assert statuses(outcomes) == ["written", "faulty", "written"]
    assert outcomes[1].findings[-1].problem == problem


def test_a_file_that_changes_meanwhile(source: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = tasks.read_labelled_scan

    def read_and_change(pair, *rest, **options):
        scan = read(pair, *rest, **options)
        os.utime(pair.scan, ns=(0, 0))
        return scan

    monkeypatch.setattr(tasks, "read_labelled_scan", read_and_change)
    outcomes = preprocess(find_dataset(source), cache, SYSTEM)
    assert {outcome.findings[-1].problem for outcome in outcomes} == {"changed while it was being read"}


def test_the_cache_of_another_system_is_left_alone(source: Path, cache: Path) -> None:
    fill(source, cache)
    with pytest.raises(UsageError, match="another system"):
        preprocess(find_dataset(source), cache, "vgg13")
    assert TrainingCache.open(cache).system == SYSTEM
    with pytest.raises(UsageError, match="no training arrays"):
        preprocess(find_dataset(source), cache, "nnunet")


def test_checking_alone(source: Path) -> None:
    (source / "TrainingImg" / "train_002_0000.nii.gz").unlink()
    outcomes = check_dataset(find_dataset(source))
    assert [outcome.status for outcome in outcomes] == [
        PreprocessingStatus.SOUND,
        PreprocessingStatus.SOUND,
        PreprocessingStatus.FAULTY,
    ]
    assert outcomes[0].figures is not None
    assert outcomes[0].seconds > 0


def test_processes_change_nothing(source: Path, cache: Path, tmp_path: Path) -> None:
    (source / "TrainingMask" / "train_001.nii.gz").unlink()
    alone = preprocess(find_dataset(source), cache, SYSTEM)
    together = preprocess(find_dataset(source), tmp_path / "other", SYSTEM, work=WorkSettings(jobs=2))
    assert statuses(alone) == statuses(together)
    assert [outcome.findings for outcome in alone] == [outcome.findings for outcome in together]
    assert (cache / "figures.json").read_bytes() == (tmp_path / "other" / "figures.json").read_bytes()
    for path in cache.glob("cases/*/*.npy"):
        assert path.read_bytes() == (tmp_path / "other" / path.relative_to(cache)).read_bytes()


def moved_labels(source: Path) -> Path:
    """The labels of one case, a voxel away from their scan."""
    affine = AFFINE_RAS.copy()
    affine[:3, 3] += 10
    return save(source / "TrainingMask" / "train_001.nii.gz", organ_blobs(), affine)


def test_a_strict_run_takes_nothing_over_from_a_lax_one(source: Path, cache: Path) -> None:
    moved_labels(source)
    assert fill(source, cache, ignore_geometry=True) == ["written"] * 3
    assert fill(source, cache) == ["written", "faulty", "written"]
    assert TrainingCache.open(cache).names == ("train_000", "train_002")
    assert fill(source, cache, ignore_geometry=True) == ["kept"] * 3


def test_other_code_makes_everything_anew(source: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(source, cache)
    monkeypatch.setattr("flarecli.preprocessing.run.code_digest", lambda module: {"code": "other"})
    assert fill(source, cache) == ["written"] * 3
    assert fill(source, cache) == ["kept"] * 3


def test_another_dataset_does_not_replace_cases_of_the_same_name(source: Path, cache: Path, tmp_path: Path) -> None:
    fill(source, cache)
    other = flare_dataset(tmp_path / "other", 1)
    save(other / "TrainingImg" / "train_000_0000.nii.gz", scan_values(7))
    before = modified_ns(cache)
    with pytest.raises(UsageError, match=r"another dataset.*train_000"):
        fill(other, cache)
    assert modified_ns(cache) == before
    assert len(TrainingCache.open(cache).names) == 3
    assert fill(other, cache, overwrite=True) == ["written"]


def test_a_dataset_without_a_common_case_is_another_one(source: Path, cache: Path, tmp_path: Path) -> None:
    fill(source, cache)
    save(tmp_path / "other" / "TrainingImg" / "x_0000.nii.gz", scan_values())
    save(tmp_path / "other" / "TrainingMask" / "x.nii.gz", organ_blobs())
    with pytest.raises(UsageError, match="another dataset"):
        fill(tmp_path / "other", cache)
    assert len(TrainingCache.open(cache).names) == 3


def test_a_dataset_that_was_moved_is_the_same(source: Path, cache: Path, tmp_path: Path) -> None:
    fill(source, cache)
    assert fill(source.rename(tmp_path / "elsewhere"), cache) == ["kept"] * 3


def test_a_run_that_ends_while_it_checks_leaves_a_finished_cache(source: Path, cache: Path) -> None:
    fill(source, cache)
    save(source / "TrainingImg" / "train_001_0000.nii.gz", scan_values(9))

    def interrupt(name: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill(source, cache, work=WorkSettings(advance=interrupt))
    assert len(TrainingCache.open(cache).names) == 3


def test_a_full_disk_ends_the_run_and_the_next_one_goes_on(
    source: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_array = cache_writer._save

    def full(path: Path, array: np.ndarray) -> None:
        if (cache / "cases" / "train_000").exists():
            raise OSError(28, "No space left on device")
        save_array(path, array)

    monkeypatch.setattr(cache_writer, "_save", full)
    with pytest.raises(OutputError, match=r"No space left.*Make room"):
        fill(source, cache)
    monkeypatch.undo()
    assert sorted(path.name for path in (cache / "cases").iterdir()) == ["train_000"]
    assert fill(source, cache) == ["kept", "written", "written"]


def test_a_file_system_without_locks(source: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(cache_writer.fcntl, "flock", refused)
    with pytest.raises(OutputError, match="cannot be locked"):
        fill(source, cache)


def test_a_scan_under_two_names_is_named(source: Path, cache: Path) -> None:
    scans = sorted(source.glob("**/*_0000.nii.gz"))
    copy = nib.load(scans[0])
    nib.Nifti1Image(np.asanyarray(copy.dataobj), copy.affine).to_filename(scans[1])  # other bytes, the same scan
    for outcomes in (check_dataset(find_dataset(source)), preprocess(find_dataset(source), cache, SYSTEM)):
        named = [[finding.problem for finding in outcome.findings] for outcome in outcomes]
        assert any("also that of train_001" in problem for problem in named[0])
        assert any("also that of train_000" in problem for problem in named[1])
        assert not any("also that of" in problem for problem in named[2])
