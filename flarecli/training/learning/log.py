"""Logs of a run: one CSV row an iteration, one a validation, and scalars for TensorBoard."""

from __future__ import annotations

import csv
import io
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from flarecli.counts import counted
from flarecli.errors import InputError, InstallationError, OutputError
from flarecli.files.atomic import atomic_text
from flarecli.files.refusals import write_errors
from flarecli.files.sources import opened

ITERATION = "iteration"

_SHOWN = 60
"""Characters of a damaged line that a message shows."""


class CsvLog:
    """A CSV file with a row for each of some iterations.

    Opened for a run that is resumed, it first drops the rows after the checkpoint, which are computed again.

    Args:
        path: The file; None for nowhere.
        columns: Names of the columns after "iteration".
        done: Iterations of the checkpoint from which the run is resumed.
    """

    def __init__(self, path: Path | None, columns: Sequence[str], done: int) -> None:
        self._columns = tuple(columns)
        self._path = path
        if path is None:
            return
        header, rows = [ITERATION, *columns], []
        if path.exists():
            rows = [row for row in read_rows(path) if int(row[ITERATION]) <= done]
        with atomic_text(path) as file:
            writer = csv.DictWriter(file, header, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
        with write_errors(path):
            self._file: IO[str] = path.open("a", newline="", encoding="utf-8")
        self._writer = csv.writer(self._file)

    def __enter__(self) -> CsvLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._path is None:
            return
        try:
            with write_errors(self._path):
                self._file.close()
        except OutputError:
            if error is None:  # an error that ended the run before takes precedence
                raise

    def write(self, iteration: int, values: Sequence[float]) -> None:
        """Add a row.

        Raises:
            OutputError: when it cannot be written.
        """
        if self._path is None:
            return
        with write_errors(self._path):
            self._writer.writerow([iteration, *(f"{value:.9g}" for value in values)])

    def flush(self) -> None:
        """Hand everything to the operating system.

        Raises:
            OutputError: when it cannot be written.
        """
        if self._path is None:
            return
        with write_errors(self._path):
            self._file.flush()


def read_rows(path: Path) -> list[dict[str, str]]:
    """The whole rows of a log; a last one that was cut off in writing is left out.

    Every value is a number, or empty in a column that a row was written without; the iteration is a whole one.

    Raises:
        InputError: when the file is not a log, or a line of it is damaged.
    """
    with opened(path) as file:
        text = file.read().decode("utf-8", errors="replace")
    reader = csv.reader(io.StringIO(text[: text.rfind("\n") + 1], newline=""), quoting=csv.QUOTE_NONE)
    rows: list[dict[str, str]] = []
    header: list[str] = []
    try:
        for values in filter(None, reader):
            if not header:
                header = _checked_header(values, path)
            elif _is_row(values, header):
                rows.append(dict(zip(header, values, strict=True)))
            else:
                raise csv.Error(", ".join(values)[:_SHOWN])
    except csv.Error as error:
        raise InputError(
            f"line {reader.line_num} is damaged",
            path=path,
            seen=repr(str(error)),
            expected=f"{counted(len(header), 'number')}: {', '.join(header)}",
            remedy="Delete the line, and run the command again.",
        ) from error
    return rows


def _is_row(values: Sequence[str], header: Sequence[str]) -> bool:
    if len(values) != len(header):
        return False
    try:
        int(values[header.index(ITERATION)])
        for value in filter(None, values):
            float(value)
    except ValueError:
        return False
    return True


def _checked_header(names: list[str], path: Path) -> list[str]:
    if ITERATION in names:
        return names
    raise InputError(
        "is not a log of a run",
        path=path,
        seen=", ".join(names),
        expected=f"a column {ITERATION}",
        remedy="Choose another folder for the run.",
    )


class TensorBoardLog:
    """Scalars for TensorBoard, where the package tensorboardX is installed.

    Args:
        folder: Where the events go; None for nowhere.
        done: Iterations of the checkpoint from which the run is resumed. Events after it are written again;
            TensorBoard hides the first ones of these.

    Raises:
        InstallationError: when the package is not there.
        OutputError: when the events cannot be written.
    """

    def __init__(self, folder: Path | None, done: int) -> None:
        self._folder = folder
        self._events: Any = None
        if folder is None:
            return
        try:
            # Not SummaryWriter: it writes in a thread, and waits for ever once that has met a full disk.
            from tensorboardX.proto.event_pb2 import Event, SessionLog
            from tensorboardX.record_writer import RecordWriter
        except ImportError as error:
            raise InstallationError(
                "TensorBoard logs need the package tensorboardX",
                remedy="Install it: pip install 'flarecli[tensorboard]', or leave out --tensorboard.",
            ) from error
        with write_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            name = f"events.out.tfevents.{int(time.time())}.{socket.gethostname()}"
            self._events = RecordWriter(str(folder / name))
            begun = SessionLog(status=SessionLog.START)
            for event in (Event(file_version="brain.Event:2"), Event(step=done + 1, session_log=begun)):
                event.wall_time = time.time()
                self._events.write(event.SerializeToString())

    def __enter__(self) -> TensorBoardLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._events is None or self._folder is None:
            return
        try:
            with write_errors(self._folder):
                self._events.close()
        except OutputError:
            if error is None:
                raise

    def write(self, iteration: int, values: dict[str, float]) -> None:
        """Add one value for each name.

        Raises:
            OutputError: when they cannot be written.
        """
        if self._events is None or self._folder is None:
            return
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.summary import scalar

        with write_errors(self._folder):
            for name, value in values.items():
                event = Event(wall_time=time.time(), step=iteration, summary=scalar(name, value))
                self._events.write(event.SerializeToString())

    def flush(self) -> None:
        """Hand everything to the operating system.

        Raises:
            OutputError: when it cannot be written.
        """
        if self._events is not None and self._folder is not None:
            with write_errors(self._folder):
                self._events.flush()
