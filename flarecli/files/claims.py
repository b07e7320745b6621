"""Claims: files that say which process works on which case, so that many processes share one list without a server.

A claim is the file `.flare-claim-<case>-<turn>` beside the result, created with O_EXCL, which is atomic on local and
network file systems alike; no locks are needed. Turn 1 is the first process that works on the case. Where it died, the
next one creates turn 2: nothing is removed or renamed to take a claim over, so that of several processes that find a
dead one exactly one succeeds. The highest turn holds the case.

A holder renews the modification time of its claims. Whether a claim of another host is dead, is judged by the file
system's own clock: the clocks of hosts may differ. Of this host, its processes are looked at.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from flarecli.files.refusals import write_errors
from flarecli.files.unfinished import is_running, now_in, this_host

RENEWAL_S = 10.0
"""How often a holder renews its claims."""

DEAD_S = 120.0
"""A claim of another host that was not renewed for so long is dead. Far longer than network file systems keep times of
files in memory (60 s)."""

_PREFIX = ".flare-claim-"
_HASH_LENGTH = 24
_GAP = 3


@dataclass(frozen=True)
class Claim:
    """A case that this process holds.

    Attributes:
        labels: The file that is claimed: a label map, or another result.
        turn: 1 for the first process that works on it; more where those before died.
    """

    labels: Path
    turn: int


class Claims:
    """The claims of this process, renewed by a thread of it until they are released; leaving the block releases all."""

    def __init__(self, *, renewal_s: float = RENEWAL_S, dead_s: float = DEAD_S) -> None:
        self._renewal_s, self._dead_s = renewal_s, dead_s
        self._held: dict[Path, Claim] = {}
        self._lock = threading.Lock()
        self._ends = threading.Event()
        self._renewing: threading.Thread | None = None

    def __enter__(self) -> Claims:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.set()
        for claim in list(self._held.values()):
            self.release(claim)

    def take(self, labels: Path, *, over: bool = True) -> Claim | None:
        """Claim a case; None where a living process holds it.

        Whether the case is done must be looked at after this: its holder may just have finished and released it.

        Args:
            labels: The label map to be made.
            over: Whether to take it over from a process that died; else it counts as held.

        Raises:
            OutputError: when the operating system refuses to create the claim.
        """
        with write_errors(labels):
            labels.parent.mkdir(parents=True, exist_ok=True)
            turn = _highest_turn(labels)
            if turn and not (over and self._is_dead(_file(labels, turn))):
                return None
            claim = Claim(labels, turn + 1)
            if not _create(_file(labels, claim.turn)):
                return None
        if _highest_turn(labels) != claim.turn:  # those below were released while this one was being looked at
            _remove(_file(labels, claim.turn))
            return None
        with self._lock:
            self._held[labels] = claim
        self._renew_from_now_on()
        return claim

    def release(self, claim: Claim) -> None:
        """Give a case back, done or not: its claim and those of dead processes before it are removed.

        A claim that cannot be removed becomes stale when this process ends.
        """
        with self._lock:
            self._held.pop(claim.labels, None)
        for turn in range(1, claim.turn + 1):  # the highest last: until then, no process starts the case again
            _remove(_file(claim.labels, turn))

    def clear(self, labels: Path) -> None:
        """Remove what a process left that died after its case had ended, before it could give it back."""
        turn = _highest_turn(labels)
        if turn and self._is_dead(_file(labels, turn)) and (claim := self.take(labels)) is not None:
            self.release(claim)

    def _is_dead(self, path: Path) -> bool:
        try:
            holder = json.loads(path.read_text(encoding="utf-8"))
            host, process, started = holder["host"], int(holder["process"]), holder["started"]
        except (OSError, ValueError, LookupError, TypeError):
            host, process, started = "", 0, ""  # not written yet, or never: the time decides
        if host == this_host():
            return not is_running(process) or _start_of(process) != started
        try:
            return now_in(path.parent) - path.stat().st_mtime > self._dead_s
        except OSError:
            return False

    def _renew_from_now_on(self) -> None:
        if self._renewing is None:
            self._renewing = threading.Thread(target=self._renew, name="flare-claims", daemon=True)
            self._renewing.start()

    def _renew(self) -> None:
        while not self._ends.wait(self._renewal_s):
            with self._lock:
                held = list(self._held.values())
            for claim in held:
                with contextlib.suppress(OSError):
                    os.utime(_file(claim.labels, claim.turn))  # no time given: the file server's own


def _file(labels: Path, turn: int) -> Path:
    """A name of fixed length, however long that of the case is."""
    case = hashlib.sha256(os.fsencode(labels.name)).hexdigest()[:_HASH_LENGTH]
    return labels.with_name(f"{_PREFIX}{case}-{turn}")


def _highest_turn(labels: Path) -> int:
    """The turn that holds a case, 0 for none; one that was stopped for long may have released those between."""
    highest = turn = 0
    while turn < highest + _GAP:
        turn += 1
        if _file(labels, turn).exists():
            highest = turn
    return highest


def _create(path: Path) -> bool:
    """Create a claim; False where another process was faster."""
    process = os.getpid()
    facts = {
        "host": this_host(),
        "process": process,
        "started": _start_of(process),
        "claimed": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    try:  # nothing between creation and content: of an empty claim only the time tells whether its process died
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    except FileExistsError:
        return False
    try:
        os.write(handle, json.dumps(facts).encode())
    except BaseException:
        _remove(path)
        raise
    finally:
        os.close(handle)
    return True


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _start_of(process: int) -> str:
    """When a process of this host started, so that another one of the same number is not taken for it; "" where the
    system does not say."""
    try:
        status = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
        fields = status.rpartition(")")[2].split()  # from field 3 of proc(5) on: state is 3, starttime is 22
        return "" if fields[0] == "Z" else fields[19]
    except (OSError, IndexError):
        return ""
