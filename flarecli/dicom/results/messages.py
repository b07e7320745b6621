"""Messages of highdicom and pydicom, which may contain patient data: not shown on the terminal."""

from __future__ import annotations

import logging
import warnings

_OF_FAULTS = (
    "The value for the data element .* exceeds the size of 64 kByte",  # written as UN, which few programs read
    "Failed to encode value with encodings",  # written with question marks
    "The end of the encapsulated pixel data has been reached",  # frames are missing
)
"""Beginnings of warnings that an object is not what it should be. They quote no values."""


def keep_messages_private() -> None:
    """Ignore their warnings except those of faults; their loggers write only where the program has set up a handler.

    The other warnings, in pydicom 3.0 and highdicom 0.28, are about values of the scan, which
    `flarecli.dicom.results.identity` checks, names of one component, which are taken as they are, and interfaces that
    will be removed.

    Called before every use: a program may have reset the filters.
    """
    for package in ("highdicom", "pydicom"):
        warnings.filterwarnings("ignore", module=rf"{package}(\.|$)")
        logger = logging.getLogger(package)
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
    for beginning in _OF_FAULTS:
        warnings.filterwarnings("default", message=beginning)
