"""Temporary names of what is being written, and removal of what processes that were killed left behind.

A temporary file or folder is called `.flare-part-<host>-<process>-<random><suffix>`. Host and process say who writes
it, so that another run can tell an abandoned one from one that is still being written.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import shutil
import socket
import time
from functools import cache
from pathlib import Path

PREFIX = ".flare-part-"
"""Start of every temporary name; hidden, so that no pattern for finished files matches it."""

_ABANDONED_S = 24 * 3600.0
"""Older than this, a temporary file of another host or of a living process of the same number is abandoned, too."""

_NAME = re.compile(re.escape(PREFIX) + r"(?P<host>[0-9a-f]{8})-(?P<process>\d+)-[0-9a-f]{8}(\..*)?")

_live: set[Path] = set()
_cleared: set[Path] = set()


def new_unfinished_file(folder: Path, suffix: str) -> Path:
    """Create an empty temporary file in a folder; the process's umask decides about its mode.

    Raises:
        OSError: as `os.open` does.
    """
    path = folder / _new_name(suffix)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_CLOEXEC", 0), 0o666))
    _live.add(path)
    return path


def new_unfinished_folder(folder: Path, suffix: str = "", *, private: bool = False) -> Path:
    """Create an empty temporary folder in a folder.

    Args:
        folder: Where.
        suffix: End of its name, from a dot on.
        private: Whether only this user may look into it.

    Raises:
        OSError: as `os.mkdir` does.
    """
    path = folder / _new_name(suffix)
    path.mkdir(mode=0o700 if private else 0o777)
    _live.add(path)
    return path


def discard(path: Path) -> None:
    """Remove a temporary file or folder of this process where it still exists; failures are left for later runs."""
    _live.discard(path)
    with contextlib.suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def discard_all() -> None:
    """Remove every temporary file of this process: for a process that ends without clean-up."""
    for path in list(_live):
        discard(path)


def discard_of(folder: Path, process: int) -> None:
    """Remove what a process of this host that has ended left unfinished in a folder."""
    with contextlib.suppress(OSError):
        for path in folder.glob(f"{PREFIX}{this_host()}-{process}-*"):
            discard(path)


def clear_abandoned(folder: Path, *, again: bool = False) -> None:
    """Remove temporary files and folders that processes left behind which do not run any more.

    A folder is searched without the folders below. What cannot be listed or removed stays.

    Args:
        folder: Where.
        again: Search a folder that this process has searched before, too: other processes have written there since.
    """
    if folder in _cleared and not again:
        return
    _cleared.add(folder)
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(folder)):
            named = _NAME.fullmatch(entry.name)
            if named is not None and _is_abandoned(named["host"], int(named["process"]), Path(entry.path)):
                discard(Path(entry.path))


def _new_name(suffix: str) -> str:
    return f"{PREFIX}{this_host()}-{os.getpid()}-{secrets.token_hex(4)}{suffix}"


def _is_abandoned(host: str, process: int, path: Path) -> bool:
    if host == this_host() and not is_running(process):
        return True
    try:
        written = path.lstat().st_mtime
        # The clock of this host is asked first, which costs nothing; it may be wrong.
        return time.time() - written > _ABANDONED_S and now_in(path.parent) - written > _ABANDONED_S
    except OSError:
        return False


def now_in(folder: Path) -> float:
    """The time by the clock of a folder's file system, in s: the clocks of hosts may differ.

    Raises:
        OSError: when no file can be created there.
    """
    probe = new_unfinished_file(folder, "")
    try:
        os.utime(probe)
        return probe.stat().st_mtime
    finally:
        discard(probe)


def is_running(process: int) -> bool:
    """Whether a process of this host runs; one that has ended and that nobody has waited for yet does not."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return not _is_zombie(process)


def _is_zombie(process: int) -> bool:
    # Containers whose first process waits for nobody keep ended processes in the table for ever.
    try:
        status = Path(f"/proc/{process}/stat").read_bytes()
    except OSError:  # no such file system here, or gone meanwhile
        return False
    return status[status.rfind(b")") + 1 :].split()[:1] == [b"Z"]


@cache
def this_host() -> str:
    """Tells hosts, boots and containers apart: process numbers mean something within one of them only."""
    facts = [socket.gethostname()]
    with contextlib.suppress(OSError, ValueError):
        facts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii"))
    with contextlib.suppress(OSError, ValueError):
        facts.append(str(Path("/proc/self/ns/pid").readlink()))
    return hashlib.sha256("\n".join(facts).encode("utf-8", "surrogateescape")).hexdigest()[:8]
