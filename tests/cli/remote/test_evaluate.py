"""Evaluation of label maps on servers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.remote.commands import URL, run
from tests.files.remote.servers import S3
from tests.metrics.label_files import blobs, save_labels


class TestEvaluate:
    @pytest.mark.parametrize("jobs", [1, 2])
    def test_two_prefixes(self, s3: S3, tmp_path: Path, jobs: int) -> None:
        for number in range(3):
            s3.put(f"pred/c{number}.nii.gz", save_labels(tmp_path / f"p{number}.nii.gz", blobs(shift=number)))
            s3.put(f"gt/c{number}.nii.gz", save_labels(tmp_path / f"g{number}.nii.gz", blobs()))
        s3.put("pred/c2.nii.gz", s3.get("pred/c2.nii.gz")[:60])
        code, output = run("evaluate", f"{URL}/pred", f"{URL}/gt", "--jobs", jobs, "--csv", f"{URL}/scores.csv")
        assert code == 4, output
        assert "3 cases, 1 failure" in output
        assert f"{URL}/pred/c2.nii.gz" in output
        rows = s3.get("scores.csv").decode().splitlines()
        assert [row.split(",")[0] for row in rows[1:]] == ["c0.nii.gz", "c1.nii.gz", "c2.nii.gz"]
        code, output = run("evaluate", f"{URL}/pred/c[01].nii.gz", f"{URL}/gt/c1*", "--json", "--jobs", 1)
        assert [case["pred"] for case in json.loads(output)["cases"]] == [f"{URL}/pred/c1.nii.gz"]
