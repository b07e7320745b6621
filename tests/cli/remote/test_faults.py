"""Servers that fail, refuse or go away."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.remote.commands import ROOT, URL, forget_connections, predict, put_scans
from tests.files.remote.servers import S3, s3_server
from tests.synthetic_ct import write_ct


class TestFaults:
    @pytest.mark.parametrize("action", ["503", "drop"])
    @pytest.mark.parametrize(
        ("method", "contains", "after"), [("PUT", "uploadId=", 1), ("POST", "uploadId=", 0), ("POST", "uploadId=", 2)]
    )
    def test_nothing_appears_where_an_upload_fails(
        self, s3: S3, tmp_path: Path, method: str, contains: str, after: int, action: str
    ) -> None:
        put_scans(s3, tmp_path, 1)
        with s3.fault(method, contains, action, after):
            code, output = predict(f"{URL}/in", f"{URL}/out", "--split")
        assert code == 4, output
        assert "the server answers with an error" in output or "the connection to the server failed" in output
        assert s3.listed("out/") == []
        assert s3.open_uploads() == []
        assert predict(f"{URL}/in", f"{URL}/out", "--split", "--resume")[0] == 0
        assert len(s3.listed("out/")) == 6

    def test_an_earlier_result_is_never_taken_for_the_new_one(self, s3: S3, tmp_path: Path) -> None:
        put_scans(s3, tmp_path, 1)
        assert predict(f"{URL}/in", f"{URL}/out")[0] == 0
        s3.put("in/case0_0000.nii.gz", write_ct(tmp_path / "other.nii.gz", seed=5))
        with s3.fault("POST", "case0.json?uploadId=", "503"):
            assert predict(f"{URL}/in", f"{URL}/out", "--overwrite")[0] == 4
        code, output = predict(f"{URL}/in", f"{URL}/out", "--resume", "--json")
        assert (code, json.loads(output)[0]["status"]) == (0, "done")

    def test_a_server_that_goes_away_fails_the_rest(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with s3_server(tmp_path) as server:
            for name, value in server.environment.items():
                monkeypatch.setenv(name, value)
            forget_connections()
            put_scans(server, tmp_path, 2)
            with server.fault("PUT", "case1", "exit"):
                code, output = predict(f"{URL}/in", f"{URL}/out")
        forget_connections()
        assert code == 4, output
        assert "the connection to the server failed" in output
        assert "case0" in output

    def test_refused_writing_says_what_is_needed(self, s3: S3, tmp_path: Path) -> None:
        scan = write_ct(tmp_path / "a.nii.gz")
        with s3.fault("POST", "uploads", "403"):
            code, output = predict(scan, f"{URL}/out/a.nii.gz")
        assert code == 3
        assert f"{URL}/out/a.json: the server refuses access" in output or f"{URL}/out/a.nii.gz" in output
        assert "credentials that may write there" in output

    def test_a_download_that_breaks_off(self, s3: S3, tmp_path: Path) -> None:
        put_scans(s3, tmp_path, 2)
        with s3.fault("GET", "case0_0000", "truncate"):
            code, output = predict(f"{URL}/in", tmp_path / "out")
        assert code == 4, output
        assert f"{URL}/in/case0_0000.nii.gz: the connection to the server failed" in output
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["case1.json", "case1.nii.gz"]

    def test_no_bucket_and_no_object(self, s3: S3, tmp_path: Path) -> None:
        put_scans(s3, tmp_path, 1)
        assert "does not exist" in predict(f"{URL}/nothing.nii.gz", f"{URL}/out.nii.gz")[1]
        assert "does not exist" in predict("s3://no-such-bucket/in", f"{URL}/out")[1]
        code, output = predict(f"{URL}/in", "s3://no-such-bucket/out")
        assert code == 3
        assert "there is no such bucket" in output

    def test_no_credentials(self, s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        put_scans(s3, tmp_path, 1)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        forget_connections()
        code, output = predict(f"{URL}/in", tmp_path / "out")
        forget_connections()
        assert code == 3
        assert "needs credentials, and none were found" in output
        assert "AWS_ACCESS_KEY_ID" in output

    def test_credentials_are_in_no_output_and_no_record(self, s3: S3, tmp_path: Path) -> None:
        put_scans(s3, tmp_path, 1)
        texts = [predict(f"{URL}/in", f"{URL}/out", "--verbose")[1]]
        with s3.fault("PUT", "uploadId=", "503"):
            texts.append(predict(f"{URL}/in", f"{URL}/out", "--verbose", "--overwrite")[1])
        texts.append(s3.get("out/case0.json").decode())
        for secret in ("TESTKEYOFTHESERVER", "TESTSECRETOFTHESERVER"):
            assert not any(secret in text for text in texts)

    @pytest.mark.parametrize("flush", [1, 3])
    def test_an_interruption_leaves_nothing(
        self, server: S3, s3: S3, tmp_path: Path, temporary: Path, flush: int
    ) -> None:
        put_scans(s3, tmp_path, 3)
        command = [sys.executable, "-m", "tests.interrupted_command", str(int(signal.SIGINT)), str(flush), "predict"]
        done = subprocess.run(
            [*command, f"{URL}/in", f"{URL}/out"],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, **server.environment, "TMPDIR": str(temporary)},
            timeout=60,
        )
        assert done.returncode == 130, done.stderr
        assert "--resume" in done.stderr
        assert list(temporary.iterdir()) == []
        assert s3.open_uploads() == []
        keys = s3.listed("out/")
        assert [key for key in keys if key.endswith(".nii.gz")] == [
            key.replace(".json", ".nii.gz") for key in keys if key.endswith(".json")
        ]
        assert len(keys) < 6
