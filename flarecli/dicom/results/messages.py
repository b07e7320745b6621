"""Messages of highdicom and pydicom, which may contain patient data: not shown on the terminal."""

from __future__ import annotations

import logging
import warnings


def keep_messages_private() -> None:
    """Ignore their warnings, and let their loggers write only where the program has set up a handler.

    Called before every use: a program may have reset the filters.
    """
    for package in ("highdicom", "pydicom"):
        warnings.filterwarnings("ignore", module=rf"{package}(\.|$)")
        logger = logging.getLogger(package)
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
