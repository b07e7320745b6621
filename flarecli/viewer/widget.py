"""The viewer in a notebook: ipyniivue's own widget with a scan and its label map in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from flarecli.errors import InstallationError
from flarecli.organs import ORGANS
from flarecli.viewer.content import FIRST_HU
from flarecli.viewer.nifti_bytes import compressed, nifti_parts
from flarecli.viewer.niivue import INSTALL

if TYPE_CHECKING:
    from flarecli.volume import Volume

_OPACITY = 0.45


def notebook_widget(volume: Volume, labels: NDArray[np.uint8], *, height: int) -> Any:
    """The widget of a scan with its organs; it shows itself at the end of a cell.

    Args:
        volume: The scan.
        labels: Labels on its canonical grid, shape (z, y, x).
        height: Height in pixels.

    Returns:
        An `ipyniivue.NiiVue`, which has methods and traits of its own.

    Raises:
        InstallationError: when ipyniivue is not installed.
    """
    try:
        import ipyniivue
    except ImportError as error:
        raise InstallationError("the widget needs ipyniivue, which is not installed", remedy=f"{INSTALL}.") from error
    low, high = FIRST_HU
    scan = ipyniivue.Volume(
        name="scan.nii.gz",
        data=compressed(nifti_parts(volume.voxels, volume.grid, FIRST_HU)),
        colormap="gray",
        cal_min=low,
        cal_max=high,
        colorbar_visible=False,
    )
    organs = ipyniivue.Volume(
        name="organs.nii.gz",
        data=compressed(nifti_parts(labels, volume.grid, (0, len(ORGANS)))),
        opacity=_OPACITY,
        colorbar_visible=False,
    )
    organs.set_colormap_label(_colours())
    widget = ipyniivue.NiiVue(height=height, is_radiological_convention=True, sagittal_nose_left=True)
    widget.load_volumes([scan, organs])
    return widget


def _colours() -> dict[str, list[Any]]:
    """The organs' colours as NiiVue takes those of labels; background is transparent."""
    red, green, blue = zip((0, 0, 0), *(organ.colour for organ in ORGANS), strict=True)
    return {
        "R": list(red),
        "G": list(green),
        "B": list(blue),
        "A": [0, *(255 for _ in ORGANS)],
        "I": [0, *(organ.label for organ in ORGANS)],
        "labels": ["background", *(organ.name for organ in ORGANS)],
    }
