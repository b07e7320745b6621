"""Abdominal organ segmentation in CT: reading scans, the segmentation systems, evaluation and the command line.

The networks themselves live in `flarecli_models`, which needs none of this package.
"""

from flarecli.nibabel_import import leave_pydicom_out
from flarecli_models.openvino_import import block_telemetry

block_telemetry()
leave_pydicom_out()

__version__ = "0.1.0"

__all__ = ["__version__"]
