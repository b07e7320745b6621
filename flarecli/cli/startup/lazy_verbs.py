"""Verbs whose modules are imported when they are called: help and every single verb start without the others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from flarecli.cli.startup.refused_addresses import refuse_addresses
from flarecli.garbage_collection import garbage_collection_paused

HELP_OPTIONS = ["-h", "--help"]


@dataclass(frozen=True)
class Verb:
    """A verb before its module is imported.

    Attributes:
        name: Its name on the command line.
        target: `module:name` of its function, or of its `typer.Typer` where it has verbs of its own.
        help: The first line of its help, for the list of verbs.
        addresses: Its arguments and options that take addresses (`s3://`, `tcp://`); all others refuse them.
    """

    name: str
    target: str
    help: str
    addresses: frozenset[str] = frozenset()


class LazyVerb(TyperCommand):
    """Placeholder in the list of verbs, replaced by the verb itself when its arguments are parsed."""

    def __init__(self, verb: Verb) -> None:
        super().__init__(verb.name, help=verb.help)
        self._verb = verb

    @property
    def command(self) -> Any:
        """The verb itself."""
        return _command(self._verb)

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """The context of the verb itself."""
        with garbage_collection_paused():
            return self.command.make_context(info_name, args, parent=parent, **extra)


def lazy_group(verbs: tuple[Verb, ...]) -> type[TyperGroup]:
    """A class of groups that hold these verbs, in this order."""

    class LazyGroup(TyperGroup):
        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings)
            self.commands.update({verb.name: LazyVerb(verb) for verb in verbs})

        def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
            """The context of the group; prints the help where that is asked for."""
            with garbage_collection_paused():
                return super().make_context(info_name, args, parent=parent, **extra)

    return LazyGroup


@cache
def _command(verb: Verb) -> Any:
    module, _, name = verb.target.partition(":")
    target = getattr(import_module(module), name)
    group = typer.Typer(add_completion=False, rich_markup_mode="rich")
    group.callback()(_nothing)
    if isinstance(target, typer.Typer):
        group.add_typer(target, name=verb.name)
    else:
        group.command(verb.name)(target)
    command = typer.main.get_group(group).commands[verb.name]
    # typer keeps the help option of the first context, which need not be one of the whole command.
    command.context_settings.setdefault("help_option_names", HELP_OPTIONS)
    refuse_addresses(command, verb.addresses)
    return command


def _nothing() -> None:
    """Runs before the verb."""
