"""Folders with folders, archives and DICOMDIRs that hold many series: which there are, and which are scans."""
