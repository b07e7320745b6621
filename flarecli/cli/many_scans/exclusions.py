"""Options that exclude each other."""

from __future__ import annotations

from collections.abc import Mapping

from flarecli.errors import UsageError


def check_excluded(option: str, others: Mapping[str, tuple[bool, str]]) -> None:
    """Refuse an option together with others.

    Args:
        option: The option, which is given.
        others: Whether each other one is given, and what to do then.

    Raises:
        UsageError: when one is.
    """
    for other, (is_given, remedy) in others.items():
        if is_given:
            raise UsageError("two options exclude each other", seen=f"{option} and {other}", remedy=remedy)
