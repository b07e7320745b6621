"""How networks were run within the memory of their device."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

WHOLE, FEWER_SLICES, IN_SLABS = "whole", "fewer slices at a time", "in slabs"


@dataclass
class MemoryUse:
    """Memory use of one network, over all its calls for a case.

    Attributes:
        computed: The strongest measure that was taken to save memory: `WHOLE` (none), `FEWER_SLICES` or `IN_SLABS`.
        slab_rows: Planes (lines of slices) of the thinnest slab of full resolution; None where there were no slabs.
        input_rows: Planes (lines) of the input; likewise.
        slabs: Slabs of all layers together.
        predicted_mb: Predicted peak of the activations on the device, MB (10^6 bytes); None where none was made.
        out_of_memory: How often the device ran out of memory, and less was tried.
    """

    computed: str = WHOLE
    slab_rows: int | None = None
    input_rows: int | None = None
    slabs: int = 0
    predicted_mb: float | None = None
    out_of_memory: int = 0

    def add_prediction(self, predicted_bytes: int) -> None:
        """Keep the largest prediction."""
        self.predicted_mb = max(self.predicted_mb or 0.0, round(predicted_bytes / 1e6, 1))

    def as_dict(self) -> dict[str, Any]:
        """For records."""
        return asdict(self)

    def warning(self, network: str) -> str | None:
        """The warning for the user."""
        if not self.out_of_memory:
            return None
        way = f"slabs of {self.slab_rows} of {self.input_rows} rows" if self.computed == IN_SLABS else self.computed
        return (
            f"Memory of the device ran out in the network '{network}', which was then computed with less ({way}). "
            "The labels do not depend on it; it takes longer."
        )
