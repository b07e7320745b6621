"""Consistency checks of recipes, before anything is computed."""

from __future__ import annotations

from flarecli.errors import UsageError
from flarecli.systems.base import NetworkSpec
from flarecli.training.learning.losses import checked_arguments
from flarecli.training.recipe import Recipe
from flarecli.training.setting_ranges import check_ranges
from flarecli.training.targets import Target
from flarecli.training.views import CropView
from flarecli.training.views.orientation import ORIENTATIONS

_SELECTIONS = ("last", "dice", "cross_entropy")
_ORDERS = ("shuffled", "with_replacement")
_PRECISIONS = ("float32", "float16", "bfloat16")


def check_recipe(recipe: Recipe) -> None:
    """Check that the settings of a recipe are known and consistent.

    Raises:
        UsageError: when they are not.
    """
    checked_arguments(recipe.loss)
    _among("target", recipe.target, tuple(Target))
    _among("validation.select", recipe.validation.select, _SELECTIONS)
    _among("sampling.order", recipe.sampling.order, _ORDERS)
    orientation = getattr(recipe.view, "orientation", "RAS")
    _among("view.orientation", orientation, ORIENTATIONS)
    _among("precision.activations", recipe.precision.activations, ("auto", *_PRECISIONS))
    _among("precision.on_gpu", recipe.precision.on_gpu, _PRECISIONS)
    check_ranges(recipe)
    if recipe.synthesis.rendered_on_device:
        _check_rendered(recipe)
    else:
        check_batches(recipe)
    if recipe.validation.select == "cross_entropy" and recipe.target == Target.ORGANS:
        raise UsageError(
            "independent organs have no cross-entropy of classes to select by",
            seen='validation.select = "cross_entropy"',
            expected="last or dice",
            remedy="Choose one of those.",
        )
    sees_first_stage = isinstance(recipe.view, CropView) and recipe.view.first_stage is not None
    if sees_first_stage != (recipe.first_stage is not None):
        raise UsageError(
            "a network whose input holds another one's scores needs both that network and its view of the scan",
            seen=f"first_stage {recipe.first_stage}, view {type(recipe.view).__name__}",
            expected="a recipe with first_stage and a view with first_stage",
            remedy="Add what is missing to the recipe.",
        )


def check_sizes(recipe: Recipe, spec: NetworkSpec) -> None:
    """Check that the network takes inputs of the sizes of the recipe's view.

    Raises:
        UsageError: when it does not.
    """
    wrong = sorted({size for size in recipe.view.axis_sizes if size < 1 or size % spec.multiple})
    if wrong:
        raise UsageError(
            f"{recipe.system}/{spec.key} takes no inputs of these sizes",
            seen=f"{', '.join(map(str, wrong))} among the sizes of the recipe's view",
            expected=f"multiples of {spec.multiple} along each axis",
            remedy="Correct the settings that begin with view (shape_zyx, other_shapes_zyx, multiple or sizes).",
        )


def check_batches(recipe: Recipe) -> None:
    """Check that the samples of a batch have one size, where each is cut by itself.

    Raises:
        UsageError: when they do not.
    """
    if recipe.batch > 1 and not recipe.view.has_fixed_shape:
        raise UsageError(
            "samples of different sizes do not make a batch",
            seen=f"batch = {recipe.batch}",
            expected="batch = 1, or one size along each axis in view.sizes",
            remedy="Set batch = 1 and accumulate to the number of samples of an update.",
        )


def _check_rendered(recipe: Recipe) -> None:
    """Check that scans to be rendered on the device have cubic voxels and are cropped without resampling."""
    view, settings = recipe.view, recipe.synthesis
    problems = {
        f"view {type(view).__name__}": not isinstance(view, CropView),
        f"synthesis.spacing_mm = {settings.spacing_mm}": len(set(settings.spacing_mm)) > 1,
    }
    if isinstance(view, CropView):
        problems |= {
            f"view.spacing_mm = {view.spacing_mm}": view.spacing_mm not in (0.0, settings.spacing_mm[0]),
            f"view.orientation = {view.orientation}": view.orientation != "RAS",
            f"view.intensity.gamma = {view.intensity.gamma}": view.intensity.gamma != (1.0, 1.0),
        }
    if seen := [name for name, is_wrong in problems.items() if is_wrong]:
        raise UsageError(
            "scans cannot be rendered on the device like this",
            seen=", ".join(seen),
            expected="crops in RAS orientation of scans with cubic voxels, at their voxel size, without gamma",
            remedy="Correct these settings, or set synthesis.rendered_on_device = false.",
        )


def _among(key: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UsageError(
            f"unknown value of {key}", seen=value, expected=", ".join(known), remedy="Choose one of those."
        )
