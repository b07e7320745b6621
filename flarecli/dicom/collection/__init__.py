"""Folders with folders, archives and DICOMDIRs that hold many series: which there are, and which are scans."""

from flarecli.dicom.collection.catalogue import Catalogue, CataloguedSeries
from flarecli.dicom.collection.opening import catalogue_of, is_collection
from flarecli.dicom.collection.series_files import SeriesFiles, content_of_series, find_series_of

__all__ = [
    "Catalogue",
    "CataloguedSeries",
    "SeriesFiles",
    "catalogue_of",
    "content_of_series",
    "find_series_of",
    "is_collection",
]
