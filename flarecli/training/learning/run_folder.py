"""The files of a run, and whether a run can be resumed in a folder."""

from __future__ import annotations

import errno
import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flarecli.errors import InputError, UsageError
from flarecli.files.atomic import write_json
from flarecli.files.destinations import check_destination, target_of
from flarecli.files.refusals import write_errors
from flarecli.files.sources import check_regular_file
from flarecli.training.learning.former_runs import present_data, present_settings

CHECKSUMS = "sha256"
"""Key of the checksums of data and weights in a plan; runs of former versions have none, and are resumed without."""

_OF_THE_MACHINE = ("backend", "precision", "processes")
"""Keys of a plan that a finished run may be asked for without."""

_LOCK_NAME = ".lock"
_READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)
_HELD_BY_ANOTHER = (errno.EWOULDBLOCK, errno.EACCES)


@dataclass(frozen=True)
class RunFolder:
    """Names of the files of a run.

    Attributes:
        path: The folder. Weights for prediction, with their card, are the only weights that lie in it directly.
    """

    path: Path

    @property
    def plan(self) -> Path:
        """Settings and data that the run was started with."""
        return self.path / "run.json"

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def best_weights(self) -> Path:
        """Weights of the best validation so far."""
        return self.checkpoints / "best.weights.h5"

    @property
    def averaged_weights(self) -> Path:
        """Averaged weights of the last iteration, which are released where the last ones are selected."""
        return self.checkpoints / "last.weights.h5"

    @property
    def losses(self) -> Path:
        """Losses of every iteration."""
        return self.path / "losses.csv"

    @property
    def validations(self) -> Path:
        """Results of every validation."""
        return self.path / "validation.csv"

    @property
    def curves(self) -> Path:
        """Picture of both."""
        return self.path / "curves.png"

    @property
    def scores(self) -> Path:
        """Scores of the released weights on the held-out scans; written when the run is finished."""
        return self.path / "scores.json"

    @property
    def tensorboard(self) -> Path:
        """Folder of TensorBoard's events."""
        return self.path / "tensorboard"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes, of any host, from training in the folder until the block ends.

        File systems without locks have none, and a folder that cannot be written to needs none.

        Raises:
            UsageError: when another process trains in it.
            OutputError: when the folder cannot be made.
        """
        with write_errors(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            try:
                lock = (self.path / _LOCK_NAME).open("a")
            except OSError as error:
                if error.errno not in _READ_ONLY:
                    raise
                lock = None
        if lock is None:
            yield
            return
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno in _HELD_BY_ANOTHER:
                    raise UsageError(
                        "another process is training in this folder",
                        path=self.path,
                        remedy="Wait until it has finished or end it, or choose another folder.",
                    ) from error
            yield

    @property
    def is_in_use(self) -> bool:
        """Whether a process trains in it now."""
        try:
            lock = (self.path / _LOCK_NAME).open()
        except OSError:
            return False
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError as error:
                return error.errno in _HELD_BY_ANOTHER
        return False

    def begin(self, plan: Mapping[str, Any]) -> None:
        """Record the settings of the run, or check that an earlier run in the folder had the same.

        A run that ended before its first checkpoint may be restarted with other settings, and a finished one, which
        trains nothing more, may be looked at on another kind of machine.

        Raises:
            UsageError: when the folder holds a run of other settings or data; names what differs.
            InputError: when what it holds cannot be read.
        """
        new = json.loads(json.dumps(dict(plan)))
        if not self.plan.exists() or not (self.scores.exists() or any(self.checkpoints.glob("step_*.npz"))):
            write_json(self.plan, new)
            return
        try:
            check_regular_file(self.plan)
            old = json.loads(self.plan.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(
                "cannot be read", path=self.plan, seen=error, remedy="Choose another folder for the run."
            ) from error
        if isinstance(old, dict) and isinstance(old.get("settings"), dict):
            old["settings"] = present_settings(old["settings"])
            old.setdefault(CHECKSUMS, new.get(CHECKSUMS))
            if isinstance(old.get("data"), dict):
                old["data"] = present_data(old["data"], new["data"])
        if self.scores.exists() and isinstance(old, dict):
            old = {**old, **{key: new.get(key) for key in _OF_THE_MACHINE}}
        differences = list(_differences(old, new, ""))
        if differences:
            key, before, now = differences[0]
            others = f" (and {len(differences) - 1} more)" if len(differences) > 1 else ""
            raise UsageError(
                "holds a run with other settings",
                path=self.path,
                seen=f"{key} = {now}{others}",
                expected=f"{key} = {before}, as it was started with",
                remedy="Resume it with the same settings and data, or choose another folder.",
            )


def check_place(run: Path, cache: Path | None) -> None:
    """Refuse a folder for a run that is not a folder, or lies in the cache that the run reads.

    Raises:
        UsageError: when it is the cache or lies in it.
        OutputError: when it, or a folder above it, is a file or may not be written to.
    """
    check_destination(run / "run.json")
    place = target_of(run)
    if cache is not None and target_of(cache) in (place, *place.parents):
        raise UsageError(
            "the run would be written among the files that it reads",
            path=run,
            seen=f"in {cache}",
            remedy="Choose another folder for the run.",
        )


def _differences(old: Any, new: Any, prefix: str) -> list[tuple[str, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        found = []
        for key in dict.fromkeys((*old, *new)):
            found += _differences(old.get(key), new.get(key), f"{prefix}{key}.")
        return found
    return [] if old == new else [(prefix.rstrip("."), old, new)]
