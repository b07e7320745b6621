"""The folder that relative paths of a command start at, entered in another process."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from flarecli.errors import InstallationError


def enter_folder(folder: Path) -> None:
    """Make a folder the working folder of this process.

    Raises:
        InstallationError: when this host does not have it.
    """
    try:
        os.chdir(folder)
    except OSError as error:
        raise InstallationError(
            "this host does not have the folder that the command was given in",
            path=folder,
            seen=f"{error.strerror} on {platform.node()}",
            expected="the same files on every host, under the same paths",
            remedy="Mount the file system, or run the command in a folder that all hosts have.",
        ) from error
