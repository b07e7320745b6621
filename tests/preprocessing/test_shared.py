"""A cache that several processes fill: what is faulty is recorded where the files are the reason only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flarecli.datasets import checks
from flarecli.datasets.findings import Finding, Severity
from flarecli.datasets.organ_values import FLARE_VALUES
from flarecli.datasets.pairs import LabelledPair
from flarecli.errors import InputError
from flarecli.preprocessing import tasks
from flarecli.preprocessing.outcomes import PreprocessingStatus
from flarecli.preprocessing.shared import FAULTY_FOLDER, SharedCache
from flarecli.preprocessing.sources import KeyFacts
from flarecli.preprocessing.tasks import CheckTask
from tests.datasets.labelled_files import flare_dataset


def shared_cache(cache: Path) -> SharedCache:
    def unused(*_: Any) -> Any:
        raise AssertionError

    facts = KeyFacts(values=FLARE_VALUES, settings={}, code={})
    return SharedCache(cache, CheckTask(FLARE_VALUES, ignore_geometry=False), unused, facts, unused)


def pair_of(folder: Path, name: str = "train_000") -> LabelledPair:
    flare_dataset(folder, 1)
    scan, labels = folder / "TrainingImg" / "train_000_0000.nii.gz", folder / "TrainingMask" / "train_000.nii.gz"
    return LabelledPair(name, scan, labels)


def faults(cache: Path, pair: LabelledPair) -> int:
    """How many records of faults there are, after the case was found faulty."""
    ((_, outcome),) = shared_cache(cache).outcomes((pair,))
    assert outcome.status is PreprocessingStatus.FAULTY
    folder = cache / FAULTY_FOLDER
    return len(list(folder.iterdir())) if folder.exists() else 0


@pytest.mark.parametrize("module", [checks, tasks], ids=["while reading", "in the midst of the check"])
@pytest.mark.parametrize("refusal", [MemoryError(), OSError(116, "Stale file handle")])
def test_what_a_host_refuses_is_not_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: Any, refusal: Exception
) -> None:
    pair = pair_of(tmp_path / "set")

    def refused(*_: object, **__: object) -> None:
        raise refusal

    monkeypatch.setattr(module, "read_scan" if module is checks else "check_pair", refused)
    assert faults(tmp_path / "cache", pair) == 0


def test_a_file_that_is_not_there_is_not_recorded(tmp_path: Path) -> None:
    pair = pair_of(tmp_path / "set")
    assert pair.scan is not None
    pair.scan.unlink()
    assert faults(tmp_path / "cache", pair) == 0


@pytest.mark.parametrize("length", [9, 250, 255])
def test_faulty_files_are_recorded_whatever_the_length_of_the_name(tmp_path: Path, length: int) -> None:
    pair = pair_of(tmp_path / "set", "a" * length)
    assert pair.scan is not None
    pair.scan.write_bytes(b"no image")
    assert faults(tmp_path / "cache", pair) == 1


def test_whose_fault_it_is_is_no_part_of_a_finding_for_programs() -> None:
    error = InputError("is damaged", path=Path("a"), remedy="x")
    found = Finding.of_error("files", error)
    assert (found.is_of_host, found.severity) == (False, Severity.FAULT)
    assert "is_of_host" not in found.as_dict()
    assert Finding.from_dict(found.as_dict()) == found
