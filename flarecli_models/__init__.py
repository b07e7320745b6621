"""The networks of `flare` as Keras 3 models, usable without the rest.

Import the modules: `flarecli_models.efficientscn`, `flarecli_models.layers`, `flarecli_models.losses`.
"""

from flarecli_models.openvino_import import block_telemetry

block_telemetry()
