"""Scans and label maps by https addresses, of a server of the standard library."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.remote.commands import predict, run
from tests.files.remote.servers import HttpServer
from tests.metrics.label_files import blobs, save_labels
from tests.synthetic_ct import write_ct


class TestHttp:
    def test_a_scan_by_its_address(self, files: HttpServer, tmp_path: Path) -> None:
        scan = write_ct(tmp_path / "served" / "a b.nii.gz")
        assert predict(scan, tmp_path / "here.nii.gz")[0] == 0
        code, output = predict(f"{files.address}/a%20b.nii.gz?key=SECRET", tmp_path / "there.nii.gz", "--json")
        assert code == 0, output
        assert (tmp_path / "there.nii.gz").read_bytes() == (tmp_path / "here.nii.gz").read_bytes()
        assert "SECRET" not in output + (tmp_path / "there.json").read_text()
        assert any("SECRET" in line for line in files.seen), "the server needs it"

    @pytest.mark.parametrize(
        ("path", "words"),
        [
            ("missing.nii.gz", "does not exist"),
            ("refused/a.nii.gz", "the server refuses access"),
            ("short/a.nii.gz", "the connection to the server failed"),
        ],
    )
    def test_what_servers_do_wrong(self, files: HttpServer, tmp_path: Path, path: str, words: str) -> None:
        write_ct(tmp_path / "served" / "a.nii.gz")
        code, output = predict(f"{files.address}/{path}?key=SECRET", tmp_path / "out.nii.gz", "--verbose")
        assert code == 3, output
        assert f"{files.address}/{path}: {words}" in output
        assert "SECRET" not in output
        assert not (tmp_path / "out.nii.gz").exists()

    def test_it_is_for_reading(self, files: HttpServer, tmp_path: Path) -> None:
        scan = write_ct(tmp_path / "a.nii.gz")
        code, output = predict(scan, f"{files.address}/out.nii.gz")
        assert code == 2
        assert "for reading only" in output
        assert files.seen == []

    def test_evaluation_by_address(self, files: HttpServer, tmp_path: Path) -> None:
        save_labels(tmp_path / "served" / "gt.nii.gz", blobs())
        save_labels(tmp_path / "pred.nii.gz", blobs(shift=1))
        code, output = run("evaluate", tmp_path / "pred.nii.gz", f"{files.address}/gt.nii.gz", "--json")
        assert code == 0, output
        assert json.loads(output)["cases"][0]["gt"] == f"{files.address}/gt.nii.gz"
