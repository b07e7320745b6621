"""The folder in which `flare` keeps what can be made anew."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "FLARE_CACHE"
"""Environment variable that names the cache folder, or turns the cache off with `OFF`."""

OFF = "off"


def cache_folder() -> Path | None:
    """Where everything is kept: `FLARE_CACHE`, or the platform's cache folder; None where the cache is off."""
    chosen = os.environ.get(VARIABLE)
    if chosen == OFF:
        return None
    if chosen:
        return Path(chosen)
    import platformdirs

    return Path(platformdirs.user_cache_dir("flare", appauthor=False))
