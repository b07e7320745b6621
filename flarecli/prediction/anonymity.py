"""What `--anonymous` takes out of messages: paths, names of files, and what headers say in words.

By construction: of an error only the parts that are written in this software are kept, and of a warning its anonymous
text; nothing is searched for names.
"""

from __future__ import annotations

from flarecli.errors import FlareError, InputError, OutputError, UnexpectedError
from flarecli.remarks import Remark

_MORE = "Without --anonymous, the message names the file."


def anonymous_error(error: FlareError) -> FlareError:
    """An error without what may identify a patient: path, what was seen in a scan, and the errors that caused it.

    Outputs keep their paths: they hold no name but those that the user gave them.
    """
    is_of_output = isinstance(error, OutputError)
    seen = error.seen
    if isinstance(seen, Remark):
        seen = seen.anonymous
    elif isinstance(error, InputError | UnexpectedError) and not is_of_output:
        seen = None
    path = error.path if is_of_output else None
    hides = path != error.path or seen != error.seen
    remedy = f"{error.remedy} {_MORE}" if hides and _MORE not in error.remedy else error.remedy
    made = type(error)(error.problem, remedy=remedy, path=path, seen=seen, expected=error.expected, blame=error.blame)
    made.exit_code = error.exit_code  # type: ignore[misc]
    return made


def shown_error(error: FlareError, *, anonymous: bool) -> FlareError:
    """An error as it may be shown and kept."""
    return anonymous_error(error) if anonymous else error
