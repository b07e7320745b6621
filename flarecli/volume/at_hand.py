"""Images of servers, brought here for as long as they are read, with the files that their headers name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from flarecli.addresses import is_staged
from flarecli.errors import InputError
from flarecli.volume.image_files import files_of_image


@contextmanager
def images_at_hand(*paths: Path | None) -> Iterator[None]:
    """Bring images (files, or folders of DICOM slices) that stand for addresses; others are left as they are.

    Raises:
        InputError: as `flarecli.files.remote.reading.at_hand` does.
    """
    staged = [path for path in paths if path is not None and is_staged(path)]
    if not staged:
        yield
        return
    from flarecli.files.remote.reading import at_hand

    with ExitStack() as held:
        for path in staged:
            held.enter_context(at_hand(path))
            if path.is_file():
                for beside in files_of_image(path):
                    if beside != path and is_staged(beside):
                        _hold_if_there(held, beside)
        yield


def _hold_if_there(held: ExitStack, path: Path) -> None:
    """A header may name files that do not exist: the reader says which."""
    from flarecli.files.remote.reading import at_hand

    try:
        held.enter_context(at_hand(path))
    except InputError as error:
        if error.problem != "does not exist":
            raise
