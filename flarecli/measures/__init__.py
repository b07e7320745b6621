"""Measurements and quality checks of segmented organs."""
