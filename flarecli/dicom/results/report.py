"""Measurements of organs as a DICOM Structured Report, template TID 1500, through highdicom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from highdicom.sr import (
    AlgorithmIdentification,
    Comprehensive3DSR,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    Measurement,
    MeasurementReport,
    ObservationContext,
    ObserverContext,
    QualitativeEvaluation,
    ReferencedSegment,
    SourceSeriesForSegmentation,
    TrackingIdentifier,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)
from highdicom.sr.coding import CodedConcept
from pydicom import Dataset

from flarecli.dicom.results.messages import keep_messages_private
from flarecli.dicom.results.origin import MANUFACTURER, repeatable_uid
from flarecli.dicom.results.segmentation_object import coded, segmentation_reference
from flarecli.dicom.results.segmented_series import SegmentedSeries
from flarecli.dicom.results.segments import Segment
from flarecli.dicom.results.times import put_times

_SERIES_NUMBER = 9003
_VOLUME = CodedConcept("118565006", "SCT", "Volume")
_MEAN_HU = CodedConcept("112031", "DCM", "Attenuation Coefficient")
_MILLILITRE = CodedConcept("mL", "UCUM", "milliliter")
_HOUNSFIELD = CodedConcept("[hnsf'U]", "UCUM", "Hounsfield unit")
_QUALITY = CodedConcept("QC_VERDICT", "99FLARE", "Quality check of the segmentation")
_VERDICTS = {
    "good": CodedConcept("QC_GOOD", "99FLARE", "Good"),
    "check": CodedConcept("QC_CHECK", "99FLARE", "To be checked"),
    "failed": CodedConcept("QC_FAILED", "99FLARE", "Failed"),
}
_KIDNEYS = CodedConcept("KIDNEYS", "99FLARE", "Kidneys")
_FUSED = CodedConcept("KIDNEYS_FUSED", "99FLARE", "Connected across the midline, separated at the spine")
_PROCEDURE = CodedConcept("241544005", "SCT", "Computed tomography of abdomen")
_DERIVATION_MEAN = CodedConcept("373098007", "SCT", "Mean")


def measurement_report(
    segmented: SegmentedSeries,
    measured: Mapping[int, tuple[float, float]],
    verdicts: Mapping[int, str],
    *,
    labelmap: bool = False,
) -> Dataset:
    """Make a report of volume, mean HU and quality check of every segment.

    Args:
        segmented: The label map, whose Segmentation object is referenced.
        measured: Volume in mL and mean HU by number of segment, see `SEGMENTS`.
        verdicts: "good", "check" or "failed" by number of segment; those without one have no evaluation.
        labelmap: Whether that object is a LABELMAP.

    Returns:
        The dataset, to be saved with `save_as`.
    """
    keep_messages_private()
    origin = segmented.origin
    segmentation = segmentation_reference(segmented, labelmap=labelmap)
    facts = [str(segmentation.SOPInstanceUID), "SR"]
    groups = [
        _group(segment, described, segmentation, segmented, measured[segment.number], verdicts)
        for segment, described in zip(segmented.present, segmentation.SegmentSequence, strict=True)
        if segment.number in measured
    ]
    device = DeviceObserverIdentifyingAttributes(
        uid=repeatable_uid("device", *origin.facts()),
        name=origin.algorithm,
        manufacturer_name=MANUFACTURER,
        model_name=origin.algorithm,
    )
    context = ObserverContext(CodedConcept("121007", "DCM", "Device"), device)
    report = MeasurementReport(
        observation_context=ObservationContext(observer_device_context=context),
        procedure_reported=_PROCEDURE,
        imaging_measurements=groups,
        title=CodedConcept("126000", "DCM", "Imaging Measurement Report"),
    )
    made = Comprehensive3DSR(
        evidence=[segmentation],
        content=report,
        series_instance_uid=repeatable_uid("series", *facts),
        series_number=_SERIES_NUMBER,
        sop_instance_uid=repeatable_uid("instance", *facts),
        instance_number=1,
        manufacturer=MANUFACTURER,
        is_complete=True,
        is_verified=False,
        series_description=origin.series_description("measurements"),
    )
    segmented.source.identity.complete(made)
    put_times(made, "InstanceCreation", "Content")
    return made


def _group(
    segment: Segment,
    described: Dataset,
    segmentation: Dataset,
    segmented: SegmentedSeries,
    measured: tuple[float, float],
    verdicts: Mapping[int, str],
) -> Any:
    volume_ml, mean_hu = measured
    origin = segmented.origin
    laterality = None if segment.laterality is None else coded(segment.laterality)
    algorithm = AlgorithmIdentification(name=origin.algorithm, version=origin.version)
    verdict = verdicts.get(segment.number)
    evaluations = [] if verdict is None else [QualitativeEvaluation(name=_QUALITY, value=_VERDICTS[verdict])]
    if segmented.description_of(segment):
        evaluations.append(QualitativeEvaluation(name=_KIDNEYS, value=_FUSED))
    return VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid=described.TrackingUID, identifier=segment.label),
        referenced_segment=ReferencedSegment(
            sop_class_uid=str(segmentation.SOPClassUID),
            sop_instance_uid=str(segmentation.SOPInstanceUID),
            segment_number=int(described.SegmentNumber),
            source_series=SourceSeriesForSegmentation(str(segmented.source.headers[0].SeriesInstanceUID)),
        ),
        finding_type=coded(segment.property_type),
        finding_sites=[FindingSite(coded(segment.property_type), laterality=laterality)],
        algorithm_id=algorithm,
        measurements=[
            Measurement(name=_VOLUME, value=round(volume_ml, 3), unit=_MILLILITRE),
            Measurement(name=_MEAN_HU, value=round(mean_hu, 2), unit=_HOUNSFIELD, derivation=_DERIVATION_MEAN),
        ],
        qualitative_evaluations=evaluations or None,
    )
