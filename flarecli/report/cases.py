"""What a report knows of one scan: the figures of its record, or why there are none."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from flarecli.measures.calibration import CALIBRATIONS
from flarecli.measures.quality import LIMITS, OrganQuality
from flarecli.organs import LEFT_KIDNEY_NAME, ORGANS, RIGHT_KIDNEY_NAME
from flarecli.report.reference import REFERENCE_HU, REFERENCE_VOLUMES_ML

KIDNEY_NAMES = (RIGHT_KIDNEY_NAME, LEFT_KIDNEY_NAME)
"""The kidneys apart, in the order of `ReportCase.kidneys`."""

_MOST_ML, _MOST_HU, _MOST_S, _MOST_MB = 1e6, 1e6, 1e8, 1e9
_RANKS = {OrganQuality.FAILED: 2, OrganQuality.CHECK: 1, OrganQuality.GOOD: 0}


class Status(StrEnum):
    """Whether a scan has a result."""

    DONE = "done"
    FAILED = "error"
    """The run said why."""
    MISSING = "missing"
    """There is a scan, but no result."""
    UNREADABLE = "unreadable"
    """There is a record or a label map, but not both, or one of them cannot be read."""
    CHANGED = "changed"
    """The content of the label map is not the one that the record describes: it was edited, or replaced."""


@dataclass(frozen=True)
class OrganFacts:
    """What the record of a scan says of one organ.

    Attributes:
        name: The organ.
        voxels: 0 where it was not found.
        volume_ml: Its volume.
        mean_hu: Mean of the scan inside it; None where it was not found.
        verdict: None in records of versions of flare that judged no other system than flarelite.
        reasons: Why it is not good.
        estimated_dsc: The DSC that the label map is estimated to have; None where unknown.
        outliers: What lies outside the reference ranges, or far from the other cases; in words.
    """

    name: str
    voxels: int
    volume_ml: float
    mean_hu: float | None
    verdict: OrganQuality | None = None
    reasons: tuple[str, ...] = ()
    estimated_dsc: float | None = None
    outliers: tuple[str, ...] = ()

    @classmethod
    def from_record(cls, record: Mapping[str, Any], name: str) -> OrganFacts:
        """The facts of one organ in a record as `flarecli.prediction.record.read_record` gives it."""
        measured, judged = record["organs"][name], record["confidence"].get(name, {})
        facts = cls(
            name,
            measured["voxels"],
            measured["volume_ml"],
            measured["mean_hu"],
            OrganQuality(judged["verdict"]) if judged else None,
            tuple(judged.get("reasons", ())),
            _estimated_dsc(name, judged),
        )
        return cls(**{**vars(facts), "outliers": tuple(_outside_reference(facts))})


@dataclass(frozen=True)
class KidneyFacts:
    """What the record of a scan says of the right or the left kidney.

    Attributes:
        name: Which of them.
        voxels: 0 where it was not found.
        volume_ml: Its volume.
        mean_hu: Mean of the scan inside it; None where it was not found.
        fused: Whether it is connected with the other one, and was parted from it at the spine.
    """

    name: str
    voxels: int
    volume_ml: float
    mean_hu: float | None
    fused: bool

    @classmethod
    def from_record(cls, record: Mapping[str, Any], name: str) -> KidneyFacts:
        """See `OrganFacts.from_record`."""
        measured = record["organs"][name]
        return cls(name, *(measured[key] for key in ("voxels", "volume_ml", "mean_hu", "fused")))


@dataclass(frozen=True)
class ReportCase:
    """One scan of a report.

    Attributes:
        name: Its name.
        status: Whether it has a result.
        problem: Why it has none; empty where it has.
        folder: Where its files lie.
        labels: The label map; None where there is none.
        record: The record; None where there is none.
        preview: The preview picture; None where there is none of this label map.
        further: Other files of the case.
        checksum: SHA-256 of the label map, or another text that stands for this case and no other.
        scan: The scan, as the record names it.
        organs: Facts of every organ; empty where there is no result.
        kidneys: Facts of the right and the left kidney; empty where there is no result.
        warnings: What the record warns of.
        seconds: Wall time of all steps.
        peak_mb: Peak memory of the process.
        system: Name of the system.
        weights: Sets of weights, with the networks they belong to.
        engine: Backend, device and precision.
        version: Of `flare`.
        finished: When the record was written.
    """

    name: str
    status: Status
    problem: str = ""
    labels: Path | None = None
    record: Path | None = None
    preview: Path | None = None
    further: tuple[Path, ...] = ()
    checksum: str = ""
    scan: str = ""
    organs: tuple[OrganFacts, ...] = ()
    kidneys: tuple[KidneyFacts, ...] = ()
    warnings: tuple[str, ...] = ()
    seconds: float | None = None
    peak_mb: float | None = None
    system: str = ""
    weights: str = ""
    engine: str = ""
    version: str = ""
    finished: str = ""

    @property
    def verdict(self) -> OrganQuality | None:
        """The worst verdict on an organ; None where there is none."""
        return max((organ.verdict for organ in self.organs if organ.verdict), key=_RANKS.__getitem__, default=None)

    @property
    def judgement(self) -> str:
        """The verdict, the status where there is no result, or "not judged"."""
        if self.status is not Status.DONE:
            return str(self.status)
        return "not judged" if self.verdict is None else str(self.verdict)

    @property
    def outliers(self) -> tuple[str, ...]:
        """The outliers of all organs, each with the organ's name."""
        return tuple(f"{organ.name}: {text}" for organ in self.organs for text in organ.outliers)

    @property
    def doubt(self) -> tuple[float, ...]:
        """Greater is more doubtful: no result first, then organs failed, organs to check, outliers, warnings, and the
        largest estimated error, as a share of what an organ to check begins with."""
        verdicts = [organ.verdict for organ in self.organs]
        return (
            float(self.status is not Status.DONE),
            verdicts.count(OrganQuality.FAILED),
            verdicts.count(OrganQuality.CHECK),
            len(self.outliers),
            len(self.warnings),
            max((_error_share(organ.name, organ.estimated_dsc) for organ in self.organs), default=0.0),
        )


