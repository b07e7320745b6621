"""Files that were written here, published on a server: each appears there whole, and none where one cannot be sent.

Content is sent first, as parts of uploads that are not complete and that nobody sees. When all of it is there, the
uploads are completed one after the other, which is one step on the server for each.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from flarecli.addresses import Address, address_of, is_staged
from flarecli.files.remote.connections import file_system, server_errors
from flarecli.files.remote.staging import check_is_here, empty

_PART_BYTES = 8 << 20
_KEPT = (".json", ".csv")
"""Small files, which are read again, and so are kept here after they were published."""


def publish(written: Mapping[Path, Path]) -> None:
    """Publish files that stand for addresses, in the order given; others are passed over.

    Afterwards the local files are placeholders, except for small ones. Where something fails, files that did not
    exist before are removed again. What exists is replaced one file after the other, so the order matters; see
    `flarecli.files.together`.

    Args:
        written: The files to send, by the paths that stand for their addresses.

    Raises:
        OutputError: when the server refuses a file or goes away.
        InputError: on a host that has not the command's folder for temporary files.
        InstallationError: when a package is not installed.
    """
    to_send = {path: file for path, file in written.items() if is_staged(path)}
    for path in to_send:
        check_is_here(path)
    uploads: list[tuple[Path, Address, Any]] = []
    begun, is_done = 0, False
    try:
        for path, file in to_send.items():
            address = _address(path)
            with server_errors(address, writes=True):
                upload = file_system(address).open(
                    address.url, "wb", autocommit=False, block_size=_PART_BYTES, cache_type="none"
                )
                uploads.append((path, address, upload))
                with file.open("rb") as content:
                    shutil.copyfileobj(content, upload, _PART_BYTES)
                upload.close()
        for _, address, upload in uploads:
            begun += 1
            with server_errors(address, writes=True):
                upload.commit()
        is_done = True
    finally:
        if not is_done:  # also where the user interrupts
            _withdraw(uploads, begun)
    for path, file in to_send.items():
        if not path.name.endswith(_KEPT):
            empty(file)


def remove(path: Path) -> None:
    """Remove a file where it exists, also from its server.

    Raises:
        OSError: when the operating system refuses it.
        OutputError: when the server does.
    """
    address = address_of(path) if path.exists() else None
    if address is not None:
        with server_errors(address, writes=True), suppress(FileNotFoundError):
            file_system(address).rm_file(address.url)
    path.unlink(missing_ok=True)


def _withdraw(uploads: list[tuple[Path, Address, Any]], begun: int) -> None:
    """Give up uploads, and remove what has appeared: of the first `begun`, also where the answer was lost."""
    for _, _, upload in uploads:
        with suppress(Exception):
            upload.discard()
    for path, address, _ in uploads[:begun]:
        if not path.exists():
            with suppress(Exception):
                file_system(address).rm_file(address.url)


def _address(path: Path) -> Address:
    address = address_of(path)
    assert address is not None
    return address
