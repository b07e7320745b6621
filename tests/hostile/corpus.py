"""How an odd input is described, and how it is tried: in this process, through the command line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from flarecli.cli.main import app
from flarecli.files.unfinished import PREFIX

_NEVER = ("Traceback", "defect of flare")


@dataclass(frozen=True)
class OddInput:
    """One entry of the corpus.

    Attributes:
        name: What is odd, in a few words; the name of its test.
        make: Writes the input files into an empty folder; returns the arguments of `flare`. Outputs go into the
            subfolder `out` of that folder, which does not exist yet.
        exit_code: How the command must end.
        words: Each must occur in what it prints, whatever the case of letters.
        writes: Files below `out` that must exist afterwards, and no others beside them; None where only a command
            that fails must leave none.
    """

    name: str
    make: Callable[[Path], Sequence[str | Path]]
    exit_code: int
    words: tuple[str, ...] = ()
    writes: tuple[str, ...] | None = None


def names(corpus: Sequence[OddInput]) -> list[str]:
    """The names of a corpus's entries, for pytest; each once."""
    listed = [entry.name for entry in corpus]
    assert len(set(listed)) == len(listed)
    return listed


def check(entry: OddInput, folder: Path) -> None:
    """Make the input, run the command and compare its exit code, its words and what it left."""
    arguments = [str(argument) for argument in entry.make(folder)]
    result = CliRunner().invoke(app, arguments)
    told = " ".join(result.output.split())
    assert result.exit_code == entry.exit_code, f"exit code {result.exit_code}: {told} {result.exception!r}"
    for word in entry.words:
        assert word.lower() in told.lower(), told
    for word in _NEVER:
        assert word not in told
    left = sorted(str(path.relative_to(folder / "out")) for path in (folder / "out").rglob("*") if path.is_file())
    assert not list(folder.rglob(f"{PREFIX}*"))
    if entry.writes is not None:
        assert left == sorted(entry.writes)
    elif entry.exit_code not in (0, 4):
        assert left == []
