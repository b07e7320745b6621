"""Recipes of the VGG-13 U-Net. "Code" is the authors' public code, "paper" the article."""

from __future__ import annotations

from dataclasses import replace

from flarecli.systems.vgg13.constants import Vgg13Constants
from flarecli.training.recipe import (
    ClippingSettings,
    LossSettings,
    OptimiserSettings,
    PrecisionSettings,
    Recipe,
    SamplingSettings,
    ScheduleSettings,
    SynthesisSettings,
    ValidationSettings,
)
from flarecli.training.recipes.starter_variation import STARTER_VARIATION
from flarecli.training.views import SliceView

_EPOCHS = 100
_EPOCH_SLICES = 35_000
"""Of 350 cases, at a hundred slices each. Ours: the code counts epochs of whatever slices there are."""

_BATCH = 4

SEGMENTATION = Recipe(
    name="published",
    system="vgg13",
    network="segmentation",
    view=SliceView(slice_size=Vgg13Constants().slice_size),
    target="classes",
    # Code: the weighted sum divided by the sum of the weights; `is_mean = false` is the paper's.
    loss=LossSettings("deep_supervision", {"is_mean": True}),
    synthesis=SynthesisSettings(scan_shape_zyx=(48, 256, 256), spacing_mm=(5.0, 1.6, 1.6), reuse=16),
    # Paper, code. PyTorch's default epsilon.
    optimiser=OptimiserSettings(learning_rate=1e-5, epsilon=1e-8),
    # Code alone.
    clipping=ClippingSettings("value", limit=0.1),
    precision=PrecisionSettings(on_gpu="float32"),
    sampling=SamplingSettings(order="shuffled", by_slices=True),
    # Code: ten cases, the lowest cross-entropy of the final output.
    validation=ValidationSettings(
        interval=_EPOCH_SLICES // _BATCH, scans=10, held_out_share=10 / 360, select="cross_entropy"
    ),
    iterations=_EPOCHS * _EPOCH_SLICES // _BATCH,
    batch=_BATCH,
    base_filters=Vgg13Constants().base_filters,
)

_STARTER_SIZE = 160

STARTER = replace(
    SEGMENTATION,
    name="starter",
    # Without Dice, kidneys and pancreas were still background after 500 iterations.
    loss=LossSettings("deep_supervision_dice", {"is_mean": True}),
    view=SliceView(slice_size=_STARTER_SIZE, rotation_deg=10.0, shear_deg=5.0, translation=0.06, scale=(0.85, 1.2)),
    synthesis=SynthesisSettings(
        scan_shape_zyx=(64, _STARTER_SIZE, _STARTER_SIZE),
        spacing_mm=(5.0, 2.4, 2.4),
        procedural_share=0.1,
        lean_share=0.2,
        reuse=12,
        mixing=11,
    ),
    optimiser=OptimiserSettings(learning_rate=1e-3, ema_decay=0.995),
    schedule=ScheduleSettings("cosine", warmup=50, final_share=0.01),
    clipping=ClippingSettings("global", limit=1.0),
    validation=ValidationSettings(restored_air=True),
    variation=STARTER_VARIATION,
    iterations=1300,
    base_filters=16,
)
"""A short run for a CPU: a tenth of the published pixels and a sixteenth of the weights, on which an update takes
between one and two seconds; less rotation and shear, since a short run does not use up the slices."""

RECIPES = (SEGMENTATION, STARTER)
