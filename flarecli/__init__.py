"""Abdominal organ segmentation in CT: liver, kidneys, spleen and pancreas.

    result = flarecli.segment("scan.nii.gz")
    result.organs["liver"].volume_ml
    result.save("organs.nii.gz")

    with flarecli.Segmenter("flarelite") as segmenter:
        for path in paths:
            segmenter(path)

    flarecli.evaluate(pred, truth, spacing_mm)["liver"]["dsc"]

Names are imported when they are used. The networks themselves live in `flarecli_models`, which needs none of this
package.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from flarecli_models.openvino_import import block_telemetry

if TYPE_CHECKING:
    from flarecli.errors import FlareError as FlareError
    from flarecli.evaluation import evaluate as evaluate
    from flarecli.segmentation import SegmentationResult as SegmentationResult
    from flarecli.segmentation import Segmenter as Segmenter
    from flarecli.segmentation import segment as segment
    from flarecli.segmentation import view as view
    from flarecli.systems.registry import available_systems as available_systems

block_telemetry()

__version__ = "0.2.0"

_HOMES = {
    "FlareError": "flarecli.errors",
    "SegmentationResult": "flarecli.segmentation",
    "Segmenter": "flarecli.segmentation",
    "available_systems": "flarecli.systems.registry",
    "evaluate": "flarecli.evaluation",
    "segment": "flarecli.segmentation",
    "view": "flarecli.segmentation",
}

__all__ = [
    "FlareError",
    "SegmentationResult",
    "Segmenter",
    "__version__",
    "available_systems",
    "evaluate",
    "segment",
    "view",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
