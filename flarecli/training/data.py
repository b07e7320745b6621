"""Training and validation data of a run: cases of a cache, or synthetic scans."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from flarecli.counts import counted
from flarecli.errors import UsageError
from flarecli.training.checks import check_batches
from flarecli.training.checksums import checksum_of_all
from flarecli.training.folds import Split
from flarecli.training.randomness import Purpose
from flarecli.training.recipe import Recipe
from flarecli.training.samples.anatomies import HELD_OUT_MAPS, MAPS, Anatomies
from flarecli.training.samples.rendering import PatientSource, PatientStream
from flarecli.training.samples.scan_source import CachedScans, ReducedScans, ScanSource, SyntheticScans
from flarecli.training.samples.schedule import Schedule
from flarecli.training.samples.stream import SampleStream, Stream
from flarecli.training.samples.variation.clipped import with_air
from flarecli.training.samples.variation.varied_scans import VariedScans
from flarecli.training.targets import Target
from flarecli.training.views import CropView, SliceView
from flarecli.training.views.scan import LabelledScan

UNKNOWN_LICENCE = "NOASSERTION"
"""What SPDX calls a licence that nothing is said about."""

HELD_OUT_SEED = 0
"""Held-out synthetic scans are the same for every seed of a run."""


class TrainingData(Protocol):
    """The data of a run."""

    @property
    def recipe(self) -> Recipe:
        """The recipe, which says how samples are cut."""
        ...

    @property
    def title(self) -> str:
        """Description for cards: "... trained on <title>"."""
        ...

    @property
    def validation_title(self) -> str:
        """Description of the held-out scans."""
        ...

    @property
    def licence(self) -> str:
        """Licence of weights that are trained on it; SPDX."""
        ...

    @property
    def facts(self) -> dict[str, Any]:
        """Identification of the data for records, JSON."""
        ...

    @property
    def checksums(self) -> dict[str, str]:
        """Checksums of what `facts` name."""
        ...

    @property
    def held_out_cases(self) -> tuple[str, ...]:
        """Names of the real cases that are held out."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences for the user on what of the data is not used."""
        ...

    @property
    def has_validation(self) -> bool:
        """Whether anything is held out."""
        ...

    @property
    def is_rendered_on_device(self) -> bool:
        """Whether samples are patients that are rendered on the device; see `flarecli.training.samples.rendering`."""
        ...

    def stream(self, seed: int) -> Stream:
        """The samples of a run."""
        ...

    def validation_scans(self, most: int) -> Iterator[tuple[str, LabelledScan]]:
        """At most `most` held-out scans with their names, for validations during the run; the same ones every time."""
        ...

    def final_scans(self, most: int) -> Iterator[tuple[str, LabelledScan]]:
        """Held-out scans with their names, for the scores of a finished run."""
        ...


