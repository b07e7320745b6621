"""Lists of scans, and their parts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flarecli.errors import FlareError, UsageError
from flarecli.prediction.case_lists import read_case_list
from flarecli.prediction.long_lists.part import Part, parsed_part


def array(index: int, first: int, last: int, count: int, step: int = 1) -> dict[str, str]:
    values = {"ID": index, "MIN": first, "MAX": last, "COUNT": count, "STEP": step}
    return {f"SLURM_ARRAY_TASK_{name}": str(value) for name, value in values.items()}


def test_parts_hold_everything_once() -> None:
    items = list(range(23))
    parts = [Part(number, 5).of(items) for number in range(1, 6)]
    assert sorted(item for part in parts for item in part) == items


@pytest.mark.parametrize(
    ("environment", "part"),
    [
        (array(0, 0, 7, 8), Part(1, 8)),
        (array(8, 1, 8, 8), Part(8, 8)),
        (array(5, 1, 9, 5, step=2), Part(3, 5)),
    ],
)
def test_parts_of_arrays(environment: dict[str, str], part: Part) -> None:
    assert parsed_part("auto", environment) == part


@pytest.mark.parametrize(
    ("text", "environment"),
    [
        *((text, {}) for text in ("", "0/3", "4/3", "1/0", "1", "a/b", "-1/3", "1/3/3", "auto")),
        ("auto", array(7, 3, 7, 2)),
        ("auto", {**array(1, 1, 2, 2), "SLURM_ARRAY_TASK_COUNT": "x"}),
    ],
)
def test_no_parts(text: str, environment: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        parsed_part(text, environment)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n \n",
        "a/ct.nii.gz\nb/ct.nii.gz",
        "{",
        "{}",
        '{"scan": 1}',
        '{"scan": "a", "nam": "b"}',
        '{"scan": "a", "name": "../b"}',
        '{"scan": "a", "name": ""}',
    ],
)
def test_wrong_lists(tmp_path: Path, text: str) -> None:
    listed = tmp_path / "list"
    listed.write_text(text)
    with pytest.raises(FlareError):
        read_case_list(str(listed), tmp_path / "out")


def test_names_of_listed_scans(tmp_path: Path) -> None:
    listed = tmp_path / "list"
    listed.write_text(f"/data/x_0000.nii.gz\r\n/data/series/\n{json.dumps({'scan': '/data/y.nhdr', 'name': 'z'})}\n")
    cases = read_case_list(str(listed), Path("out"))
    assert [str(case.labels) for case in cases] == ["out/x.nii.gz", "out/series.nii.gz", "out/z.nrrd"]
    assert [case.name for case in cases[1:]] == ["series", "z"]
