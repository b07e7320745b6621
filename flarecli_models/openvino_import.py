"""How OpenVINO is imported: without its telemetry, so that nothing connects anywhere.

`import openvino` imports its model converter (`openvino.tools.ovc`), which sends an event with the version, the
operating system and a client identifier to an analytics server through the package `openvino_telemetry`, writes
`~/intel/openvino_ga_cid`, and starts a process for it. Both packages of this distribution block the telemetry package
when they are imported, before Keras or anything else can import OpenVINO; OpenVINO then does without it.
"""

from __future__ import annotations

import sys
from types import ModuleType

_TELEMETRY = "openvino_telemetry"
_CONVERTER = "openvino.tools.ovc"


def block_telemetry() -> None:
    """Let imports of OpenVINO's telemetry package fail in this process, unless it has been imported already."""
    sys.modules.setdefault(_TELEMETRY, None)  # type: ignore[arg-type]


def import_openvino() -> ModuleType:
    """Import OpenVINO without its telemetry, and without its converter of other formats where nobody needed it yet.

    The converter takes a third of the time of the import. `import openvino.tools.ovc` still brings it in afterwards.
    """
    block_telemetry()
    if "openvino" not in sys.modules and _CONVERTER not in sys.modules:
        sys.modules[_CONVERTER] = None  # type: ignore[assignment]
        try:
            import openvino
        finally:
            del sys.modules[_CONVERTER]
    import openvino

    return openvino
