"""Writing a segmented scan: its files and its record appear together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from flarecli.files.atomic import write_json
from flarecli.files.names import is_segmentation_name
from flarecli.files.together import appearing_together
from flarecli.prediction.case_result import CaseResult
from flarecli.prediction.cases import Case
from flarecli.prediction.dicom.files import segment_names
from flarecli.prediction.output_options import OutputOptions, segmentation_type
from flarecli.prediction.outputs import existing_files
from flarecli.prediction.record import described_file, label_names, make_record
from flarecli.prediction.result import Result
from flarecli.prediction.result_files import result_files
from flarecli.prediction.scan_content import ScanContent
from flarecli.prediction.sharing.failed_cases import is_failure
from flarecli.remarks import anonymous_text
from flarecli.steps import Steps, StepTime

_MEASURING = ("preview",)
"""Files that count as "describe" among the steps, not as "write"."""


def record_of(
    result: Result,
    content: ScanContent,
    steps: Iterable[StepTime],
    files: Mapping[str, Mapping[str, str] | None],
    *,
    scan: Path | None,
    names: Mapping[int, str],
    warnings: Iterable[str] = (),
    series: str | None = None,
) -> dict[str, Any]:
    """The record of one scan.

    Args:
        result: The segmented scan.
        content: Checksum of what was read.
        steps: What took how long.
        files: The written files by key, as `flarecli.prediction.record.described_file` gives them.
        scan: The file or folder that was read; None for a record without what may identify the patient.
        names: What the values of the label map stand for.
        warnings: What the user must see besides the warnings of scan and segmentation.
        series: Name of the series where the scan holds several.
    """
    provenance, volume, segmentation = result.provenance, result.volume, result.segmentation
    return make_record(
        scan=scan,
        content=content,
        files=files,
        names=names,
        reference=None if result.study is None or not result.study.is_reference else result.study.series.checksum,
        asked=provenance.asked,
        system=provenance.system,
        cards=provenance.cards,
        runtime=provenance.runtime,
        grid=volume.grid,
        segmentation=segmentation,
        statistics=result.statistics,
        confidence=result.confidence,
        warnings=[
            anonymous_text(text) if scan is None else text
            for text in (*volume.warnings, *segmentation.warnings, *warnings)
        ],
        steps=steps,
        series=series,
    )


def write_result(
    case: Case,
    result: Result,
    options: OutputOptions,
    steps: Steps,
    content: ScanContent,
    *,
    existing: str = "overwrite",
) -> CaseResult:
    """Write what belongs to a segmented scan: record, further files and label map, which appear together.

    Args:
        case: The case.
        result: The segmented scan.
        options: Additional outputs.
        steps: Clock.
        content: Checksum of the scan, for the record.
        existing: What happens with files that exist then; see `flarecli.prediction.outputs.existing_files`.

    Raises:
        FlareError: when a file cannot be written, or exists and may not be replaced; then none appears, and earlier
            ones stay as they are.
    """
    listed = result_files(case, options)
    files = [file for file in listed if file.exists_for(result)]
    gone = [file.path for file in listed if file not in files]  # of an earlier run, in which the organ was found
    outdated = [case.failure] if is_failure(case.failure) else []
    destinations = [case.record, *(file.path for file in files)]
    kept = existing_files(case, options, existing)
    with appearing_together(destinations, gone=gone, outdated=outdated, existing=kept) as written:
        with steps("write"):
            for file in (files[-1], *files[:-1]):  # the label map first: whatever fails, it is named before all else
                if file.key not in _MEASURING:
                    file.write(written[file.path], result)
        with steps("describe"):
            statistics = result.statistics
            for file in files:
                if file.key in _MEASURING:
                    file.write(written[file.path], result)
        described: dict[str, dict[str, str]] = {
            file.key: described_file(file.path, written[file.path]) for file in files
        }
        is_object = is_segmentation_name(case.labels)
        if is_object:
            described["labels"]["segmentation"] = segmentation_type(options)
        absent = {file.key: None for file in listed if file not in files}
        record = record_of(
            result,
            content,
            steps.times,
            {**described, **absent},
            scan=None if options.anonymous else case.scan,
            names=segment_names(result) if is_object else label_names(sides=options.sides),
            warnings=(*_of_sides(result), *_of_dicom(case, result, options)),
            series=None if case.series is None else case.series.name,
        )
        write_json(written[case.record], record)
    return CaseResult(case, "done", record, statistics)


def _of_sides(result: Result) -> tuple[str, ...]:
    """A warning where there is no gap between the kidneys."""
    if not result.sides.is_fused:
        return ()
    return ("the kidneys are connected across the midline (horseshoe kidney?); parted at the spine",)


def _of_dicom(case: Case, result: Result, options: OutputOptions) -> tuple[str, ...]:
    """Warnings about the DICOM objects."""
    if result.study is None:
        return ()
    found = result.study.warnings
    if "sr" in options.dicom and "seg" not in options.dicom and not is_segmentation_name(case.labels):
        return (*found, "the structured report refers to a DICOM segmentation that was not written: add --dicom-seg")
    return found