@dataclass
class SyntheticData:
    """Synthetic scans, with procedural organs or those of label maps.

    Attributes:
        recipe: How they are made and samples are cut.
        anatomies: Source of the organs.
    """

    recipe: Recipe
    anatomies: Anatomies
    _held_out: dict[int, LabelledScan] = field(default_factory=dict, repr=False)

    @property
    def title(self) -> str:
        maps, _ = self._map_names
        organs = f"organs of {counted(len(maps), 'label map')}" if maps else "procedural organs"
        return f"synthetic scans alone ({organs})"

    @property
    def validation_title(self) -> str:
        return "synthetic scans that were not trained on"

    @property
    def licence(self) -> str:
        # The licence of weights trained on label maps depends on that of the maps.
        return UNKNOWN_LICENCE if self.anatomies.names else "Apache-2.0"

    @property
    def facts(self) -> dict[str, Any]:
        maps, held_out = self._map_names
        return {"synthetic": True, MAPS: list(maps), **({HELD_OUT_MAPS: list(held_out)} if held_out else {})}

    @property
    def _map_names(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return self.anatomies.split_names(self.recipe.synthesis.held_out_share)

    @property
    def checksums(self) -> dict[str, str]:
        return {"label_maps": self.anatomies.sha256} if self.anatomies.names else {}

    @property
    def held_out_cases(self) -> tuple[str, ...]:
        return ()

    @property
    def warnings(self) -> tuple[str, ...]:
        return () if self.anatomies.warning is None else (self.anatomies.warning,)

    @property
    def has_validation(self) -> bool:
        return self.recipe.validation.scans > 0

    @property
    def is_rendered_on_device(self) -> bool:
        return self.recipe.synthesis.rendered_on_device

    def stream(self, seed: int) -> Stream:
        settings = self.recipe.synthesis
        maps, _ = self.anatomies.split(settings.held_out_share)
        target = Target(self.recipe.target)
        schedule = Schedule(settings.reuse, settings.mixing)
        if isinstance(self.recipe.view, CropView) and settings.rendered_on_device:
            source = PatientSource(settings, maps, seed)
            return PatientStream(source, self.recipe.view, target, schedule, seed, self.recipe.batch)
        with_surroundings = target is Target.SURROUNDINGS
        return SampleStream(
            SyntheticScans(settings, maps, self.recipe.view, seed, with_surroundings=with_surroundings),
            self.recipe.view,
            target,
            schedule,
            seed,
        )

    def validation_scans(self, most: int) -> Iterator[tuple[str, LabelledScan]]:
        _, maps = self.anatomies.split(self.recipe.synthesis.held_out_share)
        with_surroundings = Target(self.recipe.target) is Target.SURROUNDINGS
        made = SyntheticScans(
            self.recipe.synthesis, maps, self.recipe.view, HELD_OUT_SEED, Purpose.HELD_OUT_SCAN, with_surroundings
        )
        for number in range(most):
            if number not in self._held_out:
                # Negative numbers: no held-out scan has the number of a training scan.
                self._held_out[number] = replace(made.scan(number), number=-1 - number)
            yield f"synthetic {number}", self._held_out[number]

    def final_scans(self, most: int) -> Iterator[tuple[str, LabelledScan]]:
        return self.validation_scans(most)


@dataclass(frozen=True)
class CachedData:
    """Cases of a preprocessed cache.

    Attributes:
        recipe: How samples are cut.
        cache: A `flarecli.preprocessing.cache.TrainingCache`.
        split: Cases for training and for validation.
    """

    recipe: Recipe
    cache: Any
    split: Split

    def __post_init__(self) -> None:
        with_surroundings = Target(self.recipe.target) is Target.SURROUNDINGS
        if with_surroundings and not self.recipe.loss.name.startswith("partial_"):
            raise UsageError(
                "the labels of a cache do not distinguish all surroundings",
                seen=f'target = "{self.recipe.target}", loss.name = "{self.recipe.loss.name}"',
                expected=f'target = "{Target.CLASSES}", or a loss for partial labels (partial_...)',
                remedy="Change the target or the loss, or train on synthetic scans.",
            )
        check_batches(self.recipe)
        if (self.cache.system, self.recipe.network in self.cache.networks) != (self.recipe.system, True):
            raise UsageError(
                "the cache was made for another system",
                seen=f"{self.cache.system} ({', '.join(self.cache.networks)})",
                expected=f"{self.recipe.system}/{self.recipe.network}",
                remedy="Make a cache for it with `flare preprocess`, or choose another --system or --network.",
            )

        if unknown := sorted(set(self.recipe.sampling.repeated) - set(self.cache.names)):
            raise UsageError(
                "sampling.repeated names cases that the cache does not have",
                seen=", ".join(unknown[:8]),
                expected=f"names among {', '.join(self.cache.names[:8])}{' ...' if len(self.cache.names) > 8 else ''}",
                remedy="Correct the names.",
            )

    @property
    def title(self) -> str:
        return counted(len(self.split.training), "case")

    @property
    def validation_title(self) -> str:
        return "cases that were not trained on"

    @property
    def licence(self) -> str:
        return UNKNOWN_LICENCE

    @property
    def facts(self) -> dict[str, Any]:
        return {"training": list(self.split.training), "validation": list(self.split.validation)}

    @property
    def checksums(self) -> dict[str, str]:
        names = (*self.split.training, *self.split.validation)
        return {"cases": checksum_of_all((name, self.cache.key_of(name)) for name in names)}

    @property
    def held_out_cases(self) -> tuple[str, ...]:
        return self.split.validation

    @property
    def warnings(self) -> tuple[str, ...]:
        return ()

    @property
    def has_validation(self) -> bool:
        return bool(self.split.validation)

    @property
    def is_rendered_on_device(self) -> bool:
        return False

    def stream(self, seed: int) -> SampleStream:
        sampling = self.recipe.sampling
        cases: ScanSource = CachedScans(self.cache, self.recipe.network, self.split.training, sampling, seed)
        if isinstance(self.recipe.view, SliceView) and self.recipe.variation.changes_anything:
            cases = ReducedScans(cases, self.recipe.view)
        return SampleStream(
            VariedScans(cases, self.recipe.variation, seed),
            self.recipe.view,
            Target(self.recipe.target),
            Schedule(sampling.reuse, sampling.mixing),
            seed,
            is_partial=True,
        )

    def validation_scans(self, most: int) -> Iterator[tuple[str, LabelledScan]]:
        for number, name in enumerate(self.split.validation[:most]):
            yield name, self._case(number, name)

    def final_scans(self, most: int) -> Iterator[tuple[str, LabelledScan]]:
        return self.validation_scans(len(self.split.validation))

    def _case(self, number: int, name: str) -> LabelledScan:
        case = self.cache.load(name, self.recipe.network)
        image = case.image
        if self.recipe.validation.restored_air:
            image = np.rint(with_air(image)).astype(image.dtype)
        return LabelledScan(-1 - number, image, case.labels, case.spacing_mm)
