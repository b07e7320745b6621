"""Nothing of `flare`, nor a library that it imports, connects anywhere, or writes to the home folder but its cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

_START_UP = """
import os, socket, sys

def _refused(name):
    def refuse(*arguments, **options):
        if isinstance(arguments[0], socket.socket) and arguments[0].family == socket.AF_UNIX:
            return _originals[name](*arguments, **options)
        with open(os.environ["CONNECTIONS"], "a") as file:
            file.write(f"{name} {arguments[1:] or arguments} of {sys.orig_argv}\\n")
        raise OSError("no network in this test")
    return refuse

_originals = {name: getattr(socket.socket, name) for name in ("connect", "connect_ex", "sendto", "sendmsg")}
for name in _originals:
    setattr(socket.socket, name, _refused(name))
for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr", "create_connection"):
    setattr(socket, name, _refused(name))
"""

_TRACER = ("strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o")

_OWN_CACHE = Path(".cache/flare")
_PHANTOM = ("phantom", "scans", "--shape", "10x40x40", "--spacing", "6x5x5", "--number", "2", "--overwrite")
_SMALL_NETWORK = ("--system", "vgg13", "--weights", "run/segmentation.weights.h5")
_VERBS: dict[str, Sequence[str]] = {
    "phantom": (*_PHANTOM, "--preview", "phantoms.png"),
    "predict": ("predict", "scans/TrainingImg", "labels", "--overwrite", "--preview", "previews", "--json"),
    "report": ("report", "labels", "--html", "results{time}.html"),
    "view": (
        "view",
        "scans/TrainingImg/train_000_0000.nii.gz",
        "labels/train_000.nii.gz",
        "--html",
        "view{time}.html",
    ),
    "evaluate": ("evaluate", "labels", "scans/TrainingMask", "--report", "report{time}.html", "--jobs", "2"),
    "preprocess": ("preprocess", "scans", "cache", "--system", "vgg13", "--overwrite", "--jobs", "2"),
    "train": (
        *("train", "cache", "run", "--system", "vgg13", "--iterations", "1", "--workers", "1"),
        *("--set", "validation.scans=1", "--set", "batch=1", "--set", "view.slice_size=64", "--set", "base_filters=8"),
    ),
    "predict in float32": ("predict", "scans/TrainingImg", "float32", *_SMALL_NETWORK, "--precision", "float32"),
    "profile": (
        *("profile", "scans/TrainingImg/train_000_0000.nii.gz", *_SMALL_NETWORK),
        *("--cold", "1", "--warm", "1", "--plot", "plots", "--csv", "profile.csv", "--overwrite"),
    ),
    "weights list": ("weights", "list"),
    "systems": ("systems",),
    "doctor": ("doctor",),
}
_CACHED = ("predict", "report", "view", "evaluate")
"""These are run again, with what the first runs have left in the cache."""


class Place:
    """A home folder, a working folder, and the environment of processes that may not connect."""

    def __init__(self, folder: Path) -> None:
        self.home, self.work = folder / "home", folder / "work"
        self.connections, self.calls = folder / "connections", folder / "calls"
        start_up = folder / "start_up"
        for made in (self.home, self.work, start_up):
            made.mkdir()
        (start_up / "sitecustomize.py").write_text(_START_UP, encoding="utf-8")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "FLARE_", "KERAS_"))}
        self.environment = {
            **kept,
            "HOME": str(self.home),
            "CONNECTIONS": str(self.connections),
            "PYTHONPATH": f"{start_up}:{Path(__file__).resolve().parents[1]}",
        }

    def run(self, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run `flare`."""
        return self.run_python(
            "import sys; from flarecli.cli.entry import main; sys.argv[0] = 'flare'; main()", arguments
        )

    def run_python(self, program: str, arguments: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        """Run a program; where this process may trace others, what compiled code calls is written to `calls`."""
        tracer = (*_TRACER, str(self.calls)) if may_trace() else ()
        command = [*tracer, sys.executable, "-P", "-c", program, *arguments]
        return subprocess.run(command, cwd=self.work, env=self.environment, capture_output=True, text=True)

    def attempts(self) -> list[str]:
        """The look-ups and connections that were tried: by Python, since the first run; by compiled code, in the last
        one."""
        of_python, of_compiled_code = (
            path.read_text(encoding="utf-8").splitlines() if path.exists() else []
            for path in (self.connections, self.calls)
        )
        return [*of_python, *(call for call in of_compiled_code if "AF_INET" in call)]

    def foreign_files(self) -> list[str]:
        """What lies in the home folder besides flare's cache."""
        own = self.home / _OWN_CACHE
        others = [path for path in self.home.rglob("*") if own not in path.parents and path not in (own, own.parent)]
        return [str(path.relative_to(self.home)) for path in others]


@cache
def may_trace() -> bool:
    """Whether there is strace, and it may trace."""
    if shutil.which("strace") is None:
        return False
    return subprocess.run([*_TRACER, os.devnull, "true"], capture_output=True, check=False).returncode == 0


def test_what_python_tries_fails_and_is_recorded(tmp_path: Path) -> None:
    place = Place(tmp_path)
    program = "import urllib.request as r\ntry: r.urlopen('http://127.0.0.1:9/')\nexcept OSError as e: print(e)"
    assert "no network in this test" in place.run_python(program).stdout
    assert len(place.attempts()) == 1


@pytest.mark.skipif(not may_trace(), reason="needs strace, and the permission to trace")
def test_what_compiled_code_calls_is_recorded(tmp_path: Path) -> None:
    place = Place(tmp_path)
    # The class below Python's own, whose methods are those of compiled code; a datagram's address sends nothing.
    done = place.run_python("import _socket as s; s.socket(s.AF_INET, s.SOCK_DGRAM).connect(('127.0.0.1', 9))")
    assert done.returncode == 0, done.stderr
    (attempt,) = place.attempts()
    assert "connect(" in attempt


@pytest.mark.slow
def test_no_verb_connects_or_leaves_files_in_the_home_folder(tmp_path: Path) -> None:
    place = Place(tmp_path)
    for verb, time in [*((verb, "cold") for verb in _VERBS), *((verb, "warm") for verb in _CACHED)]:
        done = place.run([argument.format(time=time) for argument in _VERBS[verb]])
        assert done.returncode == 0, f"{verb}: {done.stdout}{done.stderr}"
        assert place.attempts() == [], verb
        assert place.foreign_files() == [], verb
