"""Label maps as DICOM objects that belong to the study of their scan: SEG, RTSTRUCT, SR."""
