"""The organs as DICOM names them: SNOMED CT codes, laterality, colours.

Sources: DICOM PS3.16 CID 7151 (segmentation property categories) and CID 4031 (anatomic regions); SNOMED CT.
"""

from __future__ import annotations

from dataclasses import dataclass

from flarecli.organs import LEFT_KIDNEY_NAME, ORGANS_WITH_SIDES, RIGHT_KIDNEY_NAME


@dataclass(frozen=True)
class Code:
    """A coded concept.

    Attributes:
        value: Code value.
        scheme: Coding scheme designator, "SCT" for SNOMED CT.
        meaning: Code meaning.
    """

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True)
class Segment:
    """One organ of a DICOM object.

    Attributes:
        number: Segment number, ROI number; also its value in a label map with left and right kidney as separate labels.
        label: Its name for people.
        property_type: What it is.
        laterality: Modifier of the type, for kidneys.
        colour: Display colour, red, green and blue in 0-255.
    """

    number: int
    label: str
    property_type: Code
    laterality: Code | None
    colour: tuple[int, int, int]


ANATOMICAL_STRUCTURE = Code("123037004", "SCT", "Anatomical Structure")
RIGHT = Code("24028007", "SCT", "Right")
LEFT = Code("7771000", "SCT", "Left")

_KIDNEY = Code("64033007", "SCT", "Kidney")
_TYPES: dict[str, tuple[Code, Code | None]] = {
    "liver": (Code("10200004", "SCT", "Liver"), None),
    RIGHT_KIDNEY_NAME: (_KIDNEY, RIGHT),
    LEFT_KIDNEY_NAME: (_KIDNEY, LEFT),
    "spleen": (Code("78961009", "SCT", "Spleen"), None),
    "pancreas": (Code("15776009", "SCT", "Pancreas"), None),
}

SEGMENTS = tuple(
    sorted(
        (Segment(organ.label, organ.name, *_TYPES[organ.name], organ.colour) for organ in ORGANS_WITH_SIDES),
        key=lambda segment: segment.number,
    )
)
"""Every segment that `flare` can write, by number: liver 1, right kidney 2, spleen 3, pancreas 4, left kidney 5."""
