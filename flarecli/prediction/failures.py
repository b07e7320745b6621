"""Whatever ends the work on one scan, as an error that says whose matter it is."""

from __future__ import annotations

import errno
from pathlib import Path

from flarecli.errors import Blame, FlareError, InputError, InstallationError, UnexpectedError, blame_of

_OUT_OF_MEMORY = ("bad_alloc", "bad allocation", "out of memory", "cannot allocate memory", "not enough memory")


def error_of_scan(cause: BaseException, scan: Path) -> FlareError:
    """The typed error for what was raised while a scan was segmented; the cause is chained."""
    if isinstance(cause, FlareError):
        return cause
    error: FlareError
    if _ran_out_of_memory(cause):
        error = InputError(
            "memory ran out while the scan was segmented",
            path=scan,
            seen=str(cause) or type(cause).__name__,
            expected="enough memory for the scan and the networks",
            remedy="Close other programs, use a machine with more memory, or segment a part of the scan with --roi.",
            blame=Blame.HOST,
        )
    elif isinstance(cause, OSError):
        error = InputError(
            "the operating system refused something while the scan was segmented",
            path=cause.filename if isinstance(cause.filename, str) else scan,
            seen=cause.strerror or str(cause) or type(cause).__name__,
            remedy="Check the disk or network drive of the scan and of the temporary folder, and run it again.",
            blame=None if blame_of(cause) is None else Blame.HOST,
        )
    else:
        error = UnexpectedError(
            f"{type(cause).__name__} while the scan was segmented",
            path=scan,
            seen=cause,
            remedy="This is a defect of flare: report it with the output of `--verbose`.",
        )
    error.__cause__ = cause
    return error


def error_of_engine(cause: BaseException) -> FlareError:
    """The typed error for what was raised while the backend was started and the networks were loaded."""
    if isinstance(cause, FlareError):
        return cause
    if _ran_out_of_memory(cause):
        problem = "memory ran out while the networks were loaded"
        remedy = "Close other programs, or use a machine with more memory."
    else:
        problem = "the networks cannot be loaded"
        remedy = "`flare doctor` examines the backends; another one may work: --backend torch."
    error = InstallationError(problem, seen=f"{type(cause).__name__}: {cause}", remedy=remedy)
    error.__cause__ = cause
    return error


def _ran_out_of_memory(cause: BaseException) -> bool:
    if isinstance(cause, MemoryError) or (isinstance(cause, OSError) and cause.errno == errno.ENOMEM):
        return True
    return isinstance(cause, RuntimeError) and any(words in str(cause).lower() for words in _OUT_OF_MEMORY)
