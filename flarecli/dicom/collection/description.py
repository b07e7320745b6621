"""The description of a series in lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flarecli.counts import counted
from flarecli.dicom import tags
from flarecli.dicom.elements import Elements, printable
from flarecli.dicom.slices import Slice


@dataclass(frozen=True)
class Description:
    """The description of a series in lists.

    Attributes:
        title: Series Description.
        number: Series Number.
        slices: Number of slices.
        thickness_mm: Slice Thickness as the header has it.
        kernel: Convolution Kernel.
        agent: Contrast/Bolus Agent.
        acquisition: The attribute that distinguishes it from other acquisitions of its series.
    """

    title: str
    number: str
    slices: int
    thickness_mm: str
    kernel: str
    agent: str
    acquisition: str

    def __str__(self) -> str:
        return f"'{self.title or 'no description'}' ({', '.join(self._parts(hidden=False))})"

    @property
    def anonymous(self) -> str:
        """The description without free text and names."""
        return f"CT ({', '.join(self._parts(hidden=True))})"

    def _parts(self, *, hidden: bool) -> list[str]:
        parts = [counted(self.slices, "slice")]
        if self.number and not hidden:
            parts.append(f"series {self.number}")
        if self.thickness_mm and (not hidden or _is_number(self.thickness_mm)):
            parts.append(f"{self.thickness_mm} mm thick")
        if not hidden:
            parts += [f"kernel {self.kernel}"] if self.kernel else []
            parts.append(f"contrast agent {self.agent}" if self.agent else "no contrast agent named")
            parts += [self.acquisition] if self.acquisition else []
        return parts


def description_of(elements: Elements, slices: Sequence[Slice], acquisition: str) -> Description:
    """The description of slices; elements are those of the first."""
    return Description(
        elements.shown(tags.SERIES_DESCRIPTION),
        elements.shown(tags.SERIES_NUMBER),
        len(slices),
        elements.shown(tags.SLICE_THICKNESS),
        elements.shown(tags.KERNEL),
        printable(slices[0].attributes.get(tags.CONTRAST_AGENT, "") if slices else "")
        or elements.shown(tags.CONTRAST_AGENT),
        acquisition,
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
