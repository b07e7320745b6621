"""Scans with label maps of whole datasets: which files belong together, what is wrong with them, what they measure."""
