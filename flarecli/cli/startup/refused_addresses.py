"""Addresses of servers given to arguments and options that take paths of this machine: refused before the verb begins.

Taken for paths they would become folders called `s3:`.
"""

from __future__ import annotations

import re
from typing import Any

from flarecli.addresses import START, without_secrets

_FOUND = "flarecli.refused_addresses"
_FOR_NETWORK = re.compile(r"[A-Za-z]\w*=(?=[A-Za-z])")
"""Before a value that is for one network, as in `--weights refine=PATH`."""


def refuse_addresses(command: Any, taking: frozenset[str]) -> None:
    """Let a command, and the commands below it, refuse addresses wherever they are not taken.

    Args:
        command: The command, as typer makes it.
        taking: Names of its arguments and options that take addresses. Commands below it have none.
    """
    for parameter in command.params:
        if parameter.name not in taking:
            _watch(parameter)
    invoke = command.invoke

    def checked(context: Any) -> Any:
        for name, address in context.meta.get(_FOUND, ()):
            _refuse(name, address, context.params)
        return invoke(context)

    command.invoke = checked
    for below in getattr(command, "commands", {}).values():
        refuse_addresses(below, frozenset())


def _watch(parameter: Any) -> None:
    """Note addresses among the values of a parameter as they were written: in a `Path`, `//` has become `/`."""
    process_value = parameter.process_value

    def noted(context: Any, value: Any) -> Any:
        for text in value if isinstance(value, list | tuple) else (value,):
            if isinstance(text, str) and START.match(path := _FOR_NETWORK.sub("", text, count=1)):
                context.meta.setdefault(_FOUND, []).append((_name(parameter), path))
        return process_value(context, value)

    parameter.process_value = noted


def _name(parameter: Any) -> str:
    """What users know a parameter as: `--csv`, `OUT_DIR`."""
    if parameter.param_type_name == "option":
        return str(max(parameter.opts, key=len))
    return str(parameter.metavar or parameter.name.upper()).strip("[] .")


def _refuse(name: str, address: str, options: dict[str, Any]) -> None:
    from flarecli.cli.output import reported_errors
    from flarecli.errors import UsageError

    as_json, anonymous = (bool(options.get(option)) for option in ("as_json", "anonymous"))
    with reported_errors(as_json=as_json, anonymous=anonymous):
        raise UsageError(
            f"{name} takes no addresses of servers",
            seen=f"{address.partition('://')[0]}://..." if anonymous else without_secrets(address),
            expected="a path of this machine",
            remedy="Copy the files, or mount the bucket as a folder; docs/remote.md lists what takes addresses.",
        )
