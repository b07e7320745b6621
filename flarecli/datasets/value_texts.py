"""Values of label maps as users write them: `NAME=VALUES`, and numbers with commas between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flarecli.errors import UsageError


def named_values(
    texts: Iterable[str], labels: Mapping[str, int], option: str, taken: Mapping[int, int] | None = None
) -> dict[int, int]:
    """The label of each value that is named.

    Args:
        texts: Each as in "kidneys=2,3".
        labels: The names that there are, with their labels.
        option: What the user wrote them after, for messages.
        taken: Labels that values have already; those of background, 0, may be changed.

    Raises:
        UsageError: for an unknown name, a value that is not a number, and one with two meanings.
    """
    example = f"{next(iter(labels))}=2,3"
    found: dict[int, int] = {}
    for text in texts:
        name, equals, values = (part.strip() for part in text.partition("="))
        if not equals or name not in labels:
            raise UsageError(
                f"{option} is not understood",
                seen=text,
                expected=f"NAME=VALUES with one of {', '.join(labels)}",
                remedy=f"Write it as in {option} {example}.",
            )
        for value in numbers_of(values, option):
            is_taken = value == 0 or bool(taken and taken.get(value))
            if is_taken or found.setdefault(value, labels[name]) != labels[name]:
                raise UsageError(
                    f"{option} gives a value two meanings", seen=value, remedy="Name each value once, and not 0."
                )
    return found


def numbers_of(text: str, option: str) -> list[int]:
    """Values of a label map, with commas between them.

    Raises:
        UsageError: where they are none.
    """
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 0:
        raise UsageError(
            f"{option} needs values of a label map",
            seen=text,
            expected="whole numbers with commas between them",
            remedy="Write them as in 5,8,9.",
        )
    return numbers
