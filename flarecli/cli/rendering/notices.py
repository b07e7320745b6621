"""Warnings on standard error."""

from __future__ import annotations

from flarecli.cli.output import stderr_console
from flarecli.files.printable import printable_name


def print_warning(sentence: str) -> None:
    """Print a warning on one line."""
    from rich.markup import escape

    stderr_console().print(
        f"[yellow]warning:[/yellow] {escape(printable_name(sentence))}", highlight=False, soft_wrap=True
    )
