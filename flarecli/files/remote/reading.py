"""Files of servers, brought here for as long as they are read."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from flarecli.addresses import Address, address_of, folder_of, is_staged
from flarecli.errors import Blame, InputError
from flarecli.files.remote.connections import file_system, server_errors
from flarecli.files.remote.staging import (
    check_is_here,
    empty,
    is_brought_for_now,
    is_placeholder,
    keep,
    look_up,
    make_content,
)
from flarecli.files.unfinished import discard, new_unfinished_file

_AT_A_TIME = 8
_LOCKS = "locks"


@contextmanager
def at_hand(*paths: Path | None) -> Iterator[None]:
    """Bring the content of files, or of all files of a folder, for the body; afterwards it is removed here.

    Paths of this machine are left as they are. Several processes and threads may need one file at a time; the last
    removes it.

    Raises:
        InputError: when a file does not exist, the server refuses it or goes away, or less arrives than it has.
    """
    with ExitStack() as held:
        for path in paths:
            if path is not None and is_staged(path):
                held.enter_context(_held(path))
        yield


def bring(path: Path) -> None:
    """Bring the content of a file and keep it until the command ends: for small ones, such as lists and records.

    Raises:
        InputError: as `at_hand` does.
    """
    if is_staged(path) and (not path.exists() or is_placeholder(path.stat())):
        _fetch(path)
        keep(path)


def bring_tree(path: Path) -> None:
    """Bring a file, or all that lies in a folder and below, and keep it until the command ends.

    Raises:
        InputError: as `at_hand` does.
    """
    if path.is_dir():
        look_up(path, deep=True)
    _fetch(path)
    for file in _files(path):
        keep(file)


def etag_of(path: Path) -> str | None:
    """The entity tag of a file, which changes with its content, so that it need not be read to be known again.

    Returns:
        None for paths of this machine, for folders, and where the server gives none.

    Raises:
        InputError: when it does not exist or the server cannot be asked.
    """
    address = address_of(path)
    if address is None:
        return None
    with server_errors(address):
        facts = file_system(address).info(address.url)
    tag = facts.get("ETag") or facts.get("etag")
    return None if facts["type"] == "directory" or not tag else str(tag).strip('"')


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Bring a file or folder, and keep others from removing it in the body."""
    check_is_here(path)
    with _lock(path, "use") as in_use:
        fcntl.flock(in_use, fcntl.LOCK_SH)  # waits only while another one is removing it
        with _lock(path, "fetch") as fetching:
            fcntl.flock(fetching, fcntl.LOCK_EX)
            _fetch(path)
        try:
            yield
        finally:
            with suppress(OSError):
                fcntl.flock(in_use, fcntl.LOCK_EX | fcntl.LOCK_NB)  # refused while others use it
                for file in _files(path):
                    if is_brought_for_now(file.stat()):
                        empty(file)


@contextmanager
def _lock(path: Path, purpose: str) -> Iterator[int]:
    folder = folder_of(path) / _LOCKS
    folder.mkdir(mode=0o700, exist_ok=True, parents=True)
    name = hashlib.sha256(os.fsencode(path)).hexdigest()[:32]
    lock = os.open(folder / f"{name}.{purpose}", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        yield lock
    finally:
        os.close(lock)


def _files(path: Path) -> list[Path]:
    """A file, or those in a folder and below."""
    if path.is_dir():
        return [entry for entry in path.rglob("*") if entry.is_file() and not entry.name.startswith(".flare-part-")]
    return [path] if path.exists() else []


def _fetch(path: Path) -> None:
    """Bring a file, or all files in a folder and below."""
    check_is_here(path)
    os.utime(folder_of(path))  # still in use, however long the command runs
    if not path.exists():
        look_up(path, deep=True)
    wanted = [file for file in _files(path) if is_placeholder(file.stat())]
    if len(wanted) == 1:
        _fetch_file(wanted[0])
    elif wanted:
        with ThreadPoolExecutor(max_workers=_AT_A_TIME, thread_name_prefix="flare-fetch") as pool:
            list(pool.map(_fetch_file, wanted))


def _fetch_file(path: Path) -> None:
    address = address_of(path)
    assert address is not None
    listed = path.stat()
    temporary = new_unfinished_file(path.parent, "")
    try:
        with server_errors(address):
            file_system(address).get_file(address.url, str(temporary))
        _check_size(address, temporary.stat().st_size, listed.st_size)
        make_content(temporary, path, listed.st_mtime_ns)
    finally:
        discard(temporary)


def _check_size(address: Address, received: int, listed: int) -> None:
    if received != listed and listed:  # some servers of https do not tell sizes
        raise InputError(
            "did not arrive as a whole",
            path=str(address),
            seen=f"{received} bytes",
            expected=f"{listed} bytes, as the server told before",
            remedy="Check the network, and that nobody is replacing the file; then run the command again.",
            blame=Blame.ACCESS,
        )
