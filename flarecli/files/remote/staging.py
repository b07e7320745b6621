"""The private folder in which files of servers are worked on, and what is known of them before they are read.

A file that was listed and not read yet is there as a placeholder: a file of its size and time of change without
content, which takes no room. So whatever looks at names, sizes and times works as with local files.
"""

from __future__ import annotations

import datetime
import os
import stat
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from glob import has_magic
from pathlib import Path
from typing import Any

from flarecli.addresses import FOLDER_SUFFIX, WRITTEN, Address, address_of, folder_of, staged_path
from flarecli.errors import Blame, InputError, OutputError, UsageError
from flarecli.files.remote.connections import file_system, server_errors
from flarecli.files.remote.parsing import parsed_address
from flarecli.files.unfinished import clear_abandoned, discard, new_unfinished_file, new_unfinished_folder

_PLACEHOLDER_MODE, _FILE_MODE, _KEPT_MODE = 0o700, 0o600, 0o400


_MARK = "of_a_command"
"""A file of the private folder, by which processes of other hosts see that they have the same one."""


class _Staging:
    """The private folder of this process, made when the first address is met."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._folder: Path | None = None
        self.listed: set[Path] = set()

    def folder(self) -> Path:
        with self._lock:
            if self._folder is None or not self._folder.is_dir():
                parent = Path(tempfile.gettempdir())
                clear_abandoned(parent)
                self._folder = new_unfinished_folder(parent, FOLDER_SUFFIX, private=True)
                (self._folder / _MARK).touch()
            return self._folder

    def end(self) -> None:
        with self._lock:
            if self._folder is not None:
                discard(self._folder)
            self._folder = None
            self.listed.clear()


_staging = _Staging()


@contextmanager
def staging() -> Iterator[None]:
    """Let addresses be worked on in the body; whatever was brought here for that is removed at its end, also by an
    interruption."""
    try:
        yield
    finally:
        _staging.end()


def check_is_here(path: Path) -> None:
    """See that the private folder of a path is one that this process has in common with the command.

    Raises:
        InputError: when it is not, as on another host.
    """
    if not (folder_of(path) / _MARK).exists():
        raise InputError(
            "cannot be brought to this host, or sent from it: the command's folder for temporary files is not here",
            path=path,
            seen=str(folder_of(path).parent),
            expected="a folder that all hosts have",
            remedy="Set TMPDIR to such a folder, and run the command again with --resume; or use --scheduler local:N.",
            blame=Blame.HOST,
        )


def located(text: str | Path) -> Path:
    """The path for what a user wrote, a path or an address; nothing is connected to.

    Raises:
        UsageError: as `flarecli.files.remote.parsing.parsed_address` does.
    """
    address = parsed_address(text) if isinstance(text, str) else None
    return Path(text) if address is None else staged_path(address, _staging.folder())


def source_path(text: str, *, deep: bool = False) -> Path:
    """The path for what a user wants read; what the server has under an address is listed there.

    Args:
        text: A path or an address, of `s3` and `gs` also with a pattern in its last part.
        deep: Whether what lies in folders below is listed, too.

    Raises:
        UsageError: as `located` does, and for a pattern elsewhere.
        InputError: when it does not exist or the server cannot be reached.
    """
    path = located(text)
    address = address_of(path)
    if address is None:
        return path
    if address.is_listable and has_magic(address.path):
        parent, _, _ = address.path.rpartition("/")
        if has_magic(parent):
            raise UsageError(
                "a pattern may stand in the last part of an address only",
                seen=str(address),
                remedy="Give one prefix, or a list of addresses with --from.",
            )
        address = Address(address.scheme, address.host, parent)
        look_up(path.parent, deep=deep)
        return path
    look_up(path, deep=deep)
    return path


def look_up(path: Path, *, deep: bool = False) -> None:
    """Ask the server what is at an address, and put placeholders there.

    Raises:
        InputError: when there is nothing, or the server cannot be asked.
    """
    address = address_of(path)
    assert address is not None
    with server_errors(address):
        system = file_system(address)
        facts = system.info(address.url)
        if facts["type"] != "directory":
            make_placeholder(path, facts)
            return
        children = system.find(address.url, detail=True) if deep else _children(system, address)
    path.mkdir(parents=True, exist_ok=True)
    _put(path, address, children)


def destination_folder(text: str) -> Path:
    """The path for a folder that is written to; what the server has directly in it is listed there.

    Raises:
        UsageError: as `located` does, and for an address that is read only.
        OutputError: when the bucket does not exist or cannot be listed.
    """
    path = located(text)
    address = _writable(path)
    if address is not None and path not in _staging.listed:
        with server_errors(address, writes=True):
            system = file_system(address)
            _check_bucket(system, address)
            try:
                children = _children(system, address)
            except FileNotFoundError:
                children = {}
        path.mkdir(parents=True, exist_ok=True)
        _put(path, address, children)
        _staging.listed.add(path)
    return path


def destination_file(text: str) -> Path:
    """The path for a file that is written; what the server has beside it under names that begin alike is listed there.

    Raises:
        UsageError, OutputError: as `destination_folder` does.
    """
    path = located(text)
    address = _writable(path)
    if address is None or path in _staging.listed or path.parent in _staging.listed:
        return path
    if not address.path:
        raise UsageError(
            "the address names a bucket, not a file",
            seen=str(address),
            expected=f"{address}NAME",
            remedy="Give the file's whole address.",
        )
    parent_path, _, name = address.path.rpartition("/")
    parent = Address(address.scheme, address.host, parent_path)
    stem = name.partition(".")[0]
    with server_errors(address, writes=True):
        system = file_system(address)
        _check_bucket(system, address)
        try:
            children = system.find(str(parent), prefix=stem, detail=True)
        except FileNotFoundError:
            children = {}
    path.parent.mkdir(parents=True, exist_ok=True)
    direct = {key: facts for key, facts in children.items() if "/" not in _below(key, parent)}
    _put(path.parent, parent, direct)
    _staging.listed.add(path)
    return path


def make_placeholder(path: Path, facts: Mapping[str, Any]) -> None:
    """Put a placeholder for what a server says of a file, over what is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = new_unfinished_file(path.parent, "")
    os.truncate(temporary, facts.get("size") or 0)
    temporary.chmod(_PLACEHOLDER_MODE)
    modified_s = _modified_s(facts)
    if modified_s is not None:
        os.utime(temporary, (modified_s, modified_s))
    _into_place(temporary, path)


