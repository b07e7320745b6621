"""Frames of an enhanced CT image: values come from the functional groups of the frame, otherwise from the shared ones.

Source: DICOM PS3.3 §A.38.1, §C.7.6.16.
"""

from __future__ import annotations

from flarecli.dicom import tags
from flarecli.dicom.elements import Elements, Numbers
from flarecli.dicom.header import DamagedHeaderError, Header
from flarecli.dicom.slices import Slice, attribute_text, attributes_of, common_values

_PLACES: dict[int, tuple[int, ...]] = {
    tags.PLANE_POSITION: (tags.POSITION,),
    tags.PLANE_ORIENTATION: (tags.ORIENTATION,),
    tags.PIXEL_MEASURES: (tags.PIXEL_SPACING,),
    tags.VALUE_TRANSFORMATION: (tags.SLOPE, tags.INTERCEPT),
}
_ATTRIBUTES_BY_GROUP: dict[int, tuple[int, ...]] = {
    tags.FRAME_CONTENT: (tags.STACK, tags.FRAME_ACQUISITION, tags.TEMPORAL_INDEX),
    tags.PIXEL_MEASURES: (tags.SLICE_THICKNESS,),
}


def number_of_frames(elements: Elements) -> int:
    """Number of Frames; 1 where the file has none. Writers put "1.0" or "1." for 1.

    Raises:
        DamagedHeaderError: when it is not a positive integer.
    """
    number = elements.numbers(tags.NUMBER_OF_FRAMES)
    if number is None:
        return 1
    if not isinstance(number, tuple) or len(number) != 1 or number[0] < 1 or number[0] % 1:
        raise DamagedHeaderError("its Number of Frames (0028,0008) is not a positive integer")
    return int(number[0])


def frame_count(header: Header) -> int | None:
    """Number of frames with functional groups; None where the file is one slice without them.

    Raises:
        DamagedHeaderError: when Number of Frames is not a positive integer.
    """
    count = number_of_frames(header.elements)
    has_groups = tags.FRAME_GROUPS in header.elements.dataset
    is_stated = header.elements.numbers(tags.NUMBER_OF_FRAMES) is not None
    return count if is_stated and (count > 1 or has_groups) else None


def frame_slices(header: Header, count: int) -> tuple[tuple[Slice, str], ...]:
    """The frames of a file, each with its frame type ("ORIGINAL\\\\PRIMARY\\\\VOLUME\\\\NONE").

    Raises:
        DamagedHeaderError: when the functional groups cannot be parsed, or there is not one item for each frame.
    """
    try:
        shared_items = header.elements.items(tags.SHARED_GROUPS)
        own_items = header.elements.items(tags.FRAME_GROUPS)
        if len(own_items) != count:
            raise DamagedHeaderError(
                f"its Number of Frames is {count}, but Per-Frame Functional Groups (5200,9230) has {len(own_items)}"
            )
        shared = shared_items[0] if shared_items else Elements({})
        common = common_values(header.elements)
        photometric = header.elements.text(tags.PHOTOMETRIC)
        attributes = attributes_of(header.elements)
        shared_values, shared_type, shared_rescale, shared_attributes = _described(shared)
        frames = []
        for index, item in enumerate(own_items):
            values, frame_type, rescale_type, own_attributes = _described(item)
            frame = Slice(
                header,
                index,
                common | shared_values | values,
                photometric,
                rescale_type or shared_rescale or header.elements.text(tags.RESCALE_TYPE).upper(),
                attributes | shared_attributes | own_attributes,
                index + 1,
            )
            frames.append((frame, frame_type or shared_type))
        return tuple(frames)
    except DamagedHeaderError:
        raise
    except Exception as error:  # pydicom raises errors of many types
        raise DamagedHeaderError(f"its functional groups cannot be parsed ({type(error).__name__})") from error


def _described(groups: Elements) -> tuple[dict[int, Numbers], str, str, dict[int, str]]:
    """Values, frame type, rescale type and attributes of one item of functional groups."""
    values: dict[int, Numbers] = {}
    attributes: dict[int, str] = {}
    rescale_type = ""
    for group, wanted in _PLACES.items():
        for item in groups.items(group)[:1]:
            values |= {tag: item.numbers(tag) for tag in wanted if tag in item.dataset}
            if group == tags.VALUE_TRANSFORMATION:
                rescale_type = item.text(tags.RESCALE_TYPE).upper()
    for group, wanted in _ATTRIBUTES_BY_GROUP.items():
        for item in groups.items(group)[:1]:
            for tag in wanted:
                if tag in item.dataset:
                    attributes[tag] = attribute_text(item, tag)
    types = groups.items(tags.CT_FRAME_TYPE)
    return values, types[0].text(tags.FRAME_TYPE) if types else "", rescale_type, attributes
