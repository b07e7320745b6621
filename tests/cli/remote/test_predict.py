"""Scans and results of predictions on servers: S3 by a real server (moto's)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flarecli.files.remote import connections
from tests.cli.remote.commands import ROOT, URL, predict, put_scans, run
from tests.dicom.series_writer import write_series
from tests.files.remote.servers import BUCKET, S3, HttpServer
from tests.synthetic_ct import write_ct
from tests.threshold_system import ThresholdSystem


class TestPredict:
    def test_a_prefix_of_scans_gives_what_a_folder_of_scans_does(self, s3: S3, tmp_path: Path) -> None:
        for index in range(2):
            s3.put(f"in/c{index}.nii.gz", write_ct(tmp_path / "in" / f"c{index}.nii.gz", seed=index))
        assert predict(tmp_path / "in", tmp_path / "out", "--statistics", tmp_path / "t.csv")[0] == 0
        code, output = predict(f"{URL}/in", f"{URL}/out", "--statistics", f"{URL}/t.csv", "--report", f"{URL}/r.html")
        assert code == 0, output
        assert s3.listed("out/") == [f"out/c{index}{suffix}" for index in range(2) for suffix in (".json", ".nii.gz")]
        for index in range(2):
            assert s3.get(f"out/c{index}.nii.gz") == (tmp_path / "out" / f"c{index}.nii.gz").read_bytes()
        record, there = (json.loads(s3.get("out/c0.json")), json.loads((tmp_path / "out" / "c0.json").read_text()))
        assert record["scan"] == f"{URL}/in/c0.nii.gz"
        assert record["labels"] == there["labels"]
        assert record["scan_content"].pop("etag")
        assert record["scan_content"] == there["scan_content"]
        assert s3.get("t.csv") == (tmp_path / "t.csv").read_bytes()
        assert b"./out/c0.nii.gz" in s3.get("r.html")
        assert str(tmp_path).encode() not in s3.get("r.html")

    def test_records_of_new_cases_come_first_others_last(self, s3: S3, tmp_path: Path) -> None:
        put_scans(s3, tmp_path, 1)
        before = len(s3.requests())
        assert predict(f"{URL}/in", f"{URL}/out", "--split", "--preview", f"{URL}/out")[0] == 0
        made = [line for line in s3.requests()[before:] if "uploadId=" in line]
        sent = [line.split("?")[0] for line in made if line.startswith("PUT")]
        completed = [line.split("?")[0] for line in made if line.startswith("POST")]
        assert len(sent) == len(completed) == 7
        assert made.index(next(line for line in made if line.startswith("POST"))) == 7, "all is sent before one appears"
        assert completed[0].endswith("case0.json")
        assert completed[-1].endswith("case0.nii.gz")
        before = len(s3.requests())
        assert predict(f"{URL}/in", f"{URL}/out", "--overwrite")[0] == 0
        made = [
            line.split("?")[0] for line in s3.requests()[before:] if "uploadId=" in line and line.startswith("POST")
        ]
        assert [line.rpartition(".")[2] for line in made] == ["gz", "json"]

    def test_what_exists_is_refused_replaced_or_resumed(self, s3: S3, tmp_path: Path) -> None:
        put_scans(s3, tmp_path)
        assert predict(f"{URL}/in", f"{URL}/out")[0] == 0
        code, output = predict(f"{URL}/in", f"{URL}/out")
        assert code == 3
        assert f"{URL}/out/case0.json: exists already" in output
        assert predict(f"{URL}/in", f"{URL}/out", "--overwrite")[0] == 0
        s3.client.delete_object(Bucket=BUCKET, Key="out/case1.nii.gz")  # as where a process dies after the record
        before = len(s3.requests())
        code, output = predict(f"{URL}/in", f"{URL}/out", "--resume", "--json")
        told = {case["case"]: case["status"] for case in json.loads(output)}
        assert (code, told) == (0, {"case0": "skipped", "case1": "done"})
        read = [line for line in s3.requests()[before:] if line.startswith("GET") and "case0_0000" in line]
        assert read == [], "a scan whose tag is known is not read again"
        s3.client.delete_object(Bucket=BUCKET, Key="out/case1.json")
        manual = s3.get("out/case1.nii.gz")
        code, output = predict(f"{URL}/in", f"{URL}/out", "--resume")
        assert code == 3
        assert "belong to no earlier run" in output
        assert s3.get("out/case1.nii.gz") == manual

    def test_a_changed_scan_is_done_anew(self, s3: S3, tmp_path: Path) -> None:
        put_scans(s3, tmp_path, 1)
        assert predict(f"{URL}/in", f"{URL}/out")[0] == 0
        s3.put("in/case0_0000.nii.gz", write_ct(tmp_path / "other.nii.gz", seed=5))
        code, output = predict(f"{URL}/in", f"{URL}/out", "--resume")
        assert code == 0
        assert "redone: the scan has changed" in output

    def test_a_damaged_label_map_is_done_anew(self, s3: S3, tmp_path: Path) -> None:
        put_scans(s3, tmp_path, 1)
        assert predict(f"{URL}/in", f"{URL}/out")[0] == 0
        whole = s3.get("out/case0.nii.gz")
        s3.put("out/case0.nii.gz", whole[:-9])
        assert "the label map is not the one of its record" in predict(f"{URL}/in", f"{URL}/out", "--resume")[1]
        assert s3.get("out/case0.nii.gz") == whole

    def test_a_series_of_slices_is_a_prefix(self, s3: S3, tmp_path: Path) -> None:
        pytest.importorskip("pydicom")
        folder = tmp_path / "series"
        write_series(folder)
        for path in folder.iterdir():
            s3.put(f"study/series/{path.name}", path)
        assert predict(folder, tmp_path / "here.nii.gz")[0] == 0
        code, output = predict(f"{URL}/study/series/", f"{URL}/there.nii.gz")
        assert code == 0, output
        assert s3.get("there.nii.gz") == (tmp_path / "here.nii.gz").read_bytes()
        code, output = predict(f"{URL}/study", f"{URL}/out")
        assert code == 0, output
        assert len(s3.listed("out/")) == 2
        s3.put("list.txt", f"{URL}/study/series".encode())
        assert predict(f"{URL}/listed", "--from", f"{URL}/list.txt")[0] == 0
        assert s3.get("listed/series.nii.gz") == s3.get("there.nii.gz")

    def test_an_archive_of_slices(self, s3: S3, tmp_path: Path) -> None:
        pytest.importorskip("pydicom")
        write_series(tmp_path / "series")
        s3.put("a.zip", Path(shutil.make_archive(str(tmp_path / "a"), "zip", tmp_path / "series")))
        assert predict(tmp_path / "series", tmp_path / "here.nii.gz")[0] == 0
        code, output = predict(f"{URL}/a.zip", f"{URL}/there.nii.gz")
        assert code == 0, output
        assert s3.get("there.nii.gz") == (tmp_path / "here.nii.gz").read_bytes()

    def test_scans_are_removed_here_when_their_case_is_done(
        self, s3: S3, tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put_scans(s3, tmp_path, 6)
        most = 0

        def counted(*arguments: object, **options: object) -> object:
            nonlocal most
            here = [path for path in temporary.rglob("in/*.nii.gz") if path.stat().st_blocks]
            most = max(most, len(here))
            return segment(*arguments, **options)  # type: ignore[arg-type]

        segment = ThresholdSystem.segment
        monkeypatch.setattr(ThresholdSystem, "segment", counted)
        assert predict(f"{URL}/in", f"{URL}/out")[0] == 0
        assert 1 <= most <= 3

    def test_a_process_of_its_own_predicts_within_a_time(self, s3: S3, temporary: Path) -> None:
        s3.put("in/a.nii.gz", ROOT / "examples" / "phantom_ct_0000.nii.gz")
        done = subprocess.run(
            [sys.executable, "-m", "flarecli", "predict", f"{URL}/in", f"{URL}/out", "--timeout", "300"],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(temporary)},
        )
        assert done.returncode == 0, done.stderr
        assert s3.listed("out/") == ["out/a.json", "out/a.nii.gz"]

    def test_a_header_brings_its_voxels(self, s3: S3, tmp_path: Path) -> None:
        SimpleITK = pytest.importorskip("SimpleITK")
        scan = write_ct(tmp_path / "a.nii.gz")
        (tmp_path / "pair").mkdir()
        SimpleITK.WriteImage(SimpleITK.ReadImage(str(scan)), str(tmp_path / "pair" / "a.mhd"))
        for path in (tmp_path / "pair").iterdir():
            s3.put(f"in/{path.name}", path)
        code, output = predict(f"{URL}/in", f"{URL}/out")
        assert code == 0, output
        assert s3.listed("out/") == ["out/a.json", "out/a.mha"]

    def test_lists_name_scans_of_several_places(self, s3: S3, files: HttpServer, tmp_path: Path) -> None:
        put_scans(s3, tmp_path, 1)
        write_ct(tmp_path / "served" / "other.nii.gz", seed=3)
        local = write_ct(tmp_path / "local.nii.gz", seed=4)
        lines = [
            f"{URL}/in/case0_0000.nii.gz",
            f"{files.address}/other.nii.gz?signature=SECRETSIGNATURE",
            json.dumps({"scan": str(local), "name": "mine", "output": f"{URL}/elsewhere/mine.nii.gz"}),
            json.dumps({"scan": f"{URL}/in/case0_0000.nii.gz", "name": "same"}),
            f"{URL}/in/missing.nii.gz",
        ]
        s3.put("list.txt", "\n".join(lines).encode())
        code, output = predict(f"{URL}/out", "--from", f"{URL}/list.txt")
        assert code == 4
        assert f"{URL}/in/missing.nii.gz: does not exist" in output
        names = [f"{name}{suffix}" for name in ("case0", "other", "same") for suffix in (".json", ".nii.gz")]
        assert s3.listed("out/") == [f"out/{name}" for name in names]
        assert s3.listed("elsewhere/") == ["elsewhere/mine.json", "elsewhere/mine.nii.gz"]
        assert s3.get("out/case0.nii.gz") == s3.get("out/same.nii.gz")
        record = s3.get("out/other.json").decode()
        assert json.loads(record)["scan"] == f"{files.address}/other.nii.gz"
        assert "SECRETSIGNATURE" not in record + output

    def test_buckets_are_not_shared(self, s3: S3, tmp_path: Path) -> None:
        put_scans(s3, tmp_path)
        code, output = predict(f"{URL}/in", f"{URL}/out", "--share")
        assert code == 2
        assert "--part 1/4" in output
        assert predict(f"{URL}/in", f"{URL}/out", "--part", "2/2")[0] == 0
        assert s3.listed("out/") == ["out/case1.json", "out/case1.nii.gz"]
        assert predict(f"{URL}/in", tmp_path / "out", "--share")[0] == 0


def test_nothing_is_asked_of_servers_for_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_file_system", lambda scheme: pytest.fail(scheme))
    write_ct(tmp_path / "in" / "a.nii.gz")
    assert predict(tmp_path / "in", tmp_path / "out", "--preview", tmp_path / "out")[0] == 0
    assert predict(tmp_path / "in", tmp_path / "out", "--preview", tmp_path / "out", "--resume")[0] == 0
    assert run("evaluate", tmp_path / "out" / "a.nii.gz", tmp_path / "out" / "a.nii.gz")[0] == 0
