"""Where tests find the shared reference material, and how they skip where it is absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_DEFAULT = Path(__file__).resolve().parent.parent.parent / "shared"


def shared_path(relative: str) -> Path:
    """Path of a file or folder of the shared material; skips the calling test with the reason where it is absent.

    The folder is `FLARE_SHARED`, or `../shared` beside the checkout.
    """
    root = Path(os.environ.get("FLARE_SHARED", _DEFAULT))
    path = root / relative
    if not path.exists():
        pytest.skip(f"needs the shared material: {relative} not found under {root} (set FLARE_SHARED)")
    return path