def make_content(temporary: Path, path: Path, modified_ns: int | None) -> None:
    """Put a file that was brought here over its placeholder."""
    temporary.chmod(_FILE_MODE)
    if modified_ns is not None:
        os.utime(temporary, ns=(modified_ns, modified_ns))
    _into_place(temporary, path)


def empty(path: Path) -> None:
    """Make a placeholder of a file that is no longer needed here."""
    status = path.stat()
    temporary = new_unfinished_file(path.parent, "")
    os.truncate(temporary, status.st_size)
    temporary.chmod(_PLACEHOLDER_MODE)
    os.utime(temporary, ns=(status.st_mtime_ns, status.st_mtime_ns))
    _into_place(temporary, path)


def is_placeholder(status: os.stat_result) -> bool:
    """Whether a file of the private folder is a placeholder."""
    return stat.S_ISREG(status.st_mode) and bool(status.st_mode & stat.S_IXUSR)


def keep(path: Path) -> None:
    """Let a file stay here until the command ends."""
    path.chmod(_KEPT_MODE)


def is_brought_for_now(status: os.stat_result) -> bool:
    """Whether a file was brought here for as long as it is used."""
    return stat.S_ISREG(status.st_mode) and stat.S_IMODE(status.st_mode) == _FILE_MODE


def _into_place(temporary: Path, path: Path) -> None:
    temporary.replace(path)
    discard(temporary)  # it is no longer a temporary file


def _writable(path: Path) -> Address | None:
    address = address_of(path)
    if address is not None and address.scheme not in WRITTEN:
        raise UsageError(
            "this address is for reading only",
            seen=str(address),
            expected="s3://BUCKET/KEY or gs://BUCKET/KEY, or a path",
            remedy="Choose another place for the output.",
        )
    return address


def _check_bucket(system: Any, address: Address) -> None:
    if address.path and not system.exists(address.host):
        raise OutputError(
            "there is no such bucket, or it may not be listed",
            path=str(address),
            seen=address.host,
            remedy="Make the bucket first, or check its name and the credentials.",
        )


def _children(system: Any, address: Address) -> dict[str, Any]:
    return {facts["name"]: facts for facts in system.ls(address.url, detail=True)}


def _below(key: str, parent: Address) -> str:
    """A key relative to a prefix."""
    return key.removeprefix("/").removeprefix(f"{parent.host}/").removeprefix(parent.path).strip("/")


def _put(folder: Path, parent: Address, children: Mapping[str, Mapping[str, Any]]) -> None:
    for key, facts in children.items():
        relative = _below(key, parent)
        if not relative or any(part in ("", ".", "..") for part in relative.split("/")):
            continue  # the mark of the folder itself, or a name that no file system has
        path = folder / relative
        try:
            if facts["type"] == "directory":
                path.mkdir(parents=True, exist_ok=True)
            elif not key.endswith("/"):
                make_placeholder(path, facts)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            continue  # a key that is a prefix of others, too
        except OSError as error:
            raise InputError(
                "has a name that the temporary folder cannot hold",
                path=f"{parent}/{relative}",
                seen=error.strerror,
                remedy="Rename it, or name another folder for temporary files by TMPDIR.",
            ) from error


def _modified_s(facts: Mapping[str, Any]) -> float | None:
    value = facts.get("LastModified") or facts.get("mtime") or facts.get("updated") or facts.get("Last-Modified")
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    if not value:
        return None
    from email.utils import parsedate_to_datetime

    for parsed in (datetime.datetime.fromisoformat, parsedate_to_datetime):
        try:
            return parsed(str(value)).timestamp()
        except (TypeError, ValueError):
            continue
    return None
