"""DICOM results of predictions."""
