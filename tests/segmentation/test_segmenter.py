"""`Segmenter`: its arguments, and which content of a file its results belong to."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

import flarecli
from flarecli.errors import InputError, UsageError
from flarecli.prediction.predictor import Predictor
from flarecli.segmentation import source as source_module
from tests.synthetic_ct import write_ct

pytestmark = [pytest.mark.any_backend, pytest.mark.usefixtures("threshold_system")]


@pytest.mark.parametrize("wrap", [lambda path: path, lambda path: [path], lambda path: [path, str(path)]])
def test_weights_may_be_paths(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wrap: Any) -> None:
    asked: list[tuple[str, ...]] = []

    def resolved(system: str, networks: list[str], choices: tuple[str, ...]) -> dict[str, Path]:
        asked.append(choices)
        return {}

    monkeypatch.setattr("flarecli.weights.selection.resolve_weights", resolved)
    flarecli.Segmenter("threshold", weights=wrap(tmp_path / "mine")).close()
    (choices,) = asked
    assert set(choices) == {str(tmp_path / "mine")}
    assert all(type(choice) is str for choice in choices)


@pytest.mark.parametrize("weights", [None, 7, [7], [None], b"starter", {"locate": "mine"}])
def test_what_are_no_weights(weights: Any) -> None:
    with pytest.raises(UsageError, match="weights must be a list of strings or paths"):
        flarecli.Segmenter("threshold", weights=weights)


def test_a_result_belongs_to_the_content_that_was_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is replaced while the networks run."""
    scan = write_ct(tmp_path / "scan.nii.gz")
    read = hashlib.sha256(scan.read_bytes()).hexdigest()
    segment = Predictor.segment

    def replaced(self: Predictor, *arguments: Any) -> Any:
        scan.write_bytes(b"another scan")
        return segment(self, *arguments)

    monkeypatch.setattr(Predictor, "segment", replaced)
    assert flarecli.segment(scan).record["scan_content"]["sha256"] == read


def test_a_scan_that_is_removed_after_reading_gives_its_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = write_ct(tmp_path / "scan.nii.gz")
    size = scan.stat().st_size
    segment = Predictor.segment

    def removed(self: Predictor, *arguments: Any) -> Any:
        scan.unlink()
        return segment(self, *arguments)

    monkeypatch.setattr(Predictor, "segment", removed)
    result = flarecli.segment(scan)
    assert result.labels.any()
    assert result.record["scan_content"]["bytes"] == size


def test_a_scan_that_is_replaced_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = write_ct(tmp_path / "scan.nii.gz")
    read_volume = source_module.read_volume

    def replaced(path: Path) -> Any:
        volume = read_volume(path)
        write_ct(tmp_path / "new.nii.gz").replace(scan)
        return volume

    monkeypatch.setattr(source_module, "read_volume", replaced)
    with pytest.raises(InputError, match="changed while it was read"):
        flarecli.segment(scan)


@pytest.mark.parametrize("name", ["no.nii.gz", "no\0.nii.gz"])
def test_a_scan_that_is_not_there(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError):
        flarecli.segment(tmp_path / name)
