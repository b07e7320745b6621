"""The command that opens a case in the viewer, for pages that show pictures of it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from flarecli.addresses import is_staged
from flarecli.files.printable import printable_name

_SCAN = "SCAN"


def viewer_command(scan: Path | str | None, labels: Sequence[Path]) -> str:
    """The command line that shows a scan with its label maps.

    Args:
        scan: The scan; None where it is not known: `SCAN` stands for it.
        labels: Label maps of the scan.

    Returns:
        Text for a POSIX shell; empty where a name has characters that cannot be shown, and so not be typed, and for
        files of servers, which are not viewed there.
    """
    names = [str(path) for path in ([] if scan is None else [scan]) + list(labels)]
    if any(printable_name(name) != name or is_staged(name) or "://" in name for name in names):
        return ""
    words = [name if not name.startswith("-") else f"./{name}" for name in names]
    return " ".join(["flare view", *([_SCAN] if scan is None else []), *map(shlex.quote, words)])
