"""Scans and results in buckets of Google Cloud Storage."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.remote.commands import forget_connections, predict
from tests.files.remote.servers import google_server
from tests.synthetic_ct import write_ct


class TestGoogle:
    """Against an emulator, whose uploads are those of the JSON interface."""

    def test_scans_and_results(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with google_server(tmp_path) as server:
            for name, value in server.environment.items():
                monkeypatch.setenv(name, value)
            forget_connections()
            scan = write_ct(tmp_path / "a.nii.gz")
            server.put("in/a.nii.gz", scan.read_bytes())
            code, output = predict("gs://scans/in", "gs://scans/out", "--preview", "gs://scans/out")
            assert code == 0, output
            assert server.listed() == ["in/a.nii.gz", "out/a.json", "out/a.nii.gz", "out/a.png"]
            assert predict(scan, tmp_path / "here.nii.gz")[0] == 0
            code, output = predict("gs://scans/in", "gs://scans/out", "--preview", "gs://scans/out", "--resume")
            assert (code, "skipped" in output) == (0, True), output
            assert "there is no such bucket" in predict(scan, "gs://other/out/a.nii.gz")[1]
            assert "does not exist" in predict("gs://scans/in/b.nii.gz", tmp_path / "b.nii.gz")[1]
        forget_connections()
