"""Child processes, and how their end is noticed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flarecli.errors import InstallationError, UnexpectedError
from flarecli.processes.child import Child, ChildEnded, as_message, stop_children
from tests.processes import children


def test_messages_of_any_size_go_both_ways() -> None:
    child = Child(children.echo)
    try:
        for message in ("small", bytes(5_000_000)):
            child.send(message)
            assert child.receive() == message
    finally:
        stop_children([child])
    assert child.has_ended


def test_a_script_is_not_run_again(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from flarecli.processes.workers import Workers\n"
        "from tests.processes import children\n"
        "print('once')\n"
        "with Workers(2) as workers:\n"
        "    print(sorted(result for _, result in workers.work_on(children.square, [2, 3])))\n"
        "print(__name__)\n"
    )
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, env=os.environ | {"PYTHONPATH": root}, timeout=60
    )
    assert done.stdout == "once\n[4, 9]\n__main__\n", done.stderr


def test_neither_side_waits_for_the_other_when_both_send_large_messages() -> None:
    child = Child(children.echo)
    try:
        for _ in range(3):
            child.send(bytes(3_000_000))
        assert [len(child.receive()) for _ in range(3)] == [3_000_000] * 3
    finally:
        stop_children([child])


def test_a_child_that_dies_within_a_message_is_noticed() -> None:
    child = Child(children.die_within_a_message)
    assert child.has_message(30)
    time.sleep(2.5)
    began = time.monotonic()
    with pytest.raises(ChildEnded, match="SIGKILL"):
        child.receive()
    assert time.monotonic() - began < 5


def test_a_child_that_died_before_it_read_a_large_message_is_noticed() -> None:
    child = Child(children.sleep)
    os.kill(child.pid, signal.SIGKILL)
    with pytest.raises(ChildEnded, match="SIGKILL"):
        child.send(bytes(20_000_000))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_signal_is_named(number: signal.Signals) -> None:
    child = Child(children.echo)
    child.send("here")
    assert child.receive() == "here"
    os.kill(child.pid, number)
    with pytest.raises(ChildEnded, match=number.name):
        child.receive()


def test_an_interrupt_from_the_keyboard_is_left_to_the_parent() -> None:
    child = Child(children.echo)
    try:
        child.send("before")
        assert child.receive() == "before"
        os.kill(child.pid, signal.SIGINT)
        child.send("after")
        assert child.receive() == "after"
    finally:
        stop_children([child])


def test_a_stopped_child_is_killed_when_it_does_not_end() -> None:
    child = Child(children.echo)
    child.send("here")
    child.receive()
    os.kill(child.pid, signal.SIGSTOP)
    began = time.monotonic()
    stop_children([child])
    assert child.has_ended
    assert time.monotonic() - began < 8


def test_errors_are_sent_with_what_to_do() -> None:
    assert isinstance(as_message(MemoryError()), InstallationError)
    assert isinstance(as_message(ValueError("odd")), UnexpectedError)
    assert "odd" in str(as_message(ValueError("odd")))


def test_where_no_process_can_be_started_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("multiprocessing.process.BaseProcess.start", refuse)
    with pytest.raises(InstallationError, match="temporarily unavailable"):
        Child(children.echo)
