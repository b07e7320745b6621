"""Recipes of flarelite: our own, for synthetic scans; `docs/flarelite.md` says what decided them."""

from __future__ import annotations

from dataclasses import replace

from flarecli.organs import ORGANS
from flarecli.systems.flarelite.constants import FlareliteConstants
from flarecli.training.recipe import (
    ClippingSettings,
    FirstStageSettings,
    LossSettings,
    OptimiserSettings,
    PrecisionSettings,
    Recipe,
    SamplingSettings,
    ScheduleSettings,
    SynthesisSettings,
    ValidationSettings,
)
from flarecli.training.samples.variation.settings import VariationSettings
from flarecli.training.views import CropView, FirstStageGrid
from flarecli.training.views.intensity import Intensity

_CONSTANTS = FlareliteConstants()

_SEEN = Intensity(window_hu=_CONSTANTS.window_hu, scale_hu=_CONSTANTS.scale_hu)
_INTENSITY = replace(_SEEN, shift=0.05, factor=0.1)

_LOCATE_MM = _CONSTANTS.locate_spacing.middle_mm
_REFINE_MM = _CONSTANTS.refine_spacing.middle_mm

_LOCATE_VIEW = CropView(
    (80, 80, 96),
    spacing_mm=_LOCATE_MM,
    other_shapes_zyx=((112, 80, 96), (48, 96, 128)),
    multiple=_CONSTANTS.locate_multiple,
    intensity=_INTENSITY,
)

_REFINE_VIEW = CropView(
    (64, 96, 112),
    spacing_mm=_REFINE_MM,
    other_shapes_zyx=((80, 80, 96), (48, 112, 128)),
    multiple=_CONSTANTS.refine_multiple,
    organ_share=0.75,
    intensity=_INTENSITY,
    first_stage=FirstStageGrid(
        spacing_mm=_LOCATE_MM,
        multiple=_CONSTANTS.locate_multiple,
        intensity=_SEEN,
        changed_share=0.5,
    ),
)

_VARIATION = VariationSettings(
    deformed_share=0.8,
    unenhanced_share=0.25,
    weaker_share=0.15,
    arterial_share=0.1,
    restored_air_share=0.6,
    blurred_share=0.3,
)
"""Of real scans: about half keep their contrast agent, and a fifth keep their geometry."""

LOCATE = Recipe(
    name="standard",
    system="flarelite",
    network="locate",
    view=_LOCATE_VIEW,
    target="classes_and_surroundings",
    loss=LossSettings("cross_entropy_dice", {"dice_classes": len(ORGANS)}),
    synthesis=SynthesisSettings(
        scan_shape_zyx=(128, 112, 128),
        spacing_mm=(_LOCATE_MM,) * 3,
        procedural_share=0.15,
        lean_share=0.25,
        reuse=2,
    ),
    optimiser=OptimiserSettings(learning_rate=2e-3, ema_decay=0.998),
    schedule=ScheduleSettings("cosine", warmup=100, final_share=0.002),
    clipping=ClippingSettings("global", limit=1.0),
    precision=PrecisionSettings(on_gpu="bfloat16"),
    sampling=SamplingSettings(reuse=2),
    variation=_VARIATION,
    validation=ValidationSettings(interval=2000),
    iterations=20_000,
)

REFINE = replace(
    LOCATE,
    network="refine",
    view=_REFINE_VIEW,
    synthesis=SynthesisSettings(
        scan_shape_zyx=(112, 144, 176),
        spacing_mm=(_REFINE_MM,) * 3,
        procedural_share=0.15,
        lean_share=0.25,
        reuse=4,
    ),
    first_stage=FirstStageSettings("locate", with_background=False, lost_share=0.1),
)

_ON_GPU = replace(LOCATE.optimiser, ema_decay=0.999)

LOCATE_ON_GPU = replace(
    LOCATE,
    name="gpu",
    view=replace(_LOCATE_VIEW, other_shapes_zyx=(*_LOCATE_VIEW.other_shapes_zyx, (112, 96, 112))),
    synthesis=replace(LOCATE.synthesis, reuse=12, mixing=16, rendered_on_device=True),
    optimiser=_ON_GPU,
    iterations=8000,
    batch=8,
)

REFINE_ON_GPU = replace(
    REFINE,
    name="gpu",
    view=replace(_REFINE_VIEW, other_shapes_zyx=(*_REFINE_VIEW.other_shapes_zyx, (96, 112, 144))),
    synthesis=replace(REFINE.synthesis, reuse=16, mixing=16, rendered_on_device=True),
    optimiser=_ON_GPU,
    iterations=8000,
    batch=8,
)
"""For PyTorch on a GPU, where a network takes a hundred samples a second: each patient is drawn once and rendered there
a dozen times. A core draws one of the first stage's patients a second, and one of the second stage's in three."""

RECIPES = (LOCATE, REFINE, LOCATE_ON_GPU, REFINE_ON_GPU)
