"""Files appear whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flarecli.errors import InputError


@contextmanager
def atomic_path(destination: Path) -> Iterator[Path]:
    """Give a temporary path beside `destination`; on success flush it to disk and rename it over `destination`.

    The temporary file keeps all suffixes of the destination (`.nii.gz`), because writers choose the format
    by it, and starts with `.` and ends its stem with `.part`, so that no pattern for finished files matches it.
    An exception, also an interrupt, removes it and leaves an earlier file of the final name untouched.

    Raises:
        InputError: when the folder does not exist and cannot be made, or is not writable.
    """
    destination = Path(destination)
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            dir=destination.parent,
            prefix=f".{destination.name.split('.')[0]}.part-",
            suffix="".join(destination.suffixes),
        )
    except OSError as error:
        raise InputError(
            "cannot be written",
            path=destination,
            seen=error.strerror or str(error),
            remedy="Choose a folder that exists or can be made, and that you may write to.",
        ) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(destination)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(destination: Path, content: Any) -> None:
    """Write `content` as indented UTF-8 JSON, atomically."""
    with atomic_path(destination) as temporary:
        temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
