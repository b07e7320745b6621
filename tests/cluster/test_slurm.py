"""SLURM of Debian's packages on this machine: the recipes of examples/cluster as jobs."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.flare_program import ROOT, with_flare
from tests.synthetic_ct import write_ct

pytest.importorskip("dask_jobqueue", reason="needs the extra 'cluster'")

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "sinfo")
SCANS = 4

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.getuid() != 0 or any(shutil.which(program) is None for program in PROGRAMS),
        reason="needs root and Debian's packages munge, slurmctld, slurmd and slurm-client",
    ),
]


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment in which sbatch reaches a SLURM of this machine, which listens on 127.0.0.1 only."""
    folder = tmp_path_factory.mktemp("slurm")
    folder.chmod(0o755)
    for name in ("state", "spool"):
        (folder / name).mkdir()
    host = socket.gethostname().partition(".")[0]
    munge = folder / "munge"
    munge.mkdir()
    key = munge / "key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    settings = {
        "ClusterName": "flare",
        "SlurmctldHost": f"{host}(127.0.0.1)",
        "SlurmUser": "root",
        "AuthType": "auth/munge",
        "AuthInfo": f"socket={munge}/socket",
        "StateSaveLocation": folder / "state",
        "SlurmdSpoolDir": folder / "spool",
        "SlurmctldPidFile": folder / "slurmctld.pid",
        "SlurmdPidFile": folder / "slurmd.pid",
        "SlurmctldPort": free_port(),
        "SlurmdPort": free_port(),
        "ProctrackType": "proctrack/linuxproc",
        "TaskPlugin": "task/none",
        "SelectType": "select/cons_tres",
        "SelectTypeParameters": "CR_Core",
        "CommunicationParameters": "NoInAddrAny,NoCtldInAddrAny",
        "MailProg": "/bin/true",
    }
    lines = [f"{key}={value}" for key, value in settings.items()]
    lines += [f"NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=4000 State=UNKNOWN"]
    lines += [f"PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP"]
    (folder / "slurm.conf").write_text("\n".join(lines) + "\n")
    environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
    place = [f"--{name}={munge}/{name}" for name in ("pid-file", "log-file", "seed-file", "socket")]
    commands = (
        ["munged", "--foreground", "--force", f"--key-file={key}", *place],
        ["slurmctld", "-D"],
        ["slurmd", "-D"],
    )
    running = []
    try:
        for command in commands:
            with (folder / f"{command[0]}.log").open("wb") as log:
                running.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
            time.sleep(1)
        deadline = time.monotonic() + 60
        while "idle" not in asked(["sinfo", "--noheader"], environment):
            if time.monotonic() > deadline or any(process.poll() is not None for process in running):
                pytest.skip(f"SLURM does not start here: see {folder}")
            time.sleep(0.5)
        yield environment
    finally:
        for process in reversed(running):
            process.terminate()
        for process in running:
            process.wait(20)


def free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


def asked(command: list[str], environment: dict[str, str]) -> str:
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout


def submitted(slurm: dict[str, str], tmp_path: Path, recipe: str, *options: str, **variables: str) -> Path:
    """Submit a recipe, wait until its jobs have ended, and give its folder of results."""
    scans, out, programs = tmp_path / "scans", tmp_path / "out", tmp_path / "bin"
    for number in range(SCANS):
        write_ct(scans / f"s{number}.nii.gz", seed=number)
    environment = {**slurm, **variables, **with_flare(programs)}
    command = ["sbatch", *options, "--mem=0", f"--output={tmp_path}/%j.log", str(ROOT / "examples/cluster" / recipe)]
    answer = subprocess.run(
        [*command, str(scans), str(out)], env=environment, capture_output=True, text=True, check=True
    )
    assert "Submitted" in answer.stdout
    deadline = time.monotonic() + 240
    while asked(["squeue", "--noheader"], slurm) and time.monotonic() < deadline:
        time.sleep(0.5)
    told = "\n".join(path.read_text() for path in tmp_path.glob("*.log"))
    assert len(list(out.glob("*.nii.gz"))) == SCANS, told
    assert not list(out.glob(".flare-*")), told
    return out


def test_an_array_shares_a_folder(slurm: dict[str, str], tmp_path: Path) -> None:
    submitted(slurm, tmp_path, "array.sbatch", "--array=1-2", "--cpus-per-task=1")


def test_workers_are_jobs(slurm: dict[str, str], tmp_path: Path) -> None:
    settings = {
        "DASK_JOBQUEUE__SLURM__MEMORY": "1GB",
        "DASK_JOBQUEUE__SLURM__INTERFACE": "lo",
        "DASK_JOBQUEUE__SLURM__LOG_DIRECTORY": str(tmp_path),
    }
    submitted(slurm, tmp_path, "dask_on_slurm.sbatch", WORKERS="1", THREADS="1", **settings)
