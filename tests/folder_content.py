"""What commands leave in a folder, for comparison between runs."""

from __future__ import annotations

import json
from pathlib import Path


def content(folder: Path) -> dict[str, bytes]:
    """The files of a folder; of records what does not change from run to run."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found[str(path.relative_to(folder))] = path.read_bytes() if path.suffix != ".json" else _lasting(path)
    return found


def _lasting(path: Path) -> bytes:
    record = json.loads(path.read_text(encoding="utf-8"))
    return json.dumps({key: record[key] for key in ("labels", "organs", "system", "warnings")}).encode()


def hidden(folder: Path) -> list[Path]:
    """Hidden files at any depth: those of writes and claims that have not ended."""
    return [path for path in folder.rglob(".*") if path.name != ".nfs"]
