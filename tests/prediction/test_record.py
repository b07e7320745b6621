"""Records: what a run writes, a later one understands; anything else is not a record, and never more than that."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flarecli.cli.rendering.predict_tables import print_outcomes
from flarecli.files.atomic import write_json
from flarecli.measures.statistics import OrganStatistics
from flarecli.prediction.batch import predict_cases
from flarecli.prediction.case_result import CaseResult
from flarecli.prediction.cases import Case, find_cases
from flarecli.prediction.output_options import OutputOptions
from flarecli.prediction.predictor import Predictor
from flarecli.prediction.record import UnusableRecordError, is_foreign_json, is_record_of, read_record
from flarecli.prediction.scan_content import content_of
from tests.synthetic_ct import write_ct
from tests.threshold_system import ThresholdSystem

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda parts: st.lists(parts, max_size=4) | st.dictionaries(st.text(), parts, max_size=4),
    max_leaves=12,
)
MANY = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> CaseResult:
    folder = tmp_path_factory.mktemp("made")
    scan = write_ct(folder / "scan.nii.gz")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flarecli.weights.selection.system_named", lambda name: ThresholdSystem())
        extras = OutputOptions(split=True, preview=lambda case: folder / "p.png")
        (outcome,) = predict_cases(Predictor("threshold"), find_cases(scan, folder / "o.nii.gz"), extras=extras)
    return outcome


def test_a_record_says_what_was_asked_and_read(made: CaseResult) -> None:
    record = read_record(made.case.record)
    assert record == made.record
    assert record["scan_content"] == content_of(made.case.scan).as_dict()
    assert record["asked"]["region"] == "auto"
    assert record["asked"]["precision"] == "auto"
    masks = [f"{organ}_mask" for organ in ("kidneys", "liver", "pancreas", "spleen")]
    assert sorted(record["files"]) == [*masks[:3], "preview", masks[3]]
    assert record["files"]["preview"]["file"] == "p.png"
    assert is_record_of(made.case.record, made.case.labels)
    assert not is_record_of(made.case.record, made.case.labels.with_name("other.nii.gz"))
    assert not is_foreign_json(made.case.record)


def test_a_record_judges_organs_of_a_system_without_probabilities(made: CaseResult) -> None:
    confidence = read_record(made.case.record)["confidence"]
    assert set(confidence) == {"liver", "kidneys", "spleen", "pancreas"}
    assert {name: judged["verdict"] for name, judged in confidence.items()} == dict.fromkeys(confidence, "failed")
    assert confidence["kidneys"]["reasons"] == ["not found"]
    for judged in confidence.values():
        assert judged["evidence"] == ["anatomy"]
        assert judged["estimated_dsc"] is None
        assert judged["expected_dsc"] is None
    assert confidence["liver"]["shapes"]["liver"]["roughness"] > 1


def shown(record: dict[str, Any], case: Case) -> None:
    """All that a later run does with a record that it takes for sound."""
    organs = tuple(OrganStatistics.from_dict(facts) for facts in record["organs"].values())
    print_outcomes([CaseResult(case, "skipped", record, organs)], verbose=True)


def read_and_show(content: bytes, path: Path, case: Case) -> bool:
    """Whether it is a record; where it is, it can be shown."""
    path.write_bytes(content)
    is_foreign_json(path)
    is_record_of(path, case.labels)
    try:
        record = read_record(path)
    except UnusableRecordError:
        return False
    shown(record, case)
    return True


@MANY
@given(JSON)
def test_any_json(made: CaseResult, tmp_path: Path, content: Any) -> None:
    assert not read_and_show(json.dumps(content).encode(), tmp_path / "r.json", made.case)


@MANY
@given(st.binary(max_size=200))
def test_any_bytes(made: CaseResult, tmp_path: Path, content: bytes) -> None:
    assert not read_and_show(content, tmp_path / "r.json", made.case)


def places(content: Any) -> Iterator[tuple[Any, Any]]:
    """Every part of a JSON value, as the object or list that it is in and its key or index."""
    keys = content.keys() if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else ()
    for key in keys:
        yield content, key
        yield from places(content[key])


@MANY
@given(data=st.data())
def test_a_record_with_another_part(made: CaseResult, tmp_path: Path, data: st.DataObject) -> None:
    record = copy.deepcopy(dict(made.record or {}))
    within, key = data.draw(st.sampled_from(list(places(record))))
    if data.draw(st.booleans()):
        within[key] = data.draw(JSON)
    else:
        del within[key]
    read_and_show(json.dumps(record).encode(), tmp_path / "r.json", made.case)


@MANY
@given(cut=st.integers(0, 6000))
def test_a_record_that_is_cut_short(made: CaseResult, tmp_path: Path, cut: int) -> None:
    content = made.case.record.read_bytes()
    assert read_and_show(content[:cut], tmp_path / "r.json", made.case) == (cut >= len(content.rstrip()))


def test_files_that_are_no_record(made: CaseResult, tmp_path: Path) -> None:
    with pytest.raises(UnusableRecordError, match="missing"):
        read_record(tmp_path / "missing.json")
    with pytest.raises(UnusableRecordError, match="damaged"):
        read_record(tmp_path)
    (tmp_path / "large.json").write_bytes(b" " * (1 << 22) + made.case.record.read_bytes())
    with pytest.raises(UnusableRecordError, match="damaged"):
        read_record(tmp_path / "large.json")
    for content in ({"Modality": "CT"}, [{"landmark": "T12"}], "text", 1):
        write_json(tmp_path / "sidecar.json", content)
        assert is_foreign_json(tmp_path / "sidecar.json")
        assert not is_record_of(tmp_path / "sidecar.json", made.case.labels)


def test_damaged_and_old_records_are_of_their_label_map(made: CaseResult, tmp_path: Path) -> None:
    content = made.case.record.read_bytes()
    path = tmp_path / "r.json"
    for part in (content[:40], content[:-9], content + b"\xff", content + b" " * (1 << 22)):
        path.write_bytes(part)
        assert is_record_of(path, made.case.labels)
    for old in ({"record_version": 1}, {"labels": {"file": "o.nii.gz"}}, {"record_version": 9, "labels": []}):
        write_json(path, old)
        assert is_record_of(path, made.case.labels)
    for part in (b"", b"{", b"\0" * 900, b'{"record": 1'):
        path.write_bytes(part)
        assert not is_record_of(path, made.case.labels)
    assert not is_record_of(tmp_path, made.case.labels)
