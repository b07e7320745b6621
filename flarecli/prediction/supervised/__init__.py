"""Prediction in a process of its own, which may take too long or die without ending the run."""
