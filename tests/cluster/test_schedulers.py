"""What --scheduler and --workers mean, and what workers must have in common."""

from __future__ import annotations

import pytest

from flarecli.cluster.schedulers import Scheduler, parsed_scheduler
from flarecli.cluster.worker_facts import WorkerFacts, check_same
from flarecli.errors import InstallationError, UsageError


def test_meanings() -> None:
    assert parsed_scheduler("tcp://host:8786", None) == Scheduler("address", "tcp://host:8786")
    assert parsed_scheduler("tls://10.0.0.1:80", None) == Scheduler("address", "tls://10.0.0.1:80")
    assert parsed_scheduler("local:4", None) == Scheduler("local", workers=4)
    assert parsed_scheduler("slurm", 20) == Scheduler("slurm", workers=20)


@pytest.mark.parametrize("text", ["", "tcp://host", "host:8786", "local", "local:0", "local:-1", "Slurm", "tcp://:1"])
def test_no_scheduler(text: str) -> None:
    with pytest.raises(UsageError, match="there is no such scheduler"):
        parsed_scheduler(text, None)


@pytest.mark.parametrize(("text", "workers"), [("slurm", None), ("local:2", 3), ("tcp://h:1", 3)])
def test_workers_are_jobs(text: str, workers: int | None) -> None:
    with pytest.raises(UsageError, match="go together"):
        parsed_scheduler(text, workers)


def test_threads() -> None:
    assert Scheduler("local", workers=1000).threads(None) == 1
    assert Scheduler("local", workers=1000).threads(3) == 3
    assert Scheduler("address", "tcp://h:1").threads(None) is None


def test_workers_that_differ() -> None:
    facts = WorkerFacts("1", "3.11", "flarelite", "", "openvino 1", "cpu", "bfloat16")
    other = WorkerFacts("1", "3.11", "flarelite", "", "openvino 2", "cpu", "float32")
    with pytest.raises(InstallationError) as caught:
        check_same({"a": facts, "b": other}, {})
    assert caught.value.seen == "b: backend openvino 2, precision float32"
    assert caught.value.expected == "as a: backend openvino 1, precision bfloat16"
    with pytest.raises(InstallationError, match="flare 1 on the workers"):
        check_same({"a": facts, "b": facts}, {})
