"""Training and validation data of a run on real and synthetic scans together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from flarecli.errors import UsageError
from flarecli.training.data import CachedData, SyntheticData
from flarecli.training.recipe import LossSettings, Recipe
from flarecli.training.samples.mixture.stream import Interleaving, MixedStream, Renumbered
from flarecli.training.samples.stream import SampleStream
from flarecli.training.targets import Target
from flarecli.training.views.scan import LabelledScan

_PARTIAL_LOSSES = {"cross_entropy_dice": "partial_cross_entropy_dice"}
"""Losses of classes, and their forms for partial labels."""


@dataclass(frozen=True)
class MixedData:
    """Cases of a cache and synthetic scans in one stream; validated on held-out cases.

    Attributes:
        recipe: How samples are cut.
        real: The cases.
        synthetic: The synthetic scans; label maps that its recipe holds out are not used.
        real_share: Share of the samples that are from real scans, above 0 and below 1.
    """

    recipe: Recipe
    real: CachedData
    synthetic: SyntheticData
    real_share: float

    def __post_init__(self) -> None:
        if not 0 < self.real_share < 1:
            raise UsageError(
                "the share of real scans must lie between 0 and 1",
                seen=f"--real-share {self.real_share:g}",
                remedy="Give a number such as 0.5; leave out the cache or --synthesize-from for scans of one kind.",
            )
        if self.synthetic.is_rendered_on_device:
            raise UsageError(
                "scans rendered on the device cannot be mixed with real ones",
                seen="synthesis.rendered_on_device = true with a cache",
                remedy="Set synthesis.rendered_on_device = false, or train on synthetic scans only.",
            )

    @property
    def title(self) -> str:
        share = f"{self.real_share:.0%} of the samples real"
        return f"{self.real.title} and {self.synthetic.title.replace(' alone', '')} ({share})"

    @property
    def validation_title(self) -> str:
        return self.real.validation_title

    @property
    def licence(self) -> str:
        return self.real.licence

    @property
    def facts(self) -> dict[str, Any]:
        return {**self.synthetic.facts, **self.real.facts, "real_share": self.real_share}

    @property
    def checksums(self) -> dict[str, str]:
        return {**self.synthetic.checksums, **self.real.checksums}

    @property
    def held_out_cases(self) -> tuple[str, ...]:
        return self.real.held_out_cases

    @property
    def warnings(self) -> tuple[str, ...]:
        return (*self.real.warnings, *self.synthetic.warnings)

    @property
    def has_validation(self) -> bool:
        return self.real.has_validation

    @property
    def is_rendered_on_device(self) -> bool:
        return False

    def stream(self, seed: int) -> MixedStream:
        synthetic = self.synthetic.stream(seed)
        real = self.real.stream(seed)
        if not isinstance(synthetic, SampleStream):
            raise TypeError("scans rendered on the device cannot be mixed with real ones")
        return MixedStream(replace(real, source=Renumbered(real.source)), synthetic, Interleaving(self.real_share))

    def validation_scans(self, most: int) -> Iterator[tuple[str, LabelledScan]]:
        return self.real.validation_scans(most)

    def final_scans(self, most: int) -> Iterator[tuple[str, LabelledScan]]:
        return self.real.final_scans(most)


def recipe_for_mixing(recipe: Recipe) -> Recipe:
    """The recipe with the form of its loss for partial labels, as those of real scans are.

    Raises:
        UsageError: when its loss has no such form.
    """
    if Target(recipe.target) is not Target.SURROUNDINGS or recipe.loss.name in _PARTIAL_LOSSES.values():
        return recipe
    if recipe.loss.name not in _PARTIAL_LOSSES:
        raise UsageError(
            "this loss has no form for partial labels, and labels of real scans do not distinguish surroundings",
            seen=f"loss.name = {recipe.loss.name}",
            expected=", ".join((*_PARTIAL_LOSSES, *_PARTIAL_LOSSES.values())),
            remedy=f'Choose one of those, or set target = "{Target.CLASSES}".',
        )
    return replace(recipe, loss=LossSettings(_PARTIAL_LOSSES[recipe.loss.name], recipe.loss.arguments))
