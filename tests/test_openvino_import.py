"""OpenVINO is imported without its telemetry and without its converter, by whatever way it is reached."""

import subprocess
import sys

import pytest

WAYS = {
    "runtime": "from flarecli.engine import start_runtime; start_runtime('openvino')",
    "precision": "from flarecli.engine.precision_choice import processor_computes_bfloat16 as f; f()",
    "models alone": "import os; os.environ['KERAS_BACKEND'] = 'openvino'; import flarecli_models.flarelite",
    "package alone": "import flarecli; import openvino",
}


@pytest.mark.parametrize("way", WAYS)
def test_telemetry_is_never_imported(way: str) -> None:
    program = f"{WAYS[way]}; import sys; print(sys.modules['openvino_telemetry'], 'openvino.tools.ovc' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert told[0] == "None"
    if way in ("runtime", "precision"):
        assert told[1] == "False"


def test_the_converter_can_be_imported_afterwards() -> None:
    program = (
        "from flarecli_models.openvino_import import import_openvino; import_openvino();"
        "from openvino.tools.ovc import convert_model; import sys; assert sys.modules['openvino_telemetry'] is None"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
