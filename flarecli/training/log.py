"""What a run writes down as it goes: one row an iteration, one a validation; and how it is shown elsewhere."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from flarecli.errors import InputError
from flarecli.files.atomic import atomic_text

ITERATION = "iteration"


class CsvLog:
    """A CSV file with a row for each of some iterations.

    Opened for a run that goes on, it first drops the rows after the checkpoint, which will come again.

    Args:
        path: The file.
        columns: Names of the columns after "iteration".
        done: Iterations of the checkpoint that the run goes on from.
    """

    def __init__(self, path: Path, columns: Sequence[str], done: int) -> None:
        self._columns = tuple(columns)
        header, rows = [ITERATION, *columns], []
        if path.exists():
            rows = [row for row in read_rows(path) if int(row[ITERATION]) <= done]
        with atomic_text(path) as file:
            writer = csv.DictWriter(file, header, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
        self._file: IO[str] = path.open("a", newline="", encoding="utf-8")
        self._writer = csv.writer(self._file)

    def __enter__(self) -> CsvLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def write(self, iteration: int, values: Sequence[float]) -> None:
        """Add a row."""
        self._writer.writerow([iteration, *(f"{value:.9g}" for value in values)])

    def flush(self) -> None:
        """Hand everything to the operating system."""
        self._file.flush()


def read_rows(path: Path) -> list[dict[str, str]]:
    """The whole rows of a log; a last one that was cut off in writing is left out.

    Raises:
        InputError: when the file is not a log.
    """
    with path.open(newline="", encoding="utf-8") as file:
        text = file.read()
    lines = text[: text.rfind("\n") + 1].splitlines()
    rows = list(csv.DictReader(lines))
    if rows and ITERATION not in rows[0]:
        raise InputError(
            "is not a log of a run",
            path=path,
            seen=", ".join(rows[0]),
            expected=f"a column {ITERATION}",
            remedy="Choose another folder for the run.",
        )
    return rows


class TensorBoardLog:
    """Scalars for TensorBoard, where the package tensorboardX is installed.

    Args:
        folder: Where the events go; None for nowhere.
    """

    def __init__(self, folder: Path | None, done: int) -> None:
        self._writer: Any = None
        if folder is not None:
            self._writer = _summary_writer(folder, done)

    def __enter__(self) -> TensorBoardLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.close()

    def write(self, iteration: int, values: dict[str, float]) -> None:
        """Add one value for each name."""
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(name, value, iteration)


def _summary_writer(folder: Path, done: int) -> Any:
    from flarecli.errors import InstallationError

    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        raise InstallationError(
            "TensorBoard logs need the package tensorboardX",
            remedy="Install it: pip install 'flarecli[tensorboard]', or leave out --tensorboard.",
        ) from error
    # Events after the checkpoint come again; TensorBoard hides the first ones of these.
    return SummaryWriter(str(folder), purge_step=done + 1)
