"""Several files of one result, which appear together when all of them are written."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flarecli.errors import FlareError, OutputError
from flarecli.files.destinations import check_destination, target_of
from flarecli.files.publication import published
from flarecli.files.refusals import write_errors
from flarecli.files.unfinished import clear_abandoned, discard, new_unfinished_folder


@contextmanager
def appearing_together(destinations: Iterable[Path]) -> Iterator[dict[Path, Path]]:
    """Give for each destination a path to write to; on success all are renamed to their names, in the order given.

    The paths lie in temporary folders beside the destinations and have their names. An exception, also an interrupt,
    removes what was written and leaves earlier files of the final names untouched. The body must flush its files to
    disk, as `flarecli.files.atomic` does. Where destinations stand for addresses, all are published there before, the
    first one last.

    Raises:
        OutputError: when a destination cannot be a file, or when the operating system refuses anything, also inside
            the body; it names the destination.
    """
    wanted = list(destinations)
    for destination in wanted:
        check_destination(destination)
    targets = {destination: target_of(destination) for destination in wanted}
    folders: dict[tuple[Path, Path], Path] = {}  # names are unique among destinations of one folder only
    written: dict[Path, Path] = {}
    try:
        for destination, target in targets.items():
            places = (destination.parent, target.parent)
            if places not in folders:
                with write_errors(destination):
                    target.parent.mkdir(parents=True, exist_ok=True)
                    clear_abandoned(target.parent)
                    folders[places] = new_unfinished_folder(target.parent)
            written[destination] = folders[places] / destination.name
        with _named_by_destination(written):
            yield written
        published({targets[path]: temporary for path, temporary in reversed(written.items())})
        _rename(written, targets)
    finally:
        for folder in folders.values():
            discard(folder)


@contextmanager
def _named_by_destination(written: dict[Path, Path]) -> Iterator[None]:
    """Let errors name the destination in the place of its temporary path."""
    final = {temporary: destination for destination, temporary in written.items()}
    try:
        with write_errors(next(iter(written))):
            yield
    except OutputError as error:
        if error.path not in final:
            raise
        raise OutputError(
            error.problem, path=final[error.path], seen=error.seen, expected=error.expected, remedy=error.remedy
        ) from error


def _rename(written: dict[Path, Path], targets: dict[Path, Path]) -> None:
    appeared: list[Path] = []
    try:
        for destination, temporary in written.items():
            target = targets[destination]
            is_new = not target.exists()
            with write_errors(destination):
                temporary.replace(target)
            if is_new:
                appeared.append(target)
    except FlareError:
        for target in appeared:
            with contextlib.suppress(OSError):
                target.unlink()
        raise
