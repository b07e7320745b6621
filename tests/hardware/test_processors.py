"""How many processors count, in and outside of containers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flarecli.hardware.processors import available_processors

FREE = 16


@pytest.fixture(autouse=True)
def many_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(FREE)), raising=False)


def machine(root: Path, groups: str, **files: str) -> Path:
    """A root folder with the control groups of a process and files of limits, `/` written as two underscores."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(groups, encoding="utf-8")
    for name, content in files.items():
        file = root / "sys/fs/cgroup" / name.replace("__", "/").replace("_dot_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="ascii")
    return root


def test_what_the_process_may_run_on(tmp_path: Path) -> None:
    assert available_processors(tmp_path) == FREE
    assert 1 <= available_processors() <= FREE


@pytest.mark.parametrize(
    ("limit", "processors"),
    [("max 100000", FREE), ("200000 100000", 2), ("150000 100000", 2), ("50000 100000", 1), ("9900000 100000", FREE)],
)
def test_a_containers_share_of_the_time(limit: str, processors: int, tmp_path: Path) -> None:
    assert available_processors(machine(tmp_path, "0::/\n", cpu_dot_max=limit)) == processors


def test_the_tightest_of_the_groups_around_a_process_counts(tmp_path: Path) -> None:
    root = machine(
        tmp_path,
        "0::/user/job/step\n",
        user__cpu_dot_max="800000 100000",
        user__job__cpu_dot_max="300000 100000",
        user__job__step__cpu_dot_max="max 100000",
    )
    assert available_processors(root) == 3


def test_groups_of_version_1(tmp_path: Path) -> None:
    limits = {"cpu_dot_cfs_quota_us": "400000\n", "cpu_dot_cfs_period_us": "100000\n"}
    files = {f"cpu,cpuacct__job__{name}": content for name, content in limits.items()}
    files |= {"cpu,cpuacct__cpu_dot_cfs_quota_us": "-1\n", "cpu,cpuacct__cpu_dot_cfs_period_us": "100000\n"}
    files |= {f"cpuset__job__{name}": "1" for name in limits}
    groups = "5:cpuset:/job\n4:cpu,cpuacct:/job\n3:memory:/job\n"
    assert available_processors(machine(tmp_path, groups, **files)) == 4


@pytest.mark.parametrize("content", ["", "many", "1 2 3", "100000 0"])
def test_a_limit_that_cannot_be_read_is_none(content: str, tmp_path: Path) -> None:
    assert available_processors(machine(tmp_path, "0::/\n", cpu_dot_max=content)) == FREE
