"""Folders that environment variables name."""

from __future__ import annotations

import os

from flarecli.addresses import START, without_secrets
from flarecli.errors import UsageError


def folder_named_by(variable: str) -> str | None:
    """What an environment variable names as a folder of this machine; None where it is empty or not set.

    Raises:
        UsageError: when it is an address of a server, which would become a folder called `s3:`.
    """
    named = os.environ.get(variable)
    if named and START.match(named):
        raise UsageError(
            f"{variable} is an address, and only folders of this machine are taken",
            seen=f"{variable}={without_secrets(named)}",
            expected="a folder",
            remedy=f"Set {variable} to a folder of yours, or unset it.",
        )
    return named or None
