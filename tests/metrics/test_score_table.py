"""Score tables survive the way through a file, and files of the challenge are read."""

from __future__ import annotations

import contextlib
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flarecli.errors import InputError, OutputError
from flarecli.metrics.case import CaseEvaluation, EvaluationStatus
from flarecli.metrics.comparison import compare
from flarecli.metrics.efficiency_table import read_efficiency_table
from flarecli.metrics.evaluation import Evaluation
from flarecli.metrics.organ_scores import EvaluationSettings
from flarecli.metrics.pairing import CasePair
from flarecli.metrics.protocol import FLARE21, FLARE22, Metric, Protocol, nsd_name
from flarecli.metrics.ranking import Entrant, rank_systems
from flarecli.metrics.score_table import ScoreTable, read_score_table, write_score_table
from tests.shared_data import shared_path

_THIRD = 1 / 3


def _evaluation(protocol: Protocol = FLARE21, *, literal: bool = False) -> Evaluation:
    organs = len(protocol.organs)
    scores = {
        Metric.DSC: (_THIRD,) * organs,
        Metric.NSD: tuple(np.linspace(0, 1, organs).tolist()),
        Metric.HD95: (math.inf,) * organs,
        Metric.VOLUME: (math.nan,) * organs,
    }
    failed = InputError("is broken", remedy="Mend it.")
    cases = (
        CaseEvaluation(CasePair("a.nii.gz", None, None), EvaluationStatus.SCORED, scores),
        CaseEvaluation(CasePair("b.nii.gz", None, None), EvaluationStatus.FAILED, {}, error=failed),
    )
    return Evaluation(EvaluationSettings(protocol, tuple(scores), literal=literal), cases)


@pytest.mark.parametrize("protocol", [FLARE21, FLARE22, FLARE21.with_tolerances({1: 2.5, 2: 2.5, 3: 2.5, 4: 2.5})])
def test_what_is_written_is_read(tmp_path: Path, protocol: Protocol) -> None:
    write_score_table(tmp_path / "scores.csv", _evaluation(protocol))
    table = read_score_table(tmp_path / "scores.csv")
    assert table.name == "scores"
    assert table.cases == ("a", "b")
    dsc = next(iter(table.scores["DSC"].values()))
    assert dsc[0] == _THIRD
    assert math.isnan(dsc[1])
    nsd = table.scores[table.metric_named("NSD")]
    assert [values[0] for values in nsd.values()] == np.linspace(0, 1, len(protocol.organs)).tolist()


def test_columns_are_the_challenges(tmp_path: Path) -> None:
    write_score_table(tmp_path / "a.csv", _evaluation(FLARE21.with_tolerances({3: 2.5})))
    header, row, failed = (tmp_path / "a.csv").read_text().splitlines()
    assert header.startswith("Name,DSC_1,NSD-1mm_1,HD95-mm_1,VolumeDifference-mL_1,DSC_2")
    assert "NSD-2.5mm_3" in header
    assert header.endswith(",Status")
    assert row.startswith(f"a.nii.gz,{_THIRD!r},0.0,inf,,")
    assert failed == "b.nii.gz" + "," * 17 + "failed"
    write_score_table(tmp_path / "b.csv", _evaluation(FLARE22, literal=True))
    header = (tmp_path / "b.csv").read_text().splitlines()[0]
    assert header.startswith("Name,Liver_DSC,RK_DSC")
    assert "Status" not in header


@pytest.mark.parametrize("name", ["expected.csv", "expected_canonical.csv", "expected_flare22.csv"])
def test_tables_of_the_challenge_are_read(name: str) -> None:
    table = read_score_table(shared_path(f"fixtures/evaluate/{name}"))
    assert len(table.cases) == 21
    assert table.cases[0] == "case_001"
    assert len(table.scores["DSC"]) == (13 if "flare22" in name else 4)
    assert table.mean_over_organs("DSC")["case_009"] == 1


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "holds no rows"),
        ("Name,DSC_1\n", "holds no rows"),
        ("Case,DSC_1\na,1\n", "not a score table"),
        ("Name,Sex\na,f\n", "not a score table"),
        ("Name,DSC_1\na,good\n", "other than numbers"),
        ("Name,DSC_1\na,1,2\n", "another number of cells"),
        ("Name,DSC_1,DSC_2\na,1\n", "another number of cells"),
        ("Name,DSC_1\na.nii.gz,1\na_0000.nii.gz,1\n", "names a case twice"),
    ],
)
def test_refuses_other_tables(tmp_path: Path, content: str, problem: str) -> None:
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(InputError, match=problem):
        read_score_table(tmp_path / "a.csv")


def test_refuses_what_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\x1f\x8b\xff\xfe")
    with pytest.raises(InputError, match="cannot be read as a table"):
        read_score_table(tmp_path / "a.csv")


