"""Synthetic scans rendered on the training device: a patient is drawn once and rendered many times."""

from flarecli.training.samples.rendering.patients import PatientSample, PatientSource, PatientStream

__all__ = ["PatientSample", "PatientSource", "PatientStream"]
