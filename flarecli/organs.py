"""The four organs of FLARE21 and their label values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Organ:
    """One organ of a label map.

    Attributes:
        label: Its value in the label map.
        name: Its name in lower case, as in tables and file names.
        colour: Display colour, red, green and blue in 0-255.
    """

    label: int
    name: str
    colour: tuple[int, int, int]


ORGANS: tuple[Organ, ...] = (
    Organ(1, "liver", (214, 84, 61)),
    Organ(2, "kidneys", (242, 190, 62)),
    Organ(3, "spleen", (111, 140, 240)),
    Organ(4, "pancreas", (92, 196, 124)),
)
"""FLARE21's label values; both kidneys share one label. Source: FLARE21 challenge design."""

LABEL_NAMES: dict[int, str] = {0: "background", **{organ.label: organ.name for organ in ORGANS}}

BOTH_KIDNEYS_NAME = "kidneys"

KIDNEYS = next(organ.label for organ in ORGANS if organ.name == BOTH_KIDNEYS_NAME)
"""Label of both kidneys; of the right one where sides are told apart."""

LEFT_KIDNEY = 5
"""Label of the left kidney where sides are told apart."""

RIGHT_KIDNEY_NAME, LEFT_KIDNEY_NAME = "right kidney", "left kidney"
"""Names of the sides in tables, records and DICOM objects."""

_RED, _GREEN, _BLUE = next(organ.colour for organ in ORGANS if organ.label == KIDNEYS)
LEFT_KIDNEY_COLOUR = (_RED, _GREEN - 40, _BLUE + 40)
"""Display colour of the left kidney where sides are told apart."""

ORGANS_WITH_SIDES: tuple[Organ, ...] = tuple(
    each
    for organ in ORGANS
    for each in (
        (
            Organ(KIDNEYS, RIGHT_KIDNEY_NAME, organ.colour),
            Organ(LEFT_KIDNEY, LEFT_KIDNEY_NAME, LEFT_KIDNEY_COLOUR),
        )
        if organ.label == KIDNEYS
        else (organ,)
    )
)
"""The organs with right and left kidney apart; the right one has the colour of both."""
