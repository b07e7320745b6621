"""Garbage collection pauses while packages are imported, and goes on afterwards."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from threading import Event, Thread

import pytest

from flarecli.garbage_collection import garbage_collection_paused


@pytest.fixture(autouse=True)
def enabled() -> Iterator[None]:
    assert gc.isenabled()
    yield
    gc.enable()


def test_it_pauses_and_goes_on() -> None:
    with garbage_collection_paused():
        assert not gc.isenabled()
        with garbage_collection_paused():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_goes_on_after_an_error() -> None:
    with pytest.raises(ImportError), garbage_collection_paused():
        raise ImportError
    assert gc.isenabled()


def test_it_stays_off_where_it_was_off() -> None:
    gc.disable()
    with garbage_collection_paused():
        pass
    assert not gc.isenabled()


def test_the_last_of_several_threads_brings_it_back() -> None:
    inside, may_end = Event(), Event()

    def pause() -> None:
        with garbage_collection_paused():
            inside.set()
            may_end.wait()

    thread = Thread(target=pause)
    with garbage_collection_paused():
        thread.start()
        inside.wait()
    assert not gc.isenabled()
    may_end.set()
    thread.join()
    assert gc.isenabled()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that are forked")
@pytest.mark.parametrize("is_paused_here", [False, True])
def test_a_forked_process_does_not_wait_for_threads_that_it_has_not(is_paused_here: bool) -> None:
    program = f"""
import gc, os, sys
from contextlib import nullcontext
from threading import Event, Thread
from flarecli.garbage_collection import garbage_collection_paused

inside = Event()
def pause():
    with garbage_collection_paused():
        inside.set()
        Event().wait()
Thread(target=pause, daemon=True).start()
inside.wait()
with garbage_collection_paused() if {is_paused_here} else nullcontext():
    child = os.fork()
    if not child and {is_paused_here} == gc.isenabled():
        os._exit(1)
if not child:
    with garbage_collection_paused():
        pass
    os._exit(0 if gc.isenabled() else 2)
os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0


@pytest.mark.parametrize(
    ("package", "module", "start"),
    [
        ("keras", "flarecli.engine.keras_import", "import_keras()"),
        ("torch", "flarecli.engine.runtime", "start_runtime('torch', 'cpu', 'float32', 1)"),
        ("jax", "flarecli.engine.runtime", "start_runtime('jax', 'cpu', 'float32', 1)"),
        ("tensorflow", "flarecli.engine.keras_import", "import_tensorflow()"),
        ("typer", "flarecli.cli.entry", "sys.argv = ['flare', '--help']; main()"),
        ("typer", "flarecli.cli.entry", "sys.argv = ['flare', 'train', '--help']; main()"),
    ],
)
def test_large_imports_pause_it(monkeypatch: pytest.MonkeyPatch, package: str, module: str, start: str) -> None:
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    program = f"""
import gc, sys
from {module} import *
gc.collect()
began = gc.get_stats()[0]["collections"]
try:
    {start}
except SystemExit:
    pass
print(gc.isenabled(), gc.get_stats()[0]["collections"] - began, file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    is_enabled, collections = done.stderr.split()[-2:]
    assert is_enabled == "True"
    assert int(collections) <= 3, "without a pause 30 to 600"
