"""When results were made, in the time zone that they state."""

from __future__ import annotations

import datetime
import re

from pydicom import Dataset

_OFFSET = re.compile(r"([+-])(\d\d)([0-5]\d)")
_WEST, _EAST = datetime.timedelta(hours=-12), datetime.timedelta(hours=14)


def put_times(made: Dataset, *events: str) -> None:
    """Set date and time of events to now.

    Timezone Offset From UTC is the zone of all dates and times of an object, those that it copies from the scan among
    them. Where the object states none, the time is that of this computer. Source: DICOM PS3.3 table C.12-1.

    Args:
        made: The object, with its Timezone Offset From UTC.
        events: Beginnings of the keywords: "Content" for Content Date and Content Time.
    """
    offset = made.get("TimezoneOffsetFromUTC")
    now = datetime.datetime.now(None if not offset else zone_of(str(offset)))
    for event in events:
        setattr(made, f"{event}Date", now.strftime("%Y%m%d"))
        setattr(made, f"{event}Time", now.strftime("%H%M%S"))


def zone_of(offset: str) -> datetime.timezone:
    """The time zone of a Timezone Offset From UTC such as "+0900". Source: DICOM PS3.5 table 6.2-1, DT.

    Raises:
        ValueError: when it is none from -1200 to +1400.
    """
    found = _OFFSET.fullmatch(offset)
    if found is None or offset == "-0000":
        raise ValueError("an offset that is not valid")
    size = datetime.timedelta(hours=int(found[2]), minutes=int(found[3]))
    east = -size if found[1] == "-" else size
    if not _WEST <= east <= _EAST:
        raise ValueError("an offset of no time zone")
    return datetime.timezone(east)
