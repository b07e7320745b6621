"""The page of the command line, from the command itself: what `--help` shows, for every verb."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, get_args

import typer

_INTRODUCTION = """\
# Command line

This page is what `flare VERB --help` shows. Every verb takes `--help`; exit codes and errors are on
[a page of their own](errors.md), and so are [environment variables](environment.md).
"""


def write(path: Path) -> None:
    """Write the page, unless it is there with the same text."""
    text = "\n".join([_INTRODUCTION, *_lines()]) + "\n"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def commands() -> Iterator[tuple[str, Any]]:
    """Every command with the words that call it, the groups before their members."""
    from flarecli.cli.main import app

    yield from _below("flare", typer.main.get_command(app))


def _below(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    command = command.make_context(name, [], resilient_parsing=True).command  # a verb that is imported when called
    yield name, command
    for member, found in getattr(command, "commands", {}).items():
        yield from _below(f"{name} {member}", found)


def _lines() -> Iterator[str]:
    for name, command in commands():
        context = command.make_context(name, [], resilient_parsing=True)
        usage = " ".join([name, *command.collect_usage_pieces(context)])
        yield from ("", f"## {name}", "", "```text", usage, "```", "", _text(command.help or ""), "")
        for parameter in command.params:
            yield from _parameter(parameter)


def _parameter(parameter: Any) -> Iterator[str]:
    names = [*parameter.opts, *parameter.secondary_opts]
    if parameter.param_type_name == "argument":
        names = [(parameter.metavar or parameter.name).upper()]
    if getattr(parameter, "hidden", False):
        return
    kind = "" if getattr(parameter, "is_flag", False) else _kind(parameter)
    yield f"{', '.join(f'`{name}`' for name in names)}{kind}"
    yield f": {_text(getattr(parameter, 'help', None) or '')}{_default(parameter)}".rstrip()
    yield ""


def _kind(parameter: Any) -> str:
    """What stands behind an option: its placeholder, or the values to choose from."""
    if parameter.param_type_name == "argument":
        return ""
    if parameter.metavar:
        return f" {_text(parameter.metavar)}"
    annotation = parameter.type_descriptor.annotation
    names = [str(value.value) for value in annotation] if isinstance(annotation, type(Enum)) else []
    names = names or [value for value in get_args(annotation) if isinstance(value, str)]
    return " " + ", ".join(f"`{name}`" for name in names) if names else ""


def _default(parameter: Any) -> str:
    default = parameter.default
    if default in (None, (), [], False, True) or callable(default) or parameter.param_type_name == "argument":
        return ""
    return f" By default `{getattr(default, 'value', default)}`."


def _text(help_text: str) -> str:
    """Help as Markdown: its lines joined to paragraphs, what Markdown or HTML would take away escaped."""
    joined = "\n\n".join(" ".join(part.split()) for part in help_text.replace("\b", "").split("\n\n"))
    for character in "\\<>*_[]|$":
        joined = joined.replace(character, f"\\{character}")
    return joined.strip()
