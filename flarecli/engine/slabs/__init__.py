"""Runs a functional model in slabs: activations are kept in host memory, the device computes a few rows at a time.

"Rows" are the indices along the first spatial axis: planes of a volume, lines of a slice.
"""

from flarecli.engine.slabs.plan import LimitTooLow
from flarecli.engine.slabs.slab_run import SlabRun

__all__ = ["LimitTooLow", "SlabRun"]
