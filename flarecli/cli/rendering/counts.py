"""Numbers of things, as they are printed."""

from __future__ import annotations


def counted(number: int, thing: str) -> str:
    """A number with its noun, in the plural where there is not exactly one: "1 case", "2 cases"."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
