"""Numbers with their nouns, as messages and tables show them."""

from __future__ import annotations


def counted(number: int, one: str, several: str | None = None) -> str:
    """A number with what it counts, in the plural where there is not exactly one.

    Args:
        number: How many.
        one: The noun, or a phrase that begins with it, in the singular: "case", "file holds".
        several: The same in the plural; by default the singular with an "s".

    Returns:
        "1 case", "2 cases", "0 cases"; "1 file holds", "2 files hold".
    """
    return f"{number} {one}" if number == 1 else f"{number} {several or one + 's'}"
