"""Several files of one result, which appear together when all of them are written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flarecli.addresses import is_staged
from flarecli.errors import OutputError
from flarecli.files.destinations import check_destination, target_of
from flarecli.files.publication import published, remove_file
from flarecli.files.refusals import write_errors
from flarecli.files.replacements import Replacements
from flarecli.files.unfinished import clear_abandoned, discard, new_unfinished_folder


@dataclass(frozen=True)
class ExistingFiles:
    """What happens where files have the names of the destinations when the new ones are ready.

    Attributes:
        may_be_replaced: Whether they may be replaced; asked once, when all is written.
        refusal: The error for a destination where a file lies that may not.
    """

    may_be_replaced: Callable[[], bool]
    refusal: Callable[[Path], OutputError]


@contextmanager
def appearing_together(
    destinations: Iterable[Path],
    *,
    gone: Iterable[Path] = (),
    outdated: Iterable[Path] = (),
    existing: ExistingFiles | None = None,
) -> Iterator[dict[Path, Path]]:
    """Give for each destination a path to write to; on success all are renamed to their names.

    The first destination is the record of the others. Where it is new, it appears first, so that a process that is
    killed leaves no file without a record; where it exists, it is replaced last, so that it is not taken for the record
    of earlier files. The others follow each other in the order given.

    The paths lie in temporary folders beside the destinations and have their names. An exception, also an interrupt,
    removes what was written and leaves earlier files of the final names as they were; so does a rename that is refused.
    The body must flush its files to disk, as `flarecli.files.atomic` does. Where destinations stand for addresses, all
    are published there before, in the same order.

    Args:
        destinations: The files, the record first.
        gone: Files of an earlier result that this one does not have: removed where they exist and may be replaced,
            after the others have appeared.
        outdated: Files that say what is no longer true: removed where they exist, after the others have appeared.
        existing: What happens where files exist; None replaces them.

    Raises:
        OutputError: when a destination cannot be a file, when one exists that may not be replaced, or when the
            operating system refuses anything, also inside the body; it names the destination.
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
        order = _order(wanted, targets)
        replaces = existing is None or existing.may_be_replaced()
        published({targets[destination]: written[destination] for destination in order})
        with Replacements() as replacements:
            for destination in order:
                with write_errors(destination):
                    if existing is None or replaces:
                        replacements.replace(targets[destination], written[destination])
                        continue
                    try:
                        replacements.add(targets[destination], written[destination])
                    except FileExistsError as error:
                        raise existing.refusal(destination) from error
            for path in (*(gone if replaces else ()), *outdated):
                with write_errors(path):
                    if is_staged(path):
                        remove_file(path)
                    else:
                        replacements.remove(path)
    finally:
        for folder in folders.values():
            discard(folder)


def _order(wanted: Sequence[Path], targets: dict[Path, Path]) -> Sequence[Path]:
    record, *others = wanted
    return [*others, record] if targets[record].exists() else [record, *others]


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
            error.problem,
            path=final[error.path],
            seen=error.seen,
            expected=error.expected,
            remedy=error.remedy,
            blame=error.blame,
        ) from error
