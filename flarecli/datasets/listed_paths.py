"""Files by the paths that a list gives them, also one that was written on another system."""

from __future__ import annotations

import os
from pathlib import Path, PureWindowsPath

from flarecli.errors import InputError
from flarecli.files.letter_case import in_any_case
from flarecli.files.remote.parsing import is_address
from flarecli.files.remote.staging import located


def listed_file(folder: Path, text: object, source: Path) -> tuple[Path, tuple[str, ...]]:
    """The file or folder that a list means.

    An address is taken as one. A path is taken as written, else with `/` for `\\`, else in other case of letters.

    Args:
        folder: What paths are relative to.
        text: The path, as the list has it.
        source: The list, for messages.

    Returns:
        The path, of the file that exists or of the last that was tried; and what the user should know about it.

    Raises:
        InputError: when `text` is not a path.
        UsageError: when it is an address that cannot be read.
    """
    if not isinstance(text, str) or not text.strip() or "\0" in text:
        raise InputError(
            "lists something that is not a path",
            path=source,
            seen=ascii(text)[:80],
            expected="paths of files",
            remedy="Correct the list.",
        )
    if is_address(text):
        return located(text), ()
    path = folder / text
    if os.path.lexists(path):
        return path, ()
    if PureWindowsPath(text).drive:
        note = f"listed with an absolute path of Windows, {text}: paths are relative to {source.name}"
        return folder / text.replace("\\", "/"), (note,)
    found = in_any_case(folder, text.replace("\\", "/"))
    if found.name and found != folder / text.replace("\\", "/"):
        return found, (f"listed as {text}, found as {found}",)
    return found, ()
