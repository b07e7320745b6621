"""Measurements of speed, memory and accuracy; each module runs with `python -m benchmarks.NAME`."""
