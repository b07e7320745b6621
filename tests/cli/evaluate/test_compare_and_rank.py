"""`flare evaluate compare` and `rank`: what they print and refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.evaluate.commands import evaluate
from tests.metrics.label_files import blobs, save_labels


def test_compare_and_rank(folder: Path) -> None:
    for name, shift in (("good", 0), ("poor", 1)):
        for number in range(3):
            save_labels(folder / name / f"case_{number}.nii.gz", blobs(shift=shift + number % 2))
        assert evaluate(folder / name, folder / "gt", "--jobs", 1, "--csv", folder / f"{name}.csv")[0] == 0
        rows = "".join(f"case_{number},{1 + shift},{1000 + shift}\n" for number in range(3))
        (folder / f"{name}_Efficiency.csv").write_text(f"name,time,gpu_memory\n{rows}")
    good, poor = folder / "good.csv", folder / "poor.csv"

    code, out, _ = evaluate("compare", poor, good)
    assert code == 0
    assert "good minus poor" in out
    assert "3/0/0" in out
    code, out, _ = evaluate("compare", poor, good, "--json")
    (comparison,) = json.loads(out)["comparisons"]
    assert comparison["differences"][0]["mean"] == pytest.approx(0.25)

    profiles = [folder / f"{name}_Efficiency.csv" for name in ("poor", "good")]
    code, out, _ = evaluate("rank", poor, good, "--profile", profiles[0], "--profile", profiles[1], "--json")
    assert code == 0
    ranking = json.loads(out)
    assert [standing["name"] for standing in ranking["standings"]] == ["good", "poor"]
    assert ranking["criteria"] == ["DSC", "NSD-1mm", "time_s", "gpu_memory_mb"]
    code, out, _ = evaluate("rank", poor, good)
    assert code == 0
    assert "ranked by DSC, NSD-1mm" in out


def test_compare_and_rank_refuse_with_words(folder: Path) -> None:
    table = folder / "a.csv"
    table.write_text("Name,DSC_1,NSD-1mm_1\na,1,1\n")
    assert evaluate("compare", table)[0] == 2
    assert evaluate("compare", table, table)[0] == 2
    assert evaluate("compare", table, folder / "absent.csv")[0] == 3
    assert evaluate("rank", table)[0] == 3
    code, _, err = evaluate("rank", table, folder / "b.csv", "--profile", table)
    assert code == 2
    assert "once for each score table" in err


def test_rank_says_which_cases_have_no_score_or_no_time(folder: Path) -> None:
    tables = [folder / name for name in ("a.csv", "b.csv", "a_eff.csv", "b_eff.csv")]
    tables[0].write_text("Name,DSC_1,NSD-1mm_1\n'-x,0.9,0.9\ny,0.8,0.8\nz,0.8,0.8\n")
    tables[1].write_text("Name,DSC_1,NSD-1mm_1\n'-x,0.9,0.9\ny,0.8,0.8\n")
    tables[2].write_text("Name,time,gpu_memory\n'-x,2,10\ny,2,10\nz,2,10\n")
    tables[3].write_text("Name,time,gpu_memory\n'-x,1,10\nz,1,10\n")
    asked = ("rank", *tables[:2], "--profile", tables[2], "--profile", tables[3])
    code, _, err = evaluate(*asked)
    assert code == 0
    assert "b has no DSC and NSD-1mm for z: the worst" in err
    assert "b has no time_s and gpu_memory_mb for y: the worst" in err
    ranking = json.loads(evaluate(*asked, "--json")[1])
    assert ranking["incomplete"] == {"b": ["y", "z"]}
    assert ranking["missing"]["b"] == {"DSC": ["z"], "NSD-1mm": ["z"], "time_s": ["y"], "gpu_memory_mb": ["y"]}
    tables[3].write_text("Name,time,gpu_memory\nother,0.1,10\n")
    code, _, err = evaluate(*asked)
    assert code == 3
    assert "efficiency table of b is of other cases" in err


def test_tables_of_one_name_are_told_apart_by_their_folders(folder: Path) -> None:
    for name in ("one", "two"):
        (folder / name).mkdir()
        (folder / name / "scores.csv").write_text("Name,DSC_1,NSD-1mm_1\na,1,1\nb,0.5,0.5\n")
    _, out, _ = evaluate("rank", folder / "one" / "scores.csv", folder / "two" / "scores.csv", "--json")
    assert [standing["name"] for standing in json.loads(out)["standings"]] == ["one/scores", "two/scores"]
