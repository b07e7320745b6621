"""Synthetic scans painted where the network is trained: a patient is drawn once and scanned many times."""

from flarecli.training.samples.rendering.patients import PatientSample, PatientSource, PatientStream

__all__ = ["PatientSample", "PatientSource", "PatientStream"]
