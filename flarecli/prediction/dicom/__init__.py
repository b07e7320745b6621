"""DICOM objects of a segmented scan: the series that they belong to, and their files."""
