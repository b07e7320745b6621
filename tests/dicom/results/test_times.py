"""Times of results are those of the zone that they state."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

pytest.importorskip("highdicom", reason="needs highdicom (pip install 'flarecli[dicom]')")
pydicom = pytest.importorskip("pydicom")

from flarecli.dicom.results.report import measurement_report  # noqa: E402
from flarecli.dicom.results.segmentation_object import segmentation_object  # noqa: E402
from flarecli.dicom.results.segmented_series import SegmentedSeries  # noqa: E402
from flarecli.dicom.results.sources import source_series  # noqa: E402
from flarecli.dicom.results.structure_set import structure_set  # noqa: E402
from flarecli.dicom.results.times import put_times, zone_of  # noqa: E402
from tests.dicom.results.series import ORIGIN, affine_ras, headers, labels, written  # noqa: E402

EVENTS = ("InstanceCreation", "Content", "Series", "StructureSet")


@pytest.mark.parametrize(("offset", "hours"), [("+0900", 9.0), ("-0330", -3.5)])
def test_times_are_those_of_the_zone_of_the_scan(tmp_path: Path, offset: str, hours: float) -> None:
    found = headers(affine_ras())
    for header in found:
        header.TimezoneOffsetFromUTC = offset
    series = SegmentedSeries(labels(), affine_ras(), source_series(written(tmp_path, found)), ORIGIN)
    expected = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) + datetime.timedelta(hours=hours)

    for made in (segmentation_object(series), structure_set(series), measurement_report(series, {1: (1.0, 40.0)}, {})):
        assert made.TimezoneOffsetFromUTC == offset
        stated = [event for event in EVENTS if f"{event}Time" in made]
        assert len(stated) >= 2
        for event in stated:
            text = f"{made[f'{event}Date'].value}{str(made[f'{event}Time'].value)[:6]}"
            apart = datetime.datetime.strptime(text, "%Y%m%d%H%M%S") - expected
            assert abs(apart) < datetime.timedelta(minutes=10), event


def test_without_a_zone_the_time_is_that_of_this_computer() -> None:
    made, before = pydicom.Dataset(), datetime.datetime.now().replace(microsecond=0)
    put_times(made, "Content")
    assert before <= datetime.datetime.strptime(made.ContentDate + made.ContentTime, "%Y%m%d%H%M%S")


@pytest.mark.parametrize("offset", ["0900", "+0960", "+1500", "-1300", "-0000", "+9 00", "CET", ""])
def test_offsets_of_no_zone(offset: str) -> None:
    with pytest.raises(ValueError, match="an offset"):
        zone_of(offset)
