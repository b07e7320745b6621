"""Datasets of scans with label maps: pairing of files, checks, statistics."""
