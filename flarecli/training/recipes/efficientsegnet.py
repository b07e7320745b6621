"""Recipes of EfficientSegNet. "Code" is the authors' public training code, "paper" the article."""

from __future__ import annotations

from dataclasses import replace

from flarecli.systems.efficientsegnet.constants import EfficientSegNetConstants
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
from flarecli.training.views import WindowView

_CONSTANTS = EfficientSegNetConstants()

_EPOCHS = 201
"""Code: 0 to 200 inclusive; the paper has 200."""

_EPOCH_ITEMS = 357
"""288 training cases of the first fold, and its 23 cases with lesions three times more. Code."""

_SCHEDULE = ScheduleSettings("steps", steps=((133 / _EPOCHS, 0.1), (173 / _EPOCHS, 0.05)))
"""A tenth after epoch 132, a twentieth after epoch 172. Code."""

_OPTIMISER = OptimiserSettings(learning_rate=1e-3, beta_2=0.99, epsilon=1e-8, l2=2.5e-5)
"""PyTorch's Adam adds 5e-5 times the weight to each gradient, which is this penalty. Code; the paper has a learning
rate of 0.01 and 1e-5."""

COARSE = Recipe(
    name="published",
    system="efficientsegnet",
    network="coarse",
    view=WindowView(_CONSTANTS.coarse_shape_zyx, window_hu=_CONSTANTS.window_hu),
    target="organs",
    # Code; the paper has Dice with a focal term, here "dice_focal".
    loss=LossSettings("dice"),
    synthesis=SynthesisSettings(scan_shape_zyx=(120, 160, 192), spacing_mm=(3.0, 2.2, 2.0), reuse=1),
    optimiser=_OPTIMISER,
    schedule=_SCHEDULE,
    # NVIDIA apex's defaults.
    precision=PrecisionSettings(loss_scale=2.0**16, loss_scale_growth=2000),
    sampling=SamplingSettings(order="shuffled", repeats=4),
    validation=ValidationSettings(interval=23, scans=100, held_out_share=73 / 361, select="dice"),
    iterations=_EPOCHS * -(-_EPOCH_ITEMS // 16),
    batch=2,
    devices=8,
)
"""Eight GPUs with two samples each (code, distributed training of the coarse network); with fewer processes as many
batches of two for one update. No augmentation: code, whose
configuration of this network switches it off."""

FINE = replace(
    COARSE,
    network="fine",
    view=WindowView(
        _CONSTANTS.fine_shape_zyx,
        around_organs=True,
        margin_mm=_CONSTANTS.region_margin_mm,
        random_share=0.5,
        brightness_share=0.5,
        window_hu=_CONSTANTS.window_hu,
    ),
    synthesis=SynthesisSettings(scan_shape_zyx=(120, 160, 192), spacing_mm=(2.5, 2.0, 2.0), reuse=4),
    validation=ValidationSettings(interval=18, scans=100, held_out_share=73 / 361, select="dice"),
    iterations=_EPOCHS * -(-_EPOCH_ITEMS // 20),
    batch=1,
    accumulate=5,
    devices=4,
)
"""Four GPUs with five samples each (code, distributed training of the fine network), one by one: the loss is a mean
over samples, so that five of them need not be in memory together."""

_STARTER_COARSE_ZYX = (80, 80, 80)
_STARTER_FINE_ZYX = (64, 96, 128)
"""Sizes at which an update takes seconds on a CPU. The context block needs 8 cells at the deepest level along an axis,
and the organs' region is widest along x."""

STARTER_COARSE = replace(
    COARSE,
    name="starter",
    view=WindowView(_STARTER_COARSE_ZYX, least_field=(0.3, 0.8, 0.8), window_hu=_CONSTANTS.window_hu),
    loss=LossSettings("dice_cross_entropy"),
    synthesis=SynthesisSettings(
        scan_shape_zyx=(96, 88, 104), spacing_mm=(5.0, 4.0, 4.0), procedural_share=0.15, reuse=3
    ),
    optimiser=OptimiserSettings(learning_rate=1e-3, beta_2=0.99, ema_decay=0.99),
    schedule=ScheduleSettings("cosine", warmup=50),
    clipping=ClippingSettings("global", limit=1.0),
    precision=PrecisionSettings(on_gpu="bfloat16"),
    sampling=SamplingSettings(),
    validation=ValidationSettings(restored_air=True),
    variation=STARTER_VARIATION,
    iterations=1500,
    batch=1,
    accumulate=1,
    devices=1,
)

STARTER_FINE = replace(
    STARTER_COARSE,
    network="fine",
    view=WindowView(
        _STARTER_FINE_ZYX,
        around_organs=True,
        margin_mm=_CONSTANTS.region_margin_mm,
        random_share=0.7,
        window_hu=_CONSTANTS.window_hu,
    ),
    synthesis=SynthesisSettings(
        scan_shape_zyx=(96, 112, 144), spacing_mm=(3.0, 2.5, 2.5), procedural_share=0.15, reuse=6
    ),
    iterations=1100,
)
"""Short runs for a CPU on synthetic scans: an eighth and a ninth of the published voxels, single samples, a learning
rate that falls. Synthetic scans vary in brightness, extent and noise by themselves."""

RECIPES = (COARSE, FINE, STARTER_COARSE, STARTER_FINE)
