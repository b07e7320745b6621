"""Preprocessing of datasets on servers."""

from __future__ import annotations

from pathlib import Path

from tests.cli.remote.commands import URL, run
from tests.datasets.labelled_files import flare_dataset
from tests.files.remote.servers import S3


class TestPreprocess:
    def test_a_dataset_by_its_prefix(self, s3: S3, tmp_path: Path) -> None:
        dataset = flare_dataset(tmp_path / "set", 2)
        for path in dataset.rglob("*.nii.gz"):
            s3.put(f"set/{path.relative_to(dataset)}", path)
        code, output = run("preprocess", f"{URL}/set", tmp_path / "cache", "--jobs", 1)
        assert code == 0, output
        assert "2 cases (FLARE): 2 written" in output
        assert run("preprocess", dataset, tmp_path / "here", "--jobs", 1)[0] == 0
        arrays = sorted(path.relative_to(tmp_path / "here") for path in (tmp_path / "here").rglob("*.npy"))
        assert arrays
        for path in arrays:
            assert (tmp_path / "cache" / path).read_bytes() == (tmp_path / "here" / path).read_bytes()
        before = len(s3.requests())
        assert "2 kept" in run("preprocess", f"{URL}/set", tmp_path / "cache", "--jobs", 1)[1]
        assert not any("GET" in line and ".nii.gz" in line for line in s3.requests()[before:]), "nothing was read again"

    def test_a_table_with_addresses(self, s3: S3, tmp_path: Path) -> None:
        dataset = flare_dataset(tmp_path / "set", 1)
        scan, labels = sorted(dataset.rglob("*.nii.gz"))
        s3.put("a.nii.gz", scan)
        (tmp_path / "pairs.csv").write_text(f"scan,labels\n{URL}/a.nii.gz,{labels}\n")
        code, output = run("preprocess", tmp_path / "pairs.csv", tmp_path / "cache", "--jobs", 1)
        assert code == 0, output
        assert "1 written" in output

    def test_the_cache_is_local(self, s3: S3, tmp_path: Path) -> None:
        dataset = flare_dataset(tmp_path / "set", 1)
        code, output = run("preprocess", dataset, f"{URL}/cache")
        assert code == 2
        assert "a cache cannot lie on a server" in output
