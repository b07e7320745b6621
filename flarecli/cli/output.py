"""Output of commands: results on standard output, progress and errors on standard error, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from flarecli.cli.startup.signals import exit_code_of
from flarecli.errors import FlareError, StoppedError, error_of

if TYPE_CHECKING:
    from rich.console import Console


def stdout_console() -> Console:
    """Console for results."""
    from flarecli.cli.rendering.console import SafeConsole

    return SafeConsole()


def stderr_console() -> Console:
    """Console for progress, warnings and errors."""
    from flarecli.cli.rendering.console import SafeConsole

    return SafeConsole(stderr=True)


def print_json(content: Any) -> None:
    """Print one JSON document on standard output, without colours or wrapping, valid in every encoding."""
    typer.echo(json.dumps(content, indent=2, ensure_ascii=_needs_ascii()))


def print_json_line(content: Any) -> None:
    """Print one JSON document on one line, at once, where others follow."""
    typer.echo(json.dumps(content, ensure_ascii=_needs_ascii()))


def print_json_array(contents: Iterable[Any]) -> None:
    """Print one JSON document, a list, as `print_json` would, but item by item."""
    has_items = False
    for content in contents:
        text = json.dumps(content, indent=2, ensure_ascii=_needs_ascii()).replace("\n", "\n  ")
        typer.echo(f"{',' if has_items else '['}\n  {text}", nl=False)
        has_items = True
    typer.echo("\n]" if has_items else "[]")


def _needs_ascii() -> bool:
    return (sys.stdout.encoding or "ascii").replace("-", "").replace("_", "").lower() != "utf8"


@contextmanager
def reported_errors(
    *, as_json: bool, go_on: str = "Run the same command again.", anonymous: bool = False
) -> Iterator[None]:
    """Turn a `FlareError`, a refusal of the operating system, Ctrl-C or SIGTERM into a message (or a JSON document) and
    its exit code.

    Args:
        as_json: Whether a program reads standard output.
        go_on: What to do after an interruption, one sentence.
        anonymous: Whether messages must not name what is read.
    """
    try:
        yield
    except FlareError as error:
        _print(_shown(error, anonymous=anonymous), as_json=as_json)
        raise typer.Exit(error.exit_code) from None
    except BrokenPipeError:
        raise
    except (OSError, MemoryError) as cause:
        refusal = error_of(cause, None)
        _print(_shown(refusal, anonymous=anonymous), as_json=as_json)
        raise typer.Exit(refusal.exit_code) from None
    except KeyboardInterrupt as interruption:
        stopped = StoppedError("interrupted; no file is left half-written", remedy=go_on)
        stopped.exit_code = exit_code_of(interruption)  # type: ignore[misc]
        _print(stopped, as_json=as_json)
        raise typer.Exit(stopped.exit_code) from None


def _shown(error: FlareError, *, anonymous: bool) -> FlareError:
    if not anonymous:
        return error
    from flarecli.prediction.anonymity import anonymous_error

    return anonymous_error(error)


def _print(error: FlareError, *, as_json: bool) -> None:
    if as_json:
        print_json({"error": error.as_dict()})
    else:
        print_error(error)


def print_warning(text: str, name: str | None = None) -> None:
    """Print what the user should know, of a case where it has a name."""
    from rich.markup import escape

    who = "" if name is None else f"[bold]{escape(name)}[/bold]: "
    stderr_console().print(f"[yellow]warning:[/yellow] {who}{escape(text)}", highlight=False, soft_wrap=True)


def print_error(error: FlareError) -> None:
    """Print an error as a short block: what is wrong, what was seen and expected, what to do."""
    from rich.markup import escape

    console = stderr_console()
    where = f"[bold]{escape(str(error.place))}[/bold]: " if error.path else ""
    console.print(f"[red]error:[/red] {where}{escape(error.problem)}", highlight=False, soft_wrap=True)
    if error.seen is not None:
        console.print(f"  seen:     {escape(error.seen)}", highlight=False, soft_wrap=True)
    if error.expected is not None:
        console.print(f"  expected: {escape(error.expected)}", highlight=False, soft_wrap=True)
    remedy = error.remedy.replace("\n", "\n  ")
    console.print(f"  {escape(remedy)}", highlight=False, soft_wrap=True)


def print_traceback(error: BaseException) -> None:
    """Print where an error came from, with its causes, for reports of defects."""
    import traceback

    stderr_console().print("".join(traceback.format_exception(error)), markup=False, highlight=False, soft_wrap=True)
