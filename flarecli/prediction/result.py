"""What is known of one segmented scan; what takes time is found out when it is asked for first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from flarecli.engine import Runtime
from flarecli.measures.anatomy.shapes import organ_shapes
from flarecli.measures.kidney_sides import KidneySides, kidney_sides
from flarecli.measures.quality import OrganConfidence, assess_organs
from flarecli.measures.statistics import OrganStatistics, kidney_statistics, organ_statistics
from flarecli.prediction.dicom.study import DicomStudy
from flarecli.systems.base import Segmentation
from flarecli.volume import Volume
from flarecli.weights.card import Card

if TYPE_CHECKING:
    from flarecli.dicom.results.segmented_series import SegmentedSeries


@dataclass(frozen=True)
class Provenance:
    """How label maps are made, the same for every scan of a run.

    Attributes:
        system: Name of the system.
        cards: Cards of the weights, by network.
        runtime: What computes the networks.
        asked: What the user asked of region and engine.
    """

    system: str
    cards: Mapping[str, Card]
    runtime: Runtime
    asked: Mapping[str, Any]


@dataclass(frozen=True)
class Result:
    """One segmented scan.

    Attributes:
        volume: The scan.
        segmentation: What the system found.
        provenance: How.
        study: The DICOM series that results belong to; None where no DICOM object is written.
    """

    volume: Volume
    segmentation: Segmentation
    provenance: Provenance
    study: DicomStudy | None = None

    @cached_property
    def statistics(self) -> tuple[OrganStatistics, ...]:
        """What each organ measures, absent ones too; then the right and the left kidney alone."""
        return (*self.organs, *self.kidneys)

    @cached_property
    def organs(self) -> tuple[OrganStatistics, ...]:
        """What each organ measures, absent ones too."""
        return organ_statistics(self.volume, self.segmentation.labels)

    @cached_property
    def kidneys(self) -> tuple[OrganStatistics, OrganStatistics]:
        """What the right and the left kidney measure alone, absent ones too."""
        return kidney_statistics(self.volume, self.sides)

    @cached_property
    def confidence(self) -> tuple[OrganConfidence, ...]:
        """How far each organ can be trusted: by anatomy, and by the network's uncertainty where the system gives it."""
        found, grid = self.segmentation, self.volume.grid
        shapes = organ_shapes(self.volume, self.sides)
        return assess_organs(
            self.organs,
            self.kidneys,
            shapes,
            grid.spacing_mm[0],
            signals=found.signals,
            calibrations=found.calibrations,
        )

    @cached_property
    def sides(self) -> KidneySides:
        """The label map with left and right kidney apart."""
        return kidney_sides(self.segmentation.labels, self.volume.voxels, self.volume.grid)

    @property
    def has_organs(self) -> bool:
        """Whether any organ was found."""
        return any(organ.voxels for organ in self.organs)

    @property
    def labels_kji(self) -> np.ndarray:
        """Labels with the kidneys apart on the scan's own axes: slices, rows, columns of a DICOM series."""
        return np.ascontiguousarray(self.volume.source.orientation.stored_view(self.sides.labels).T)

    @cached_property
    def segmented(self) -> SegmentedSeries:
        """The label map on the slices of the series that results belong to."""
        from flarecli import __version__
        from flarecli.dicom.results.origin import Origin

        assert self.study is not None  # asked for where DICOM objects are written only
        cards = self.provenance.cards
        origin = Origin(self.provenance.system, __version__, {key: card.sha256 for key, card in cards.items()})
        return self.study.segmented(self.sides.labels, origin, are_kidneys_fused=self.sides.is_fused)

    def in_study(self, study: DicomStudy | None) -> Result:
        """The same result, whose DICOM objects belong to a series; what was measured is kept."""
        result = replace(self, study=study)
        for name in ("statistics", "organs", "kidneys", "confidence", "sides"):
            if name in vars(self):
                vars(result)[name] = vars(self)[name]
        return result
