"""The blocks of EfficientSegNet that are compared with the original's, and where their kernels stand in its state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flarecli_models.efficientsegnet.blocks import ANISOTROPIC, CUBE, POINT, Blocks
from flarecli_models.efficientsegnet.context import context_block
from flarecli_models.importers.efficientsegnet_state import fine_state_keys

BLOCK = {
    "block_conv0": "residual_unit.0.conv.weight",
    "block_conv1": "residual_unit.1.conv.weight",
    "block_shortcut": "shortcut_unit.conv.weight",
}
DOUBLE_BLOCK = {
    "block0_conv0": "residual_unit_1.0.conv.weight",
    "block0_conv1": "residual_unit_1.1.conv.weight",
    "block0_shortcut": "shortcut_unit_1.conv.weight",
    "block1_conv0": "residual_unit_2.0.conv.weight",
    "block1_conv1": "residual_unit_2.1.conv.weight",
}
CONTEXT = {
    layer: key.removeprefix("context_block.")
    for layer, key in fine_state_keys().items()
    if layer.startswith("context_")
}

Chain = Callable[[Blocks, Any], Any]


def two_blocks(blocks: Blocks, x: Any) -> Any:
    """A level of the coarse encoder."""
    return blocks.residual(blocks.residual(x, 4, "block0"), 4, "block1", projects=False)


BLOCKS: dict[str, tuple[Chain, Mapping[str, str]]] = {
    "conv_in_relu_k3": (lambda b, x: b.activated(x, 5, CUBE, "unit"), {"unit": "conv.weight"}),
    "conv_in_k1_s2": (lambda b, x: b.normalized(x, 5, POINT, "unit", strides=2), {"unit": "conv.weight"}),
    "res_four_layer": (two_blocks, DOUBLE_BLOCK),
    "res_two_layer": (lambda b, x: b.residual(x, 4, "block"), BLOCK),
    "res_base_s2_convshortcut": (lambda b, x: b.residual(x, 6, "block", strides=2), BLOCK),
    "res_base_s2_odd": (lambda b, x: b.residual(x, 6, "block", strides=2), BLOCK),
    "res_base_identity": (lambda b, x: b.residual(x, 4, "block", projects=False), BLOCK),
    "aniso_convshortcut": (lambda b, x: b.residual(x, 4, "block", kernels=ANISOTROPIC), BLOCK),
    "aniso_identity": (lambda b, x: b.residual(x, 4, "block", kernels=ANISOTROPIC, projects=False), BLOCK),
    "context_avg_full": (lambda b, x: context_block(b, x, (8, 9, 12)), CONTEXT),
    "context_avg_partial": (lambda b, x: context_block(b, x, (4, 4, 5)), CONTEXT),
}
"""How each is built, and the keys of the original for its layers."""