def test_several_tolerances_have_no_common_nsd(tmp_path: Path) -> None:
    write_score_table(tmp_path / "a.csv", _evaluation(FLARE21.with_tolerances({3: 2.5})))
    with pytest.raises(InputError, match="no single NSD"):
        read_score_table(tmp_path / "a.csv").metric_named("NSD")


_CELLS = st.sampled_from(["Name", "DSC_1", "NSD-1mm_1", "Liver_DSC", "a", "b", "0.5", "", "inf", "-1", "nan", "1e400"])
_ROWS = st.lists(st.lists(_CELLS | st.text(max_size=5), max_size=4), max_size=5)
_TABLES = _ROWS.map(lambda rows: "\n".join(",".join(row) for row in rows).encode("utf-8", "replace")) | st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["0.5", "1", "", "inf", "-inf"]), st.just("0.25")), max_size=4
).map(lambda rows: ("Name,DSC_1,NSD-1mm_1\n" + "\n".join(",".join(row) for row in rows)).encode())


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=_TABLES | st.binary(max_size=100))
def test_any_table_is_read_compared_and_ranked_or_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    for read in (read_score_table, read_efficiency_table):
        try:
            table = read(tmp_path / "a.csv")
        except InputError:
            continue
        if isinstance(table, ScoreTable):
            assert all(len(values) == len(table.cases) for by in table.scores.values() for values in by.values())
            compare(table, table, resamples=100)
            with contextlib.suppress(InputError):
                rank_systems([Entrant(table), Entrant(replace(table, name="other"))], resamples=2)


@pytest.mark.parametrize(
    ("tolerance_mm", "name"),
    [
        (1.0, "NSD-1mm"),
        (0.5, "NSD-0.5mm"),
        (2.5, "NSD-2.5mm"),
        (0.0, "NSD-0mm"),
        (10.0, "NSD-10mm"),
        (1e-5, "NSD-0.00001mm"),
        (1e6, "NSD-1000000mm"),
        (1.0000001, "NSD-1.0000001mm"),
        (1234567.5, "NSD-1234567.5mm"),
    ],
)
def test_tolerances_are_written_exactly(tmp_path: Path, tolerance_mm: float, name: str) -> None:
    protocol = FLARE21.with_tolerances({organ.label: tolerance_mm for organ in FLARE21.organs})
    write_score_table(tmp_path / "scores.csv", _evaluation(protocol))
    table = read_score_table(tmp_path / "scores.csv")
    assert table.metric_named("NSD") == name
    assert list(table.scores[name]) == ["1", "2", "3", "4"]


@given(st.floats(min_value=0, max_value=1e9))
def test_no_two_tolerances_have_one_name(tolerance_mm: float) -> None:
    name = nsd_name(tolerance_mm)
    assert "e" not in name
    assert float(name.removeprefix("NSD-").removesuffix("mm")) == tolerance_mm


def test_tables_of_former_versions_are_compared_with_new_ones(tmp_path: Path) -> None:
    for name, column in (("old", "NSD-1e-05mm_1"), ("new", "NSD-0.00001mm_1"), ("large", "NSD-1e+06mm_1")):
        (tmp_path / f"{name}.csv").write_text(f"Name,{column}\na,0.5\nb,0.7\n")
    old, new, large = (read_score_table(tmp_path / f"{name}.csv") for name in ("old", "new", "large"))
    assert old.scores.keys() == new.scores.keys() == {"NSD-0.00001mm"}
    assert large.scores.keys() == {"NSD-1000000mm"}
    (tmp_path / "both.csv").write_text("Name,NSD-1e-05mm_1,NSD-0.00001mm_1\na,0.5,0.6\n")
    with pytest.raises(InputError, match="two columns of one score"):
        read_score_table(tmp_path / "both.csv")


@pytest.mark.parametrize("column", ["NSD-1mm", "NSD-onemm_1", "NSD-.mm_1", "DSC", "HD95_1", "left kidney_DSC", "DSC-1"])
def test_columns_that_look_like_scores_are_not_left_out(tmp_path: Path, column: str) -> None:
    (tmp_path / "scores.csv").write_text(f"Name,DSC_1,{column}\na,0.5,0.5\n")
    with pytest.raises(InputError, match="looks like a score") as caught:
        read_score_table(tmp_path / "scores.csv")
    assert caught.value.seen == column


def test_other_columns_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_text("Name,DSC_1,Status,time,Remark\na,0.5,scored,3,x\n")
    assert read_score_table(tmp_path / "scores.csv").scores.keys() == {"DSC"}


def test_a_table_that_appears_meanwhile_stays(tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        write_score_table(tmp_path / "scores.csv", _evaluation(), replaces=False)
    assert (tmp_path / "scores.csv").read_text() == "mine"
