"""The folder in which `flare` keeps what can be made anew."""

from __future__ import annotations

from pathlib import Path

from flarecli.files.named_folders import folder_named_by

VARIABLE = "FLARE_CACHE"
"""Environment variable that names the cache folder, or turns the cache off with `OFF`."""

OFF = "off"


def cache_folder() -> Path | None:
    """Where everything is kept: `FLARE_CACHE`, or the platform's cache folder; None where the cache is off.

    Raises:
        UsageError: when `FLARE_CACHE` is an address.
    """
    chosen = folder_named_by(VARIABLE)
    if chosen == OFF:
        return None
    if chosen:
        return Path(chosen)
    import platformdirs

    return Path(platformdirs.user_cache_dir("flare", appauthor=False))
