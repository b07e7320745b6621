"""Garbage collection pauses while packages are imported, and goes on afterwards."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator
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


@pytest.mark.parametrize(
    ("module", "start"),
    [
        ("flarecli.engine.keras_import", "import_keras()"),
        ("flarecli.cli.entry", "sys.argv = ['flare', '--help']; main()"),
        ("flarecli.cli.entry", "sys.argv = ['flare', 'train', '--help']; main()"),
    ],
)
def test_large_imports_pause_it(module: str, start: str) -> None:
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
    assert int(collections) <= 3  # without a pause 30 to 400
