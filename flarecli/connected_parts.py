"""The connected parts of a mask, whatever its shape."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def connected_parts(mask: NDArray[np.bool_], connectivity: int) -> tuple[NDArray[np.unsignedinteger], int]:
    """Number the connected parts of a mask.

    Args:
        mask: bool array of shape (z, y, x).
        connectivity: 6: voxels that share a face belong together; 18: or an edge; 26: or a corner.

    Returns:
        The part of each voxel, from 1 on in memory order (z, then y, then x) of their first voxels, 0 outside; and
        their number.
    """
    import cc3d

    # cc3d 4.1 fails on single rows of voxels; a margin of empty ones makes them volumes.
    margin = (0, 1) if sum(length > 1 for length in mask.shape) < 2 else (0, 0)
    surrounded = np.ascontiguousarray(np.pad(mask, margin) if margin[1] else mask)
    parts, number = cc3d.connected_components(surrounded, connectivity=connectivity, binary_image=True, return_N=True)
    z, y, x = mask.shape
    return parts[:z, :y, :x], int(number)
