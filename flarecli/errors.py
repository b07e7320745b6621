"""What can go wrong, as data: each error knows what was seen, what was expected, what to do, and its exit code.

The library raises these; only the command line prints them and exits.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

from flarecli.addresses import shown


class Blame(StrEnum):
    """Why an input failed: what decides whether it is to be tried again, and where."""

    INPUT = "input"
    """What was given: it fails everywhere and always."""
    ACCESS = "access"
    """This host does not show this input, or cannot hold it; another host may, or this one later."""
    HOST = "host"
    """This host failed in the midst of the work, or lacks something, and may fail at other inputs likewise."""


_OF_THE_NAME = (errno.EINVAL, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG)
"""What the operating system says of a name that no host has a file for, or of a place that no file has."""


class FlareError(Exception):
    """Base of every error that `flare` raises on purpose.

    Args:
        problem: What is wrong, in one sentence without a full stop at the end.
        remedy: What the user can do about it, one sentence.
        path: The file or folder concerned; where it stands for an address, that is shown.
        seen: The value found, as it should be shown.
        expected: The value or range that would have been right.
        blame: Whose fault it is; where None, the cause of the error tells (`raise ... from cause`).
    """

    kind: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1
    usual_blame: ClassVar[Blame] = Blame.INPUT

    def __init__(
        self,
        problem: str,
        *,
        remedy: str,
        path: Path | str | None = None,
        seen: object | None = None,
        expected: object | None = None,
        blame: Blame | None = None,
    ) -> None:
        self._blame = blame
        self.problem = shown(problem)
        self.remedy = shown(remedy)
        self.path = None if path is None else Path(path)
        self.place = None if path is None else shown(path)
        self.seen = None if seen is None else shown(seen if isinstance(seen, str) else str(seen))
        self.expected = None if expected is None else shown(str(expected))
        super().__init__(self._sentence())

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.as_dict(), self.blame)

    @property
    def blame(self) -> Blame:
        """Whose fault it is: of the input, or of the host that worked on it."""
        if self._blame is not None:
            return self._blame
        return self.usual_blame if self.__cause__ is None else blame_of(self.__cause__) or self.usual_blame

    def _sentence(self) -> str:
        parts = [f"{self.place}: {self.problem}" if self.path else self.problem]
        if self.seen is not None:
            parts.append(f"seen: {self.seen}")
        if self.expected is not None:
            parts.append(f"expected: {self.expected}")
        return "; ".join(parts) + f". {self.remedy}"

    def as_dict(self) -> dict[str, Any]:
        """The error for programs: the same facts that the terminal shows, under fixed keys."""
        return {
            "kind": self.kind,
            "problem": self.problem,
            "path": self.place,
            "seen": self.seen,
            "expected": self.expected,
            "remedy": self.remedy,
            "exit_code": self.exit_code,
        }


def blame_of(cause: BaseException) -> Blame | None:
    """Whose fault an exception is; None where it does not say.

    What the operating system refuses has a number. Libraries raise an `OSError` without one for content that they do
    not understand.
    """
    if isinstance(cause, FlareError):
        return cause.blame
    if isinstance(cause, MemoryError):
        return Blame.HOST
    if not isinstance(cause, OSError) or cause.errno is None or cause.errno in _OF_THE_NAME:
        return None
    return Blame.HOST if cause.errno == errno.ENOMEM else Blame.ACCESS


def _rebuild(cls: type[FlareError], facts: dict[str, Any], blame: Blame | None = None) -> FlareError:
    """Restore an error that crossed a process boundary."""
    return cls(
        facts["problem"],
        remedy=facts["remedy"],
        path=facts["path"],
        seen=facts["seen"],
        expected=facts["expected"],
        blame=blame,
    )


class UsageError(FlareError):
    """The command or call was put together wrongly: an unknown system, two options that exclude each other."""

    kind = "usage"
    exit_code = 2


class InputError(FlareError):
    """A file or value that was given cannot be used: missing, broken, or not what it should be."""

    kind = "input"
    exit_code = 3


class OutputError(InputError):
    """A file cannot be written where it was asked for: a device, a full disk, a folder that is not there."""

    kind = "output"
    exit_code = 3
    usual_blame = Blame.HOST


class PartialFailureError(FlareError):
    """Some cases of several failed; the others were completed."""

    kind = "partial"
    exit_code = 4


class InstallationError(FlareError):
    """The installation lacks something that was asked for: a backend, a device, a package."""

    kind = "environment"
    exit_code = 5
    usual_blame = Blame.HOST


class StoppedError(FlareError):
    """A signal asked the command to end before it was done."""

    kind = "stopped"
    exit_code = 130
    usual_blame = Blame.HOST


class UnexpectedError(FlareError):
    """A defect of `flare` itself, met while working on one case of several; the cause is chained."""

    kind = "unexpected"
    exit_code = 1


def error_of(cause: Exception, path: Path | None) -> FlareError:
    """The error of one case of several for whatever ended the work on it.

    Args:
        cause: What was raised.
        path: The file that was worked on.
    """
    if isinstance(cause, FlareError):
        return cause
    if isinstance(cause, MemoryError):
        return InputError(
            "needs more memory than is available",
            path=path,
            seen=str(cause) or "an allocation that failed",
            remedy="Use a machine with more memory, or fewer processes at a time (--jobs 1).",
            blame=Blame.HOST,
        )
    if isinstance(cause, OSError):
        return InputError(
            "cannot be used" if cause.filename else "the operating system refused access to a file",
            path=cause.filename or path,
            seen=cause.strerror or str(cause),
            remedy="Check the path, its permissions, and the disk or network drive it lies on.",
            blame=blame_of(cause),
        )
    return UnexpectedError(
        f"{type(cause).__name__} while the case was worked on",
        path=path,
        seen=cause,
        remedy="This is a defect of flare: please report it.",
    )


def error_from_dict(facts: dict[str, Any]) -> FlareError:
    """The error that `FlareError.as_dict` described, as another process printed it with `--json`."""
    kinds = {cls.kind: cls for cls in _kinds(FlareError) if "kind" in vars(cls)}  # not those that inherit it
    return _rebuild(kinds.get(facts["kind"], UnexpectedError), facts)


def _kinds(base: type[FlareError]) -> Iterator[type[FlareError]]:
    for cls in base.__subclasses__():
        yield cls
        yield from _kinds(cls)
