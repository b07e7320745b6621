"""Where writing files of this machine and of servers meets: nothing of `remote/` is imported for the former."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from flarecli.addresses import is_staged


def published(written: Mapping[Path, Path]) -> None:
    """Publish written files whose destinations stand for addresses; see `flarecli.files.remote.writing.publish`."""
    if any(map(is_staged, written)):
        from flarecli.files.remote.writing import publish

        publish(written)


def remove_file(path: Path) -> None:
    """Remove a file where it exists, also from the server whose address it stands for.

    Raises:
        OSError, OutputError: when the operating system or the server refuses it.
    """
    if is_staged(path):
        from flarecli.files.remote.writing import remove

        remove(path)
    else:
        path.unlink(missing_ok=True)