def _estimated_dsc(organ: str, judged: Mapping[str, Any]) -> float | None:
    """Of a record, or from its expected DSC where an earlier version wrote it."""
    estimated, expected = _number(judged.get("estimated_dsc")), _number(judged.get("expected_dsc"))
    if expected is None or "estimated_dsc" in judged:
        return estimated
    return round(CALIBRATIONS[organ].estimate(expected), 4)


def _error_share(organ: str, estimated_dsc: float | None) -> float:
    return 0.0 if estimated_dsc is None else (1 - estimated_dsc) / (1 - LIMITS[organ].check_below_dsc)


def case_of_record(
    record: Mapping[str, Any],
    *,
    name: str,
    labels: Path,
    record_path: Path,
    preview: Path | None,
    further: tuple[Path, ...],
) -> ReportCase:
    """A case with a result.

    Args:
        record: As `flarecli.prediction.record.read_record` gives it.
        name: What to call it.
        labels: Its label map.
        record_path: The record's file.
        preview: Its preview, where there is one.
        further: Other files of the case.
    """
    runtime = record["runtime"]
    sets: dict[str, list[str]] = {}
    for network, card in record["weights"].items():
        sets.setdefault(card["set"], []).append(network)
    return ReportCase(
        name,
        Status.DONE,
        "",
        labels,
        record_path,
        preview,
        further,
        record["labels"]["sha256"],
        scan_of_record(record),
        tuple(OrganFacts.from_record(record, organ.name) for organ in ORGANS),
        tuple(KidneyFacts.from_record(record, name) for name in KIDNEY_NAMES),
        tuple(record["warnings"]),
        float(sum(step["wall_s"] for step in record["steps"])),
        float(record["peak_rss_mb"]),
        record["system"],
        "; ".join(f"{name} ({', '.join(networks)})" for name, networks in sets.items()),
        f"{runtime['backend']}, {runtime['device']}, {runtime['precision']}",
        record["versions"]["flare"],
        _text(record.get("finished")),
    )


def scan_of_record(record: Mapping[str, Any]) -> str:
    """The scan, as the record names it; empty where it does not."""
    return _text(record.get("scan"))


def is_plausible(record: Mapping[str, Any]) -> bool:
    """Whether the figures of a record can be those of a scan; others would make every plot useless."""
    organs = [record["organs"][name] for name in (*(organ.name for organ in ORGANS), *KIDNEY_NAMES)]
    return all(
        [
            *(organ["voxels"] >= 0 and 0 <= organ["volume_ml"] <= _MOST_ML for organ in organs),
            *(abs(organ["mean_hu"] or 0) <= _MOST_HU for organ in organs),
            *(0 <= step["wall_s"] <= _MOST_S for step in record["steps"]),
            0 <= record["peak_rss_mb"] <= _MOST_MB,
        ]
    )


def _outside_reference(organ: OrganFacts) -> Iterator[str]:
    if not organ.voxels:
        return
    for value, (low, high), unit in (
        (organ.volume_ml, REFERENCE_VOLUMES_ML[organ.name], "mL"),
        (organ.mean_hu, REFERENCE_HU[organ.name], "HU"),
    ):
        if value is not None and not low <= value <= high:
            yield f"{value:.0f} {unit}, outside {low:.0f} to {high:.0f}"


def _number(value: Any) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:  # an integer beyond all floats
        return None
    return number if math.isfinite(number) else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
