"""One slice of a scan: its position, its pixel description and the attributes of its acquisition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flarecli.dicom import tags
from flarecli.dicom.elements import Elements, Numbers
from flarecli.dicom.header import Header

_BINARY = (
    tags.SAMPLES,
    tags.ROWS,
    tags.COLUMNS,
    tags.BITS_ALLOCATED,
    tags.BITS_STORED,
    tags.HIGH_BIT,
    tags.PIXEL_REPRESENTATION,
)
_IN_TEXT = (tags.POSITION, tags.ORIENTATION, tags.PIXEL_SPACING, tags.SLOPE, tags.INTERCEPT)
_ATTRIBUTES = {
    tags.ACQUISITION_NUMBER: "Acquisition Number",
    tags.TEMPORAL_POSITION: "Temporal Position Identifier",
    tags.TEMPORAL_INDEX: "Temporal Position Index",
    tags.FRAME_ACQUISITION: "Frame Acquisition Number",
    tags.STACK: "Stack ID",
    tags.CARDIAC_PHASE: "Nominal Percentage of Cardiac Phase",
    tags.TRIGGER_TIME: "Trigger Time",
    tags.CONTRAST_AGENT: "Contrast/Bolus Agent",
    tags.KVP: "KVP",
    tags.KERNEL: "Convolution Kernel",
    tags.SLICE_THICKNESS: "Slice Thickness",
    tags.IMAGE_TYPE: "Image Type",
    tags.FRAME_OF_REFERENCE: "Frame of Reference UID",
    tags.STUDY_UID: "Study Instance UID",
    tags.PATIENT_ID: "Patient ID",
    tags.ACQUISITION_DATETIME: "Acquisition DateTime",
    tags.ACQUISITION_TIME: "Acquisition Time",
    tags.CONTENT_TIME: "Content Time",
}
ATTRIBUTES = tuple(_ATTRIBUTES)
"""Attributes that distinguish acquisitions of one series, the most specific first."""

_BINARY_ATTRIBUTES = (tags.FRAME_ACQUISITION, tags.TEMPORAL_INDEX, tags.CARDIAC_PHASE)
"""Attributes that are stored as numbers and not as text."""

CONFIDENTIAL_ATTRIBUTES = (
    tags.FRAME_OF_REFERENCE,
    tags.STUDY_UID,
    tags.PATIENT_ID,
    tags.ACQUISITION_DATETIME,
    tags.ACQUISITION_TIME,
    tags.CONTENT_TIME,
)
"""Attributes whose values are never shown: identifiers and times."""


@dataclass(frozen=True)
class Slice:
    """One slice: a file, or a frame of a multi-frame file.

    Attributes:
        header: Of its file.
        frame: Its number in the file, from 0.
        values: Decoded numbers by tag, of every tag that determines geometry (mm) or HU.
        photometric: Photometric Interpretation.
        rescale_type: Unit of the rescaled values; empty where it is not stated.
        attributes: Values of the attributes that distinguish acquisitions, by tag.
        instance: Instance Number; None where there is none.
    """

    header: Header
    frame: int
    values: Mapping[int, Numbers]
    photometric: str
    rescale_type: str
    attributes: Mapping[int, str]
    instance: int | None

    @property
    def name(self) -> str:
        """Its name in messages."""
        name = self.header.path.name
        return name if len(self.header.elements.text(tags.NUMBER_OF_FRAMES)) == 0 else f"{name} frame {self.frame + 1}"

    def number(self, tag: int) -> float:
        """A checked value that is one number."""
        return self.vector(tag)[0]

    def vector(self, tag: int) -> tuple[float, ...]:
        """Checked values."""
        numbers = self.values[tag]
        assert isinstance(numbers, tuple)
        return numbers


def attribute_name(tag: int) -> str:
    """The name of a mark."""
    return _ATTRIBUTES[tag]


def attributes_of(elements: Elements) -> dict[int, str]:
    """The attributes that distinguish acquisitions, of the data set itself."""
    return {tag: attribute_text(elements, tag) for tag in ATTRIBUTES if tag in elements.dataset}


def attribute_text(elements: Elements, tag: int) -> str:
    """The value of an attribute that distinguishes acquisitions, as text; empty where there is none."""
    if tag not in _BINARY_ATTRIBUTES:
        return elements.text(tag)
    value = elements.real(tag) if tag == tags.CARDIAC_PHASE else elements.binary(tag)
    return f"{value[0]:.10g}" if isinstance(value, tuple) else elements.text(tag)


def common_values(elements: Elements) -> dict[int, Numbers]:
    """Values of the data set itself: those of all its frames, unless a frame has its own."""
    values: dict[int, Numbers] = {tag: elements.binary(tag) for tag in _BINARY}
    values |= {tag: elements.numbers(tag) for tag in _IN_TEXT}
    is_signed = values[tags.PIXEL_REPRESENTATION] == (1.0,)
    values[tags.PADDING] = elements.binary(tags.PADDING, signed=is_signed)
    return values


def single_slice(header: Header) -> Slice:
    """The slice of a file without frames."""
    elements = header.elements
    return Slice(
        header,
        0,
        common_values(elements),
        elements.text(tags.PHOTOMETRIC),
        elements.text(tags.RESCALE_TYPE).upper(),
        attributes_of(elements),
        _instance(elements),
    )


def _instance(elements: Elements) -> int | None:
    number = elements.numbers(tags.INSTANCE_NUMBER)
    return int(number[0]) if isinstance(number, tuple) else None
