"""Text headers of NRRD and MetaImage: fields, numbers, and detached data files."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable
from pathlib import Path

from flarecli.counts import counted
from flarecli.errors import InputError

LONGEST_HEADER_BYTES = 1 << 20
"""A header of a scan has a few hundred bytes; one with a list of its slices' files, some ten thousand."""

_MOST_FILES = 20_000
_MOST_AXES = 16  # NRRD's limit
_REMEDY = "The header is damaged: export the image again from its original."


class TextHeader:
    """The fields of a header, and errors that name its file.

    Attributes:
        path: The file.
        format: What it is called in messages.
        fields: Values by lower-case name.
    """

    def __init__(self, path: Path, format: str, fields: dict[str, str]) -> None:
        self.path = path
        self.format = format
        self.fields = fields

    def error(self, problem: str, *, seen: object, expected: str, remedy: str = _REMEDY) -> InputError:
        """An error about this header."""
        return InputError(problem, path=self.path, seen=seen, expected=expected, remedy=remedy)

    def text(self, *names: str) -> str | None:
        """The value of the first of several fields that is there."""
        return next((self.fields[name] for name in names if name in self.fields), None)

    def required(self, name: str) -> str:
        """The value of a field that must be there."""
        value = self.fields.get(name)
        if not value:
            raise self.error(
                f"the {self.format} header has no field '{name}'",
                seen=sorted(self.fields),
                expected=f"a field '{name}'",
            )
        return value

    def dimension(self, name: str) -> int:
        """How many axes the image has."""
        count = self.integers(name, self.required(name), 1)[0]
        if count > _MOST_AXES:
            raise self.error(
                f"the {self.format} header states too many axes", seen=count, expected=f"at most {_MOST_AXES}"
            )
        return count

    def integers(self, name: str, text: str, count: int | None = None, *, lowest: int = 1) -> tuple[int, ...]:
        """Whole numbers of a field, as many as expected."""
        try:
            values = tuple(int(part) for part in text.split())
            if values and min(values) >= lowest and max(values) < 2**31 and (count is None or len(values) == count):
                return values
        except ValueError:
            pass
        raise self.error(
            f"the {self.format} header's field '{name}' is damaged",
            seen=text[:80],
            expected=f"{count or 'some'} whole numbers from {lowest} on",
        )

    def numbers(self, name: str, text: str, count: int, *, finite: bool = True) -> tuple[float, ...]:
        """Numbers of a field, as many as expected."""
        try:
            values = tuple(float(part) for part in text.split())
            if len(values) == count and (not finite or all(map(math.isfinite, values))):
                return values
        except ValueError:
            pass
        raise self.error(
            f"the {self.format} header's field '{name}' is damaged", seen=text[:120], expected=f"{count} finite numbers"
        )

    def data_files(self, names: Iterable[str]) -> tuple[Path, ...]:
        """The files that a header names, which must lie in its folder or below."""
        folder = self.path.parent.absolute()
        paths = []
        for name in names:
            path = Path(os.path.normpath(folder / name.replace("\\", "/")))
            if "\0" in name or not path.is_relative_to(folder) or path == folder:
                raise self.error(
                    "the header names a data file that does not lie beside it",
                    seen=name[:120],
                    expected="a file in the header's folder or below",
                    remedy="Put the data file beside the header, and its bare name into the header.",
                )
            paths.append(self.path.parent / path.relative_to(folder))
        if len(set(paths)) < len(paths):
            raise self.error(
                "the header names a data file twice",
                seen=next(str(path.relative_to(self.path.parent)) for path in paths if paths.count(path) > 1)[:120],
                expected="a file of its own for each part of the image",
            )
        if not 1 <= len(paths) <= _MOST_FILES:
            raise self.error(
                "the header does not name its data files",
                seen=counted(len(paths), "name"),
                expected=f"1 to {_MOST_FILES}",
            )
        return tuple(paths)

    def numbered(self, pattern: str, first: int, last: int, step: int) -> list[str]:
        """File names of a pattern like `slice%03d.raw`."""
        if not re.fullmatch(r"[^%]*%0?\d{0,2}d[^%]*", pattern) or not step or abs((last - first) / step) > _MOST_FILES:
            raise self.error(
                "the header does not name its data files",
                seen=f"{pattern[:80]} {first} {last} {step}",
                expected="a pattern with one number, its first and last value and the step",
            )
        return [pattern % number for number in range(first, last + (1 if step > 0 else -1), step)]
