"""How matplotlib is imported for drawing: with a cache of fonts among `flare`'s own, and no other files."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flarecli.errors import InstallationError
from flarecli.files.cache_folder import cache_folder
from flarecli.overridden_environment import overridden_environment

_FOLDER = "MPLCONFIGDIR"


def has_matplotlib() -> bool:
    """Whether matplotlib is installed; it is not imported."""
    return importlib.util.find_spec("matplotlib") is not None


def check_matplotlib() -> None:
    """Refuse plots where matplotlib is not installed, before anything is computed.

    Raises:
        InstallationError: when it is not.
    """
    if not has_matplotlib():
        raise InstallationError(
            "plots need matplotlib, which is not installed",
            remedy="Install it with: pip install 'flarecli[plots]'.",
        )


def prepare_matplotlib() -> None:
    """Import matplotlib where it has not been yet; call this before `from matplotlib import ...`.

    It looks for fonts when it is first imported and keeps the list in a folder of the user's home. Here that list goes
    to `flare`'s cache, or nowhere where the cache is off; settings of the user (`matplotlibrc`) are not read, so that
    pictures look alike everywhere. `MPLCONFIGDIR` is respected where it is set.

    Raises:
        InstallationError: when it is not installed.
    """
    if "matplotlib.font_manager" in sys.modules:
        return
    check_matplotlib()
    with _folder() as folder, overridden_environment(_FOLDER, str(folder)):
        import matplotlib.font_manager  # noqa: F401


@contextmanager
def _folder() -> Iterator[Path]:
    kept = cache_folder()
    if kept is not None:
        yield kept / "matplotlib"
    else:
        with tempfile.TemporaryDirectory(prefix="flare-matplotlib-") as folder:
            yield Path(folder)
