"""The Snakemake workflow of examples/cluster, run as it stands."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cluster.flare_program import ROOT, with_flare
from tests.deadly_system import DEADLY_HU
from tests.synthetic_ct import write_ct
from tests.threshold_system import NO_ORGAN_HU

pytestmark = pytest.mark.skipif(
    shutil.which("snakemake") is None, reason="needs snakemake in the PATH: pip install snakemake, in any environment"
)


def test_parts_and_a_table_although_scans_fail(tmp_path: Path) -> None:
    scans, out = tmp_path / "scans", tmp_path / "out"
    for number in range(4):
        write_ct(scans / f"s{number}.nii.gz", seed=number)
    write_ct(scans / "empty.nii.gz", peak_hu=NO_ORGAN_HU + 500)
    write_ct(scans / "deadly.nii.gz", peak_hu=DEADLY_HU)
    command = ["snakemake", "--cores", "2", "--snakefile", ROOT / "examples/cluster/Snakefile", "--directory", tmp_path]
    command += ["--config", f"scans={scans}", f"organs={out}", "parts=2"]
    environment = {**os.environ, **with_flare(tmp_path / "bin", 0.0), "HOME": str(tmp_path)}
    environment["PYTHONPATH"] = ""  # of flare alone: its packages are not those of Snakemake
    finished = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=600, cwd=tmp_path
    )
    assert finished.returncode == 0, finished.stderr
    with (out / "organs.csv").open() as file:
        names = {next(iter(row.values())) for row in csv.DictReader(file)}
    assert names == {"s0", "s1", "s2", "s3"}
    assert "killed every process" in finished.stderr
    again = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)
    assert "Nothing to be done" in again.stdout + again.stderr
