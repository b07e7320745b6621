"""Protocols of challenges: organs, tolerances, and particular rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from numbers import Integral

from flarecli.errors import UsageError
from flarecli.organs import ORGANS


class Metric(StrEnum):
    """A score of one organ in one case."""

    DSC = "dsc"
    NSD = "nsd"
    HD95 = "hd95"
    ASSD = "assd"
    VOLUME = "volume"

    @property
    def heading(self) -> str:
        """Short name with the unit, for tables."""
        return _HEADINGS[self]

    @property
    def is_share(self) -> bool:
        """Whether the score runs from 0 (worst) to 1 (best)."""
        return self in (Metric.DSC, Metric.NSD)


_HEADINGS = {
    Metric.DSC: "DSC",
    Metric.NSD: "NSD",
    Metric.HD95: "HD95 (mm)",
    Metric.ASSD: "ASSD (mm)",
    Metric.VOLUME: "Volume error (mL)",
}


@dataclass(frozen=True)
class ScoredOrgan:
    """One organ of a protocol.

    Attributes:
        label: Its value in the label maps.
        name: Its name in tables.
        tolerance_mm: Distance within which surfaces agree for the NSD.
        only_labelled_slices: Score only the axial slices that lie between the first and the last one where
            the ground truth has this organ.
    """

    label: int
    name: str
    tolerance_mm: float = 1.0
    only_labelled_slices: bool = False


@dataclass(frozen=True)
class Protocol:
    """The rules of a challenge.

    Attributes:
        name: Its name on the command line.
        organs: What is scored, in the order of the tables.
        least_dsc_for_nsd: The NSD of an organ with a smaller DSC is 0.
        decimals: The published script rounds the scores to so many decimals.
        prediction_is_truncated: In predictions too, values between labels count as the label below.
        organ_in_columns: Table columns are called `Liver_DSC`, not `DSC_1`.
    """

    name: str
    organs: tuple[ScoredOrgan, ...]
    least_dsc_for_nsd: float = 0.0
    decimals: int | None = None
    prediction_is_truncated: bool = False
    organ_in_columns: bool = False

    def with_tolerances(self, tolerances_mm: Mapping[int, float]) -> Protocol:
        """The same rules with other tolerances, by label; organs not named keep theirs."""
        organs = tuple(
            replace(organ, tolerance_mm=tolerances_mm.get(organ.label, organ.tolerance_mm)) for organ in self.organs
        )
        return replace(self, organs=organs, organ_in_columns=False)

    def with_labels(self, names: Mapping[int, str]) -> Protocol:
        """The same rules for other labels; those that the protocol knows keep their tolerance and rules.

        Args:
            names: Names by label; see `check_label_names`.
        """
        known = {organ.label: organ for organ in self.organs}
        organs = tuple(replace(known.get(label, ScoredOrgan(label, name)), name=name) for label, name in names.items())
        return replace(self, organs=organs, organ_in_columns=False)

    def column(self, metric: Metric, organ: ScoredOrgan) -> str:
        """Name of a column, as the challenge's tables have it where they have it."""
        if self.organ_in_columns:
            return f"{organ.name}_{metric.name}"
        if metric is Metric.NSD:
            return f"{nsd_name(organ.tolerance_mm)}_{organ.label}"
        return f"{_COLUMN_STEMS[metric]}_{organ.label}"

    def columns(self, metrics: tuple[Metric, ...]) -> dict[str, tuple[Metric, ScoredOrgan]]:
        """All columns in the challenge's order: FLARE21 organ by organ, FLARE22 score by score."""
        if self.organ_in_columns:
            pairs = [(metric, organ) for metric in metrics for organ in self.organs]
        else:
            pairs = [(metric, organ) for organ in self.organs for metric in metrics]
        return {self.column(metric, organ): (metric, organ) for metric, organ in pairs}


def nsd_name(tolerance_mm: float) -> str:
    """What tables call the NSD at a tolerance: `NSD-1mm`."""
    return f"NSD-{exact_digits(tolerance_mm)}mm"


def exact_digits(number: float) -> str:
    """A number with all its decimals and without an exponent: two of one text are equal."""
    return format(Decimal(repr(float(number))), "f").removesuffix(".0")


def check_label_names(names: Mapping[int, str], option: str = "labels", seen: object | None = None) -> None:
    """Refuse labels that cannot be scored each under its own name.

    Args:
        names: Names by label.
        option: What the user wrote them after, for messages.
        seen: What the user wrote, for messages; the names themselves where None.

    Raises:
        UsageError: where there are none, a label is no whole number from 1 on, a name is empty, or two labels have one
            name.
    """
    seen = dict(names) if seen is None else seen
    if not names or not all(_is_label(label) for label in names) or not all(map(_is_name, names.values())):
        raise UsageError(
            f"{option} is not understood",
            seen=seen,
            expected="a name for each label, labels from 1 on",
            remedy="Name each label once, as in 1 liver, 2 kidneys; 0 is background.",
        )
    if len(set(names.values())) < len(names):
        raise UsageError(
            f"{option} names two labels alike",
            seen=seen,
            expected="a name of its own for each label",
            remedy="Give each label a name of its own, or merge the labels in the label maps.",
        )


def _is_label(label: object) -> bool:
    return isinstance(label, Integral) and not isinstance(label, bool) and int(label) > 0


def _is_name(name: object) -> bool:
    return isinstance(name, str) and name.strip() != ""


_COLUMN_STEMS = {
    Metric.DSC: "DSC",
    Metric.HD95: "HD95-mm",
    Metric.ASSD: "ASSD-mm",
    Metric.VOLUME: "VolumeDifference-mL",
}

FLARE21 = Protocol(name="flare21", organs=tuple(ScoredOrgan(organ.label, organ.name) for organ in ORGANS))
"""Four organs, 1 mm for all. Source: JunMa11/FLARE, FLARE21/Evaluation/DSC_NSD_eval.py."""

FLARE22 = Protocol(
    name="flare22",
    organs=(
        ScoredOrgan(1, "Liver", 5.0),
        ScoredOrgan(2, "RK", 3.0),
        ScoredOrgan(3, "Spleen", 3.0),
        ScoredOrgan(4, "Pancreas", 5.0),
        ScoredOrgan(5, "Aorta", 2.0, only_labelled_slices=True),
        ScoredOrgan(6, "IVC", 2.0, only_labelled_slices=True),
        ScoredOrgan(7, "RAG", 2.0),
        ScoredOrgan(8, "LAG", 2.0),
        ScoredOrgan(9, "Gallbladder", 2.0),
        ScoredOrgan(10, "Esophagus", 3.0, only_labelled_slices=True),
        ScoredOrgan(11, "Stomach", 5.0),
        ScoredOrgan(12, "Duodenum", 7.0),
        ScoredOrgan(13, "LK", 3.0),
    ),
    least_dsc_for_nsd=0.2,
    decimals=4,
    prediction_is_truncated=True,
    organ_in_columns=True,
)
"""Thirteen organs with their own tolerances. Source: JunMa11/FLARE, FLARE22/Evaluation/DSC_NSD_eval.py."""

PROTOCOLS: dict[str, Protocol] = {protocol.name: protocol for protocol in (FLARE21, FLARE22)}
