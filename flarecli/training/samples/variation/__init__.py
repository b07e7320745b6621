"""Augmentation of real scans: contrast phase, deformation, acquisition, display window."""
