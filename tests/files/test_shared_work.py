"""Several processes on one list of items: each is done once, dead processes are made up for, deadly items end."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from flarecli.files.atomic import write_text
from flarecli.files.shared_work import SharedWork, shared_results

ITEMS = tuple(range(12))


def drain(folder: Path, deadly: int, seconds: float) -> None:
    """Work through all items, and write down what this process heard and did."""

    def place(item: int) -> Path:
        return folder / str(item)

    def found(item: int) -> str | None:
        return place(item).read_text() if place(item).exists() else None

    def work(item: int) -> str:
        if item == deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(seconds)
        with (folder / "done").open("a") as file:
            file.write(f"{item}\n")
        write_text(place(item), f"result {item}")
        return f"result {item}"

    def killed(item: int, deaths: int) -> str:
        write_text(place(item), f"killed {deaths}")
        return f"killed {deaths}"

    results = dict(shared_results(ITEMS, SharedWork(place, found, work, killed), wait_s=0.05))
    (folder / f"heard-{os.getpid()}").write_text("\n".join(results[item] for item in ITEMS))


def started(folder: Path, deadly: int = -1, seconds: float = 0.02) -> BaseProcess:
    process = multiprocessing.get_context("fork").Process(target=drain, args=(folder, deadly, seconds))
    process.start()
    return process


def expected(deadly: int = -1) -> str:
    return "\n".join("killed 2" if item == deadly else f"result {item}" for item in ITEMS)


def test_each_item_is_done_once_and_all_hear_of_all(tmp_path: Path) -> None:
    processes = [started(tmp_path) for _ in range(3)]
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert sorted(map(int, (tmp_path / "done").read_text().split())) == list(ITEMS)
    assert [path.read_text() for path in tmp_path.glob("heard-*")] == [expected()] * 3
    assert not list(tmp_path.glob(".*"))


def test_a_deadly_item_ends_after_two_deaths(tmp_path: Path) -> None:
    codes = []
    while not codes or codes[-1] == -signal.SIGKILL:
        process = started(tmp_path, deadly=4)
        process.join(60)
        codes.append(process.exitcode)
        assert len(codes) < 5
    assert codes == [-signal.SIGKILL, -signal.SIGKILL, 0]
    assert [path.read_text() for path in tmp_path.glob("heard-*")] == [expected(4)]
    assert not list(tmp_path.glob(".*"))


def test_an_error_gives_the_claim_back(tmp_path: Path) -> None:
    def work(item: int) -> str:
        raise KeyboardInterrupt

    shared = SharedWork(lambda item: tmp_path / str(item), lambda item: None, work, lambda item, deaths: "")
    with pytest.raises(KeyboardInterrupt):
        list(shared_results(ITEMS, shared))
    assert not list(tmp_path.iterdir())
