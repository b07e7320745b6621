"""Selection of series of a collection: all scans, or those that a choice names."""

from __future__ import annotations

from pathlib import Path

from flarecli.dicom.collection.catalogue import Catalogue, CataloguedSeries
from flarecli.dicom.collection.detection import is_collection
from flarecli.dicom.collection.opening import catalogue_of
from flarecli.dicom.collection.series_files import SeriesFiles
from flarecli.dicom.several import CHOOSE_SERIES, SeveralSeriesError
from flarecli.errors import InputError
from flarecli.files.sources import is_folder

_CHOOSE = "a Series Number, a Series Instance UID (of one acquisition: 4/2), or a name from this list"


def chosen_series(catalogue: Catalogue, choice: str | None) -> tuple[CataloguedSeries, ...]:
    """The scans of a collection, or those that a choice names.

    Args:
        catalogue: The series of the collection.
        choice: Series Number, Series Instance UID, either with `/` and the number of an acquisition, or the name of a
            series; None for all scans. A series that is left out by default may be named, too.

    Raises:
        InputError: when there are none; it lists the series.
    """
    found = catalogue.scans if choice is None else _named(catalogue, choice.strip())
    if not found:
        raise InputError(
            "holds no CT series that can be segmented" if choice is None else "holds no such series",
            path=catalogue.path,
            seen=catalogue.listing(),
            expected="a CT series of several slices" if choice is None else _CHOOSE,
            remedy="Check the path." if choice is None else "Choose one of these with --series.",
        )
    return found


def only_series(catalogue: Catalogue, choice: str | None) -> CataloguedSeries:
    """The only scan of a collection, or the one that a choice names.

    Raises:
        InputError: when there is none or more than one; it lists the series.
    """
    found = chosen_series(catalogue, choice)
    if len(found) > 1:
        raise SeveralSeriesError(
            "holds several CT series" + ("" if choice is None else " that this choice names"),
            path=catalogue.path,
            seen=catalogue.listing(),
            expected=f"one CT series, or a choice: {_CHOOSE}",
            remedy=CHOOSE_SERIES,
        )
    return found[0]


def only_scan(path: Path, choice: str | None = None) -> SeriesFiles:
    """The only scan of a collection, or the one that a choice names.

    Raises:
        InputError: as `only_series` does, and when files of it are missing.
        InstallationError: when pydicom is not installed.
    """
    files = only_series(catalogue_of(path), choice).files
    if files.problem is not None:
        raise files.problem
    return files


def chosen_scan(path: Path, choice: str | None = None) -> Path | SeriesFiles:
    """The source to read for a path that stands for one scan: the path itself, or one series of a collection.

    Args:
        path: A scan file, a folder of slices, or a collection.
        choice: See `chosen_series`.

    Raises:
        InputError: as `only_series` does; of a file that is no collection also when a series is chosen from it.
        InstallationError: when pydicom is not installed.
    """
    if choice is None and not is_collection(path):
        return path
    if not is_folder(path) and not is_collection(path):
        raise InputError(
            "holds no series to choose from",
            path=path,
            expected="a folder, a zip archive or a DICOMDIR",
            remedy="Leave --series out.",
        )
    return only_scan(path, choice)


def _named(catalogue: Catalogue, choice: str) -> tuple[CataloguedSeries, ...]:
    by_name = tuple(entry for entry in catalogue.series if entry.name == choice)
    if by_name:
        return by_name
    series, _, acquisition = choice.partition("/")
    found = [entry for entry in catalogue.series if series in (entry.uid, entry.number) and series]
    if acquisition:
        found = [entry for entry in found if str(entry.acquisition) == acquisition]
    scans = tuple(entry for entry in found if not entry.reason)
    return scans or tuple(found)
